"""The queue: worksets by state, filtered, in the order they matter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import Static

from tui.cells import GLYPHS, WORDS, Cell, priority_cell, state_cell
from tui.columns import Column
from tui.model import SortedRows
from tui.panels.base import Panel
from tui.table import RowTable
from wsmon.domain.ordering import queue_moment
from wsmon.domain.states import WAITING, WorksetState
from wsmon.domain.visible import visible

if TYPE_CHECKING:
    from wsmon.domain.filters import Filter
    from wsmon.domain.times import Instant
    from wsmon.domain.workset import Row
    from wsmon.services.live import Delta

S = WorksetState
TIMELY_SECONDS = 15
"""How often a filter that time alone may change is looked through again."""
# What works comes first, then what waits, then what needs a person, then what is over.
SHOWN = (S.IN_PROGRESS, S.LOCKED, S.READY, S.RETRYING, S.ERROR, S.FAILED, S.COMPLETE, S.IGNORED)
_RANK = {state: rank for rank, state in enumerate(SHOWN)}
_FINISHED = {S.ERROR, S.FAILED, S.COMPLETE, S.IGNORED}


def order(row: Row) -> tuple[int, int, int, str]:
    """State, tier where worksets wait, moment (the newest first where they are finished), id."""
    moment = queue_moment(row)
    return (
        _RANK.get(row.state, len(_RANK)),
        row.priority.tier if row.state in WAITING else 0,
        -moment if row.state in _FINISHED else moment,
        row.workset_id,
    )


class QueuePanel(Panel["Row"]):
    """The worksets of all states, or of one."""

    def __init__(self) -> None:
        self._state: WorksetState | None = None
        self._filter: Filter | None = None
        self._last: Filter | None = None
        """The last one that was on, for going from match to match."""
        self.filter_text = ""
        self._looked_at: Instant = 0
        self._adopted: dict[str, str] = {}
        """Worksets whose present attempt another holder began, with who that was."""
        self._held: dict[str, str] = {}
        """Running ones with who held them last."""
        self._states: Text | None = None
        """The line of states as it was drawn last."""
        self._all: Mapping[str, Row] = {}
        self._counts: Mapping[WorksetState, int] = {}
        super().__init__(1, "queue")
        self.tabs = Static("", id="states", markup=False)

    def compose(self) -> ComposeResult:
        """States over the table."""
        yield self.tabs
        yield self.table

    def make_table(self) -> RowTable[Row]:
        """Columns by how much room there is."""
        columns: list[Column[Row]] = [
            Column("PRIO", lambda row: priority_cell(row.priority), 6, sort=lambda row: row.priority.tier),
            Column("STATE", lambda row: state_cell(row.state), 10, sort=lambda row: _RANK.get(row.state, len(_RANK))),
            Column("ID", lambda row: Cell(row.workset_id, "plain"), share=3),
            Column("OWNER", self._owner, share=2, from_width=64, sort=lambda row: row.holder),
            Column("AGE", self._age, 6, right=True, sort=lambda row: -queue_moment(row)),
            Column("TRY", lambda row: _number(row.attempt or None), 3, from_width=50, right=True, sort=_attempt),
            Column("NOTE", self._note, share=3, from_width=84),
            Column("CLUSTER", lambda row: Cell(row.cluster or "", "dim"), share=2, extra=True),
            Column("STEP", lambda row: Cell(row.current_step or "", "dim"), share=2, extra=True),
            Column(
                "SAMPLES", lambda row: _number(row.samples), 7, right=True, extra=True, sort=lambda row: row.samples
            ),
            Column("CATEGORY", lambda row: Cell(row.category.value if row.category else "", "bad"), 13, extra=True),
            Column(
                "TOKEN", lambda row: _number(row.token or None), 6, right=True, extra=True, sort=lambda row: row.token
            ),
            Column("BUCKET", lambda row: Cell(row.bucket, "dim"), share=2, extra=True),
            Column("PREFIX", lambda row: Cell(row.prefix, "dim"), share=3, extra=True),
            Column(
                "CHANGED", lambda row: Cell(self.since(row.updated_at), "dim"), 7, right=True, extra=True, sort=_changed
            ),
        ]
        return RowTable(columns, SortedRows(lambda row: row.workset_id, order, self._admits), id="queue-table")

    def notice(self, before: Mapping[str, Row], changed: Mapping[str, Row]) -> None:
        """Whose run went on under another lock: it was adopted, and that is worth a look, after its end too."""
        for workset_id, row in changed.items():
            known = before.get(workset_id)
            if known is None or known.attempt != row.attempt:
                self._adopted.pop(workset_id, None)
                continue
            if known.holder is not None:
                self._held[workset_id] = known.holder
            # Another attempt takes a lock as well; the same one under a new token can only be an adopted run.
            if known.state is S.IN_PROGRESS and row.token > known.token:
                self._adopted[workset_id] = self._held.get(workset_id, "nobody")
            if row.state is not S.IN_PROGRESS:
                self._held.pop(workset_id, None)

    def _owner(self, row: Row) -> Cell:
        held = self._adopted.get(row.workset_id)
        return Cell(row.holder or "", "dim") if held is None else Cell(f"{row.holder or ''} ⇠ {held}".strip(), "warn")

    def _age(self, row: Row) -> Cell:
        return Cell(self.since(queue_moment(row)), "dim")

    def _note(self, row: Row) -> Cell:
        held = self._adopted.get(row.workset_id)
        return _note(row) if held is None or row.cancel_asked or row.error else Cell(f"adopted from {held}", "warn")

    def _admits(self, row: Row) -> bool:
        known = row.state is self._state if self._state is not None else row.state in _RANK
        return known and (self._filter is None or self._filter(row, self.now))

    def values_of(self, field: str) -> list[str]:
        """What a field has now, for a filter's completion."""
        get = {
            "owner": lambda row: row.holder,
            "cluster": lambda row: row.cluster,
            "affinity": lambda row: row.affinity,
        }
        found = get.get(field)
        return sorted({value for row in self._all.values() if (value := found(row))})[:200] if found else []

    def on_resize(self) -> None:
        """The states fit anew."""
        self._show_states()

    def show(self, delta: Delta) -> None:
        """Take changed rows and counts."""
        self.table.apply(delta.rows, delta.gone)
        if delta.counts != self._counts or self.filter_text:
            self._counts = dict(delta.counts)
            self._show_states()

    def hint(self, text: Text) -> None:
        """Say this in place of the states, until there is something to show."""
        if text != self._states:
            self._states = text
            self.tabs.update(text)

    def attach(self, rows: Mapping[str, Row]) -> None:
        """The rows a new filter chooses from; the owner keeps them current."""
        self._all = rows

    def narrow(self, *, step: int = 0, text: str | None = None, tentative: bool = False) -> None:
        """Go to the state `step` tabs on, or filter by `text`; a tentative one that lets nothing pass is not taken.

        Raises FilterError, and nothing is changed.
        """
        if text is not None:
            from wsmon.domain.filters import parse_filter  # the first frame has none

            chosen = parse_filter(text.strip())
            if tentative and not any(chosen(row, self.now) for row in self._all.values()):
                return
            self._filter, self.filter_text = (chosen if chosen.terms else None), chosen.text
            self._last = self._filter or self._last
        states: list[WorksetState | None] = [None, *SHOWN]
        self._state = states[(states.index(self._state) + step) % len(states)]
        self.reload()

    def reload(self) -> None:
        """All rows anew, through the filter."""
        self._looked_at = self.now
        self.table.load(self._all.values(), self._admits)
        self._show_states()

    def tick(self, now: Instant) -> None:
        """Time went on; it may have brought rows a filter by age lets pass now."""
        super().tick(now)
        if self._filter is not None and self._filter.timely and now - self._looked_at > TIMELY_SECONDS * 1_000_000:
            self.reload()

    def match(self, by: int) -> None:
        """Go to the next row that the last filter lets pass, round the end, also where it was taken off."""
        rows, here = self.table.rows, self.table.cursor
        if self._last is None:
            return
        for step in range(1, len(rows) + 1):
            place = (here + by * step) % len(rows)
            if self._last(rows.at(place), self.now):
                self.table.go_to(rows.key_at(place))
                return

    def go_to(self, workset_id: str) -> bool:
        """Put the cursor on a workset; state and filter give way where they hide it. Whether it is there."""
        if self.table.go_to(workset_id):
            return True
        self._state = None
        self.narrow(text="")
        return self.table.go_to(workset_id)

    def _show_states(self) -> None:
        line = self._tabs(words=True)
        if line.cell_len > self.tabs.size.width:
            line = self._tabs(words=False)
        line.no_wrap, line.overflow = True, "ellipsis"
        if line != self._states:
            self._states = line
            self.tabs.update(line)

    def _tabs(self, *, words: bool) -> Text:
        """The states that have worksets, the chosen one marked; without words only it keeps its own."""
        total = sum(self._counts.get(state, 0) for state in SHOWN)
        shown = len(self.table.rows) if self.filter_text else None
        parts = [Text(f"/{visible(self.filter_text)[:40]} ", "bold yellow")] if self.filter_text else []
        parts.append(_tab("all", total, shown, chosen=self._state is None))
        for state in SHOWN:
            count, chosen = self._counts.get(state, 0), state is self._state
            if count or chosen:
                word = f"{GLYPHS[state]} {WORDS[state]}" if words or chosen else GLYPHS[state]
                parts.append(_tab(word, count, shown, chosen=chosen))
        return Text("  ").join(parts)

    def selected(self) -> str | None:
        """The workset under the cursor."""
        row = self.table.current
        return row.workset_id if row is not None else None


def _note(row: Row) -> Cell:
    """What matters most about a row, in a few words."""
    if row.cancel_asked:
        return Cell("cancel asked", "warn")
    if row.state is S.IN_PROGRESS:
        if row.holder is None:
            return Cell("unattended", "bad")
        return Cell(row.current_step or (f"on {row.cluster}" if row.cluster else ""), "dim")
    if row.error and row.state in {S.ERROR, S.FAILED, S.RETRYING}:
        return Cell(f"{row.category.value}: {row.error}" if row.category else row.error, "bad")
    return Cell("", "dim")


def _number(value: int | None) -> Cell:
    return Cell("" if value is None else str(value), "dim")


def _attempt(row: Row) -> int:
    return row.attempt


def _changed(row: Row) -> int:
    return -row.updated_at


def _tab(word: str, count: int, shown: int | None, *, chosen: bool) -> Text:
    """A state's count; under a filter the chosen one says how many of them pass, and the others are dimmed."""
    if shown is None:
        return Text(f"{word} {count:,}", style="bold reverse" if chosen else "")
    return Text(f"{word} {shown:,} of {count:,}", style="bold reverse") if chosen else Text(f"{word} {count:,}", "dim")

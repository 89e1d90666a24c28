"""All events, the newest on top, as they come."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from tui.cells import Cell, state_cell
from tui.columns import Column
from tui.feed import Came, Feed
from tui.model import SortedRows
from tui.screens.board import Board
from tui.screens.detail import Detail
from tui.table import RowTable
from wsmon.domain.change import Event
from wsmon.domain.times import isoformat
from wsmon.domain.visible import visible
from wsmon.services.documents import standing_of

if TYPE_CHECKING:
    from tui.session import Session

HOURS, KEPT = 1.0, 20_000


def key_of(event: Event) -> str:
    """What names an event."""
    return f"{event.seq}/{event.workset_id}"


class Events(Board[Event]):
    """Of the last hour and from now on; words narrow them, `!word` turns one round."""

    NAME = "events"
    HINT = "/ words, !word · ⏎ the workset · esc back"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", show=False),
        Binding("enter,d", "detail", show=False),
        Binding("5", "leave", show=False),
    ]

    def __init__(self, session: Session, now: Callable[[], int]) -> None:
        super().__init__()
        self._clock = now
        self._feed = Feed(session, HOURS, self.post_message)
        self._all: dict[str, Event] = {}
        self._words: list[str] = []
        self._field = Input(placeholder="words that must be there, !word must not", id="board-search", max_length=200)
        self._field.display = False

    def compose(self) -> ComposeResult:
        """The table over the field."""
        yield from super().compose()
        yield self._field

    def make_table(self) -> RowTable[Event]:
        """When, who, what, to what."""
        columns: list[Column[Event]] = [
            Column("TIME", lambda e: Cell(isoformat(e.at)[11:19], "dim"), 8),
            Column("WORKSET", lambda e: Cell(e.workset_id, "plain"), share=3),
            Column("EVENT", lambda e: Cell(e.verb.value, "plain"), 12),
            Column("STATE", lambda e: state_cell(e.after) if e.after else Cell(standing_of(e), "dim"), 10),
            Column("ACTOR", lambda e: Cell(e.actor, "dim"), share=2, from_width=70),
            Column("WHY", lambda e: Cell(_why(e), "warn" if e.reason else "dim"), share=4, from_width=90),
        ]
        rows: SortedRows[Event] = SortedRows(key_of, lambda e: (-e.at, e.workset_id, -e.seq), self._admits)
        return RowTable(columns, rows, empty="  reading …", id="events-table")

    def _admits(self, event: Event) -> bool:
        texts = (event.workset_id, event.verb.value, event.actor, event.after, event.reason, _why(event))
        text = "\n".join(part for part in texts if part).casefold()
        return all((word[1:] not in text) if word[0] == "!" and len(word) > 1 else word in text for word in self._words)

    def on_mount(self) -> None:
        """Begin to read."""
        super().on_mount()
        self._feed.start()

    def on_unmount(self) -> None:
        """Nobody reads any more."""
        self._feed.stop()

    @on(Came)
    def _came(self, message: Came) -> None:
        self.now = self._clock()
        fresh = {key_of(event): event for event in message.events}
        self._all.update(fresh)
        old = list(self._all)[: max(0, len(self._all) - KEPT)]
        for key in old:
            del self._all[key]
        self.table.empty = "  nothing matches" if self._all else "  no event in the last hour"
        self.table.apply(fresh, old)
        self.table.repaint()
        shown = f"{len(self.table.rows):,} of {len(self._all):,}" if self._words else f"{len(self._all):,}"
        self.tell(f"5 events · {shown}", visible(message.error))

    def action_search(self) -> None:
        """Ask for words."""
        self._field.display = True
        self.set_focus(self._field)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._words = event.value.casefold().split()
        self.table.load(self._all.values(), self._admits)
        self.post_message(Came(()))

    @on(Input.Submitted)
    def _taken(self, event: Input.Submitted) -> None:
        event.stop()
        self._field.display = False
        self.set_focus(self.table)

    def action_back(self) -> None:
        """Out of the field, then the words off, then back."""
        if self._field.display or self._words:
            self._field.value = ""
            self._field.display = False
            self.set_focus(self.table)
        else:
            self.dismiss(None)

    def action_detail(self) -> None:
        """The workset the event is about; a cluster has its panel."""
        if self.table.current is not None and not self.table.current.cluster:
            self.app.push_screen(Detail(self.table.current.workset_id))


def _why(event: Event) -> str:
    if event.reason:
        return event.reason
    left_out = {"before", "after"} if event.cluster else {"decision"}
    said = {name: value for name, value in (event.detail or {}).items() if name not in left_out}
    return json.dumps(said, ensure_ascii=False, default=str) if said else ""

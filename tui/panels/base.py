"""What the panels have in common: a frame with a title, a table in it, and a clock for its ages."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.containers import Vertical

from tui.actions import ANYWHERE, WORKSETS
from tui.table import RowTable
from wsmon.domain.times import Instant, age

if TYPE_CHECKING:
    from wsmon.services.live import Delta

Row = TypeVar("Row")
UNKNOWN, UNANSWERED = "  asking the store …", "  unknown: the store has not answered"


LONGEST_TURN = 60.0
CALM_SECONDS = 5
"""How often ages are looked at while none of them counts seconds."""


class Panel(Vertical, Generic[Row]):
    """A titled frame around one table."""

    now: Instant = 0
    scopes: ClassVar[frozenset[str]] = frozenset({ANYWHERE, WORKSETS})
    """What its rows are for the actions."""
    past_note: ClassVar[str] = ""
    """What of it cannot be rebuilt from events, said in its frame while the past is shown."""

    def __init__(self, number: int, name: str) -> None:
        super().__init__(id=name, classes="panel")
        self._title = self.border_title = f"{number} {name}"
        self._count = 0
        self._ticked: Instant = 0
        self.brisk = False
        """Whether something on the screen counts seconds."""
        self._looked_at, self._turn = 0, 0.0
        """When its data was read last, and how many seconds lay between that and the time before."""
        self._shown: tuple[object, ...] = ()
        self.table = self.make_table()
        # Nothing may look like "all is well" before the store has said so.
        self._nothing, self.table.empty = self.table.empty, UNKNOWN

    def make_table(self) -> RowTable[Row]:
        """The panel's table."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """The table."""
        yield self.table

    def show(self, delta: Delta) -> None:
        """Take what changed."""
        raise NotImplementedError

    def answered(self) -> None:
        """The store has answered: from now on an empty table means that there is nothing."""
        self.table.empty = self._nothing

    def unanswered(self) -> None:
        """The store was asked and has not answered yet."""
        self.table.empty = UNANSWERED
        self.table.repaint()

    def same(self, *parts: object) -> bool:
        """Whether these are the very parts that were shown last: then there is nothing to load."""
        same = len(parts) == len(self._shown) and all(a is b for a, b in zip(parts, self._shown, strict=True))
        self._shown = parts
        return same

    def count(self, number: int) -> None:
        """Say in the title how many there are; a title that is set again would repaint the panel."""
        if number != self._count:
            self._count = number
            self.border_title = f"{self._title} · {number}" if number else self._title

    def looked(self, at: Instant) -> None:
        """What it shows was read then; on a shared store the panels take turns."""
        if at != self._looked_at:
            self._turn = min(LONGEST_TURN, (at - self._looked_at) / 1e6) if self._looked_at else 0.0
            self._looked_at = at

    def aged(self, now: Instant | None, limit: float, *, cut_off: bool, past: bool) -> None:
        """Say in the frame how old what it shows is, once that is old (in steps, so that it repaints rarely).

        It is dimmed, and called stale, where the store is cut off, and where its turn is long overdue: never passed off as live.
        """
        seconds = (now - self._looked_at) / 1e6 if now is not None and self._looked_at else 0.0
        old = f"{age(seconds if seconds >= 60 else seconds // 5 * 5)} old" if seconds >= limit else ""
        stale = now is not None and (cut_off or seconds >= max(limit, 2 * self._turn))
        # A word too, for those to whom no shade can be shown.
        told = self.past_note if past else ", ".join(part for part in ("stale" if stale else "", old) if part)
        if told != (self.border_subtitle or ""):
            self.border_subtitle = told
        if stale is not self.has_class("-stale"):
            self.set_class(stale, "-stale")

    def tick(self, now: Instant) -> None:
        """Time went on: repaint the ages that read differently."""
        self.now = now
        if self.brisk or now - self._ticked >= CALM_SECONDS * 1_000_000:
            self._ticked, self.brisk = now, False
            self.table.repaint()

    def selected(self) -> str | None:
        """The workset under the cursor."""
        raise NotImplementedError

    def targets(self) -> list[str]:
        """The marked worksets in the order of their marks, else the one under the cursor."""
        chosen = self.selected()
        return list(self.table.marked) or ([chosen] if chosen is not None else [])

    def since(self, at: Instant | None) -> str:
        """How long ago."""
        return "" if at is None else self.duration((self.now - at) / 1e6)

    def duration(self, seconds: float) -> str:
        """A duration that goes on."""
        self.brisk |= seconds < 60
        return age(seconds)

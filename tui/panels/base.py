"""What the panels have in common: a frame with a title, a table in it, and a clock for its ages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from textual.app import ComposeResult
from textual.containers import Vertical

from tui.table import RowTable
from wsmon.domain.times import Instant, age

if TYPE_CHECKING:
    from wsmon.services.live import Delta

Row = TypeVar("Row")
UNKNOWN, UNANSWERED = "  asking the store …", "  unknown: the store has not answered"


class Panel(Vertical, Generic[Row]):
    """A titled frame around one table."""

    now: Instant = 0

    def __init__(self, number: int, name: str) -> None:
        super().__init__(id=name, classes="panel")
        self._title = self.border_title = f"{number} {name}"
        self._count = 0
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

    def count(self, number: int) -> None:
        """Say in the title how many there are; a title that is set again would repaint the panel."""
        if number != self._count:
            self._count = number
            self.border_title = f"{self._title} · {number}" if number else self._title

    def tick(self, now: Instant) -> None:
        """Time went on: repaint the ages that read differently."""
        self.now = now
        self.table.repaint()

    def selected(self) -> str | None:
        """The workset under the cursor."""
        raise NotImplementedError

    def since(self, at: Instant | None) -> str:
        """How long ago."""
        return "" if at is None else age((self.now - at) / 1e6)

"""A table over the whole screen."""

from __future__ import annotations

from typing import Any, ClassVar, Generic, TypeVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from tui.actions import ACTIONS, MOVE, TABLE
from tui.table import Palette, RowTable
from wsmon.domain.times import age

Row = TypeVar("Row")


def _movement() -> list[BindingType]:
    moves = [action for action in ACTIONS if action.group == MOVE and action.part == TABLE]
    return [Binding(a.keys, f"table('{a.method}', {a.argument})", show=False) for a in moves]


class Board(ModalScreen[None], Generic[Row]):
    """Moves as the panels do; esc goes back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *_movement(),
        Binding("escape", "back", show=False),
        Binding("q", "leave", show=False),
    ]
    NAME = ""
    HINT = "esc back"

    def __init__(self) -> None:
        super().__init__(classes="board")
        self.now = 0
        self.table: RowTable[Row] = self.make_table()

    def make_table(self) -> RowTable[Row]:
        """The table."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """The table in its frame."""
        yield Palette()
        with Vertical(id="board") as frame:
            frame.border_title = self.NAME
            frame.border_subtitle = self.HINT
            yield self.table

    def on_mount(self) -> None:
        """The table has the keys."""
        self.set_focus(self.table)

    def tell(self, title: str, hint: str = "") -> None:
        """Say what is shown."""
        frame = self.query_one("#board")
        frame.border_title, frame.border_subtitle = Text(title), Text(hint or self.HINT)

    def since(self, at: int | None) -> str:
        """How long ago."""
        return "" if at is None else age((self.now - at) / 1e6)

    def action_table(self, method: str, argument: Any) -> None:
        """Move."""
        getattr(self.table, method)(argument)

    def action_back(self) -> None:
        """Back to the panels."""
        self.dismiss(None)

    def action_leave(self) -> None:
        """Back to the panels."""
        self.dismiss(None)

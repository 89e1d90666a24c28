"""The keys, from the action table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.columns import Columns
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.actions import CHANGE, LOOK, MARK, MOVE, PLACE, REST, TITLES, Action

BESIDE = 130


class Help(ModalScreen[None]):
    """Any of its keys leaves it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark,enter", "leave", show=False)]

    def __init__(self, actions: Sequence[Action]) -> None:
        super().__init__()
        self._actions = actions

    def compose(self) -> ComposeResult:
        """Group by group; beside each other where there is room."""
        halves = [self._grid(groups) for groups in ((MOVE, MARK, CHANGE), (LOOK, PLACE, REST))]
        with VerticalScroll(id="help") as scroll:
            scroll.border_title = "keys"
            scroll.border_subtitle = Text("[keys] in the settings changes them")
            if self.app.size.width >= BESIDE:
                yield Static(Columns(halves, padding=(0, 3)))
            else:
                yield from (Static(half) for half in halves)

    def _grid(self, groups: Sequence[str]) -> Table:
        grid = Table.grid(padding=(0, 2))
        for group in groups:
            grid.add_row(Text(TITLES[group], "bold"), "")
            for action in self._actions:
                if action.group == group:
                    grid.add_row(Text(f"  {action.all_shown}", "cyan"), action.help)
        return grid

    def action_leave(self) -> None:
        """Back to the panels."""
        self.dismiss(None)

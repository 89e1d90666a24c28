"""The keys, from the action table."""

from __future__ import annotations

from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.actions import ACTIONS, MOVEMENT


class Help(ModalScreen[None]):
    """Any of its keys leaves it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark,enter", "leave", show=False)]

    def compose(self) -> ComposeResult:
        """Movement, then what changes, then what looks."""
        looks = [(a.shown, a.help) for a in ACTIONS if not a.changes]
        changes = [(a.shown, a.help) for a in ACTIONS if a.changes]
        grid = Table.grid(padding=(0, 2))
        for title, keys in (("move", MOVEMENT), ("change (each asks first)", changes), ("look", looks)):
            grid.add_row(Text(title, "bold"), "")
            for key, text in keys:
                grid.add_row(Text(f"  {key}", "cyan"), text)
        with VerticalScroll(id="help") as scroll:
            scroll.border_title = "keys"
            yield Static(grid)

    def action_leave(self) -> None:
        """Back to the panels."""
        self.dismiss(None)

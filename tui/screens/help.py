"""The keys, from the action table."""

from __future__ import annotations

from typing import ClassVar

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
        """Movement, then what looks, then what changes."""
        looks = [(a.shown, a.help) for a in ACTIONS if not a.changes]
        changes = [(a.shown, a.help) for a in ACTIONS if a.changes]
        lines: list[Text] = []
        for title, keys in (("move", MOVEMENT), ("look", looks), ("change (each asks first)", changes)):
            lines += [Text(title, "bold"), *(_line(key, text) for key, text in keys), Text("")]
        with VerticalScroll(id="help") as scroll:
            scroll.border_title = "keys"
            yield Static(Text("\n").join(lines[:-1]))

    def action_leave(self) -> None:
        """Back to the panels."""
        self.dismiss(None)


def _line(key: str, text: str) -> Text:
    line = Text(f"  {key:<26}", "cyan")
    line.append(text, "default")
    return line

"""What came of a change to several, one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from wsmon.domain.visible import visible

if TYPE_CHECKING:
    from tui.work import Result


class Results(ModalScreen[None]):
    """What failed comes first, and is marked still."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter,space", "leave", show=False)]

    def __init__(self, title: str, results: Sequence[Result]) -> None:
        super().__init__()
        self._title, self._results = title, sorted(results, key=lambda one: one.done)

    def compose(self) -> ComposeResult:
        """A line each."""
        with VerticalScroll(id="results") as scroll:
            scroll.border_title = Text(visible(self._title))
            scroll.border_subtitle = "esc back · what failed is marked still"
            yield Static(Text("\n").join(_line(one) for one in self._results))

    def action_leave(self) -> None:
        """Back to the panels."""
        self.dismiss(None)


def _line(one: Result) -> Text:
    line = Text("✓ " if one.done else "✗ ", "green" if one.done else "bold red")
    return line.append(visible(one.text)[:400], "" if one.done else "yellow")

"""Ask before anything is changed: what, to whom, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from wsmon.domain.visible import visible


@dataclass(frozen=True, slots=True)
class Question:
    """What a confirm shows."""

    title: str
    facts: Sequence[tuple[str, str]]
    """Name and value, one a line."""
    consequence: str
    choices: Sequence[str]
    """What can be done, as buttons beside Cancel."""
    needs_reason: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What was chosen, and why."""

    choice: str
    reason: str


class Confirm(ModalScreen[Answer | None]):
    """Focus is on Cancel; esc leaves everything as it is."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("left,up", "app.focus_previous", show=False),
        Binding("right,down", "app.focus_next", show=False),
    ]

    def __init__(self, question: Question) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """Facts, consequence, reason, buttons."""
        question = self._question
        with Vertical(id="confirm"):
            yield Static(Text(visible(question.title), "bold"), id="confirm-title")
            yield Static(_facts(question.facts), id="confirm-facts")
            yield Static(Text(visible(question.consequence), "yellow"), id="confirm-consequence")
            placeholder = "reason (needed)" if question.needs_reason else "reason (may be left out)"
            yield Input(placeholder=placeholder, max_length=4096, id="confirm-reason")
            with Horizontal(id="confirm-buttons"):
                yield Button("Cancel", id="leave")
                for index, choice in enumerate(question.choices):
                    yield Button(Text(choice.capitalize()), id=f"choice-{index}", variant="warning")

    def on_mount(self) -> None:
        """Nothing happens by a stray Enter."""
        self.query_one("#leave", Button).focus()

    def action_leave(self) -> None:
        """Change nothing."""
        self.dismiss(None)

    def on_input_submitted(self) -> None:
        """From the reason to the first choice, which Enter then takes."""
        self.query_one("#choice-0", Button).focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Go, if the reason is there."""
        event.stop()
        if event.button.id == "leave":
            self.dismiss(None)
            return
        reason = self.query_one("#confirm-reason", Input)
        if self._question.needs_reason and not reason.value.strip():
            reason.placeholder = "say why in a few words"
            reason.add_class("-missing")
            reason.focus()
            return
        index = int(str(event.button.id).removeprefix("choice-"))
        self.dismiss(Answer(self._question.choices[index], reason.value.strip()))


def _facts(facts: Sequence[tuple[str, str]]) -> Text:
    width = max((len(name) for name, _ in facts), default=0)
    lines = []
    for name, value in facts:
        line = Text(f"{name:>{width}}  ", "dim")
        line.append(visible(value)[:300], "not dim")
        lines.append(line)
    return Text("\n").join(lines)

"""Ask before anything is changed: what, to whom, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from wsmon.domain.visible import visible

FEW = 8
"""So many lines of facts are seen without scrolling."""
LOW, AROUND = 30, 10
"""On a screen of fewer lines the fields have no frames; so many lines are title, buttons, keys and frame."""
KEYS = "type a reason · ⏎ to the button, ⏎ again does it · esc: no change"


@dataclass(frozen=True, slots=True)
class Question:
    """What a confirm shows."""

    title: str
    facts: Sequence[tuple[str, str]]
    """Name and value, one a line."""
    consequence: str
    choices: Sequence[str]
    """What can be done, as buttons beside the one that leaves."""
    needs_reason: bool = False
    leave: str = "Cancel"
    """The button that changes nothing."""
    typed: str = ""
    """What has to be typed first: the number of targets, or the name of a production store."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was chosen, and why."""

    choice: str
    reason: str


class Confirm(ModalScreen[Answer | None]):
    """Focus is on the button that leaves; what is typed there is the reason all the same."""

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
            with VerticalScroll(id="confirm-about", can_focus=len(question.facts) > FEW):
                yield Static(_facts(question.facts), id="confirm-facts")
                yield Static(Text(visible(question.consequence, lines=True), "yellow"), id="confirm-consequence")
            placeholder = "reason (needed)" if question.needs_reason else "reason (may be left out)"
            yield Input(placeholder=placeholder, max_length=4096, select_on_focus=False, id="confirm-reason")
            if question.typed:
                yield Input(placeholder=f"type {visible(question.typed)} to go on", id="confirm-typed")
            with Horizontal(id="confirm-buttons"):
                yield Button(question.leave, id="leave")
                for index, choice in enumerate(question.choices):
                    yield Button(Text(_capital(choice)), id=f"choice-{index}", variant="warning")
            yield Static(Text(KEYS), id="confirm-keys")

    def on_mount(self) -> None:
        """Nothing happens by a stray Enter."""
        self.set_focus(self.query_one("#leave", Button))

    def on_resize(self) -> None:
        """However many there are, the fields and the buttons stay on the screen."""
        low = self.app.size.height < LOW
        self.set_class(low, "-low")
        fields = (1 if low else 3) * (2 if self._question.typed else 1)
        self.query_one("#confirm-about").styles.max_height = max(2, self.app.size.height - AROUND - fields)

    def action_leave(self) -> None:
        """Change nothing."""
        self.dismiss(None)

    def on_key(self, event: events.Key) -> None:
        """A word typed while a button has the focus is the reason, and none of it is lost.

        A field takes what is typed there itself: what comes here was typed before the focus had moved.
        """
        if event.is_printable and event.character:
            event.stop()
            self._write(event.character)

    def on_paste(self, event: events.Paste) -> None:
        """What is pasted is the reason as well; of many lines the first, as in any field of one line."""
        if event.text:
            event.stop()
            self._write(event.text.splitlines()[0])

    def _write(self, text: str) -> None:
        reason = self.query_one("#confirm-reason", Input)
        reason.insert_text_at_cursor(text)
        self.set_focus(reason)  # at once: what is typed next goes there

    @on(Input.Submitted)
    def _on_with_it(self) -> None:
        """From the fields to the first choice, which Enter then takes."""
        if self._complete():
            self.set_focus(self.query_one("#choice-0", Button))

    @on(Input.Changed)
    def _written(self, event: Input.Changed) -> None:
        """Something is there now."""
        if event.value.strip():
            event.input.remove_class("-missing")
            self.query_one("#confirm-keys", Static).update(Text(KEYS))

    def _complete(self) -> bool:
        """Whether everything was given; what was not is asked for."""
        question = self._question
        reason = self.query_one("#confirm-reason", Input)
        if question.needs_reason and not reason.value.strip():
            self._ask_for(reason, "A reason is needed: say in a few words why")
            return False
        if question.typed:
            typed = self.query_one("#confirm-typed", Input)
            if typed.value.strip() != question.typed:
                self._ask_for(typed, f"Type {visible(question.typed)}, and it is done")
                return False
        return True

    def _ask_for(self, field: Input, text: str) -> None:
        field.add_class("-missing")
        self.set_focus(field)
        self.query_one("#confirm-keys", Static).update(Text(text, "bold yellow"))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Go, if everything is there."""
        event.stop()
        if event.button.id == "leave":
            self.dismiss(None)
        elif self._complete():
            index = int(str(event.button.id).removeprefix("choice-"))
            reason = self.query_one("#confirm-reason", Input).value.strip()
            self.dismiss(Answer(self._question.choices[index], reason))


def _facts(facts: Sequence[tuple[str, str]]) -> Text:
    width = max((len(name) for name, _ in facts), default=0)
    lines = []
    for name, value in facts:
        line = Text(f"{name:>{width}}  ", "dim")
        line.append(visible(value)[:300], "not dim")
        lines.append(line)
    return Text("\n").join(lines)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

"""Choose from a list, or type a word: small questions of the screen itself."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from wsmon.domain.visible import visible

Choice = tuple[str, str]
"""What is given back, and what is read."""


class Pick(ModalScreen[str | None]):
    """One of some; the cursor begins on the present one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", show=False),
        Binding("j", "down", show=False),
        Binding("k", "up", show=False),
    ]

    def __init__(self, title: str, choices: Sequence[Choice], present: str = "") -> None:
        super().__init__()
        self._title, self._choices, self._present = title, list(choices), present

    def compose(self) -> ComposeResult:
        """A list."""
        with Vertical(id="pick") as box:
            box.border_title = Text(visible(self._title))
            box.border_subtitle = "⏎ takes it · esc back"
            yield OptionList(*(Option(Text(visible(text))) for _, text in self._choices))

    def on_mount(self) -> None:
        """Begin on the present one."""
        names = [name for name, _ in self._choices]
        if self._present in names:
            self.query_one(OptionList).highlighted = names.index(self._present)

    def action_down(self) -> None:
        """The next."""
        self.query_one(OptionList).action_cursor_down()

    def action_up(self) -> None:
        """The one before."""
        self.query_one(OptionList).action_cursor_up()

    def action_leave(self) -> None:
        """None of them."""
        self.dismiss(None)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """It is chosen."""
        event.stop()
        self.dismiss(self._choices[event.option_index][0])


class PickMany(ModalScreen[list[str] | None]):
    """Several of some; gives None where nothing is to change, and an empty list for as usual."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("enter", "take", show=False, priority=True),
        Binding("j", "down", show=False),
        Binding("k", "up", show=False),
        Binding("u", "usual", show=False),
        Binding("space", "tick", show=False),
    ]

    def __init__(self, title: str, choices: Sequence[str], chosen: Collection[str]) -> None:
        super().__init__()
        self._title, self._choices, self._chosen = title, list(choices), set(chosen)

    def compose(self) -> ComposeResult:
        """A list to tick."""
        with Vertical(id="pick") as box:
            box.border_title = Text(visible(self._title))
            box.border_subtitle = "space · ⏎ takes them · u as usual · esc back"
            yield OptionList(*(Option(self._prompt(name)) for name in self._choices))

    def _prompt(self, name: str) -> Text:
        """Ticked or not is told by more than a colour."""
        return Text(f"{'[x]' if name in self._chosen else '[ ]'} {visible(name)}")

    def action_tick(self) -> None:
        """Take it in, or leave it out."""
        options = self.query_one(OptionList)
        if options.highlighted is not None:
            name = self._choices[options.highlighted]
            self._chosen ^= {name}
            options.replace_option_prompt_at_index(options.highlighted, self._prompt(name))

    def action_down(self) -> None:
        """The next."""
        self.query_one(OptionList).action_cursor_down()

    def action_up(self) -> None:
        """The one before."""
        self.query_one(OptionList).action_cursor_up()

    def action_take(self) -> None:
        """These; none of them is as usual, because a table of nothing helps nobody."""
        self.dismiss([name for name in self._choices if name in self._chosen])

    def action_usual(self) -> None:
        """As usual."""
        self.dismiss([])

    def action_leave(self) -> None:
        """As they are."""
        self.dismiss(None)


class Prompt(ModalScreen[str | None]):
    """A word."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

    def __init__(self, title: str, hint: str) -> None:
        super().__init__()
        self._title, self._hint = title, hint

    def compose(self) -> ComposeResult:
        """A field."""
        with Vertical(id="pick") as box:
            box.border_title = Text(visible(self._title))
            yield Static(Text(visible(self._hint), "dim"))
            yield Input(max_length=60)

    def action_leave(self) -> None:
        """Nothing."""
        self.dismiss(None)

    @on(Input.Submitted)
    def _taken(self, event: Input.Submitted) -> None:
        event.stop()
        self.dismiss(event.value.strip() or None)

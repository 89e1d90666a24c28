"""The field for a filter: what may come next is offered below it, and an error is shown where it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, Static

from wsmon.domain.errors import FilterError
from wsmon.domain.filters import MAX_CHARS, Candidate, complete, parse_filter
from wsmon.domain.visible import visible

WAIT_ROWS, WAIT_SECONDS = 5000, 0.15
"""From so many rows on it waits for a pause in the typing."""
HELP = "error prio:urgent age>2h !owner:mon-1 cluster:use1* samples>=10 · tab completes · ⏎ keeps it · esc takes it off"


class FilterBar(Vertical):
    """Posts `Typed` with every text that can be read; the last one that could stays in force."""

    class Typed(Message):
        """There is a filter to use."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Left(Message):
        """The field is left; the filter stays."""

    def __init__(self, known: Callable[[str], Sequence[str]], crowd: Callable[[], int]) -> None:
        """`known` gives the values a field has now, `crowd` how many rows a filter goes through."""
        super().__init__(id="filter-bar")
        self.field = Input(placeholder="filter", id="filter", max_length=MAX_CHARS, select_on_focus=False)
        self.hint = Static("", id="filter-hint", markup=False)
        self._known, self._crowd = known, crowd
        self._offers: list[Candidate] = []
        self._start = 0
        self.display = False

    def compose(self) -> ComposeResult:
        """The field over the hint."""
        yield self.field
        yield self.hint

    def open(self, text: str) -> None:
        """Ask; `text` is the filter in force."""
        self.display = True
        self.field.value = text
        self.field.cursor_position = len(text)
        self.screen.set_focus(self.field)  # at once, so that what is typed next goes there
        self._advise()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if not self.display:
            return
        self._advise()
        if self._crowd() < WAIT_ROWS:
            self._tell(event.value)
        else:
            self.set_timer(WAIT_SECONDS, lambda: self._tell(event.value))

    def _tell(self, text: str) -> None:
        """Unless something else was typed meanwhile, or it cannot be read."""
        if text == self.field.value and not self.field.has_class("-wrong"):
            self.post_message(self.Typed(text))

    def _advise(self) -> None:
        text, cursor = self.field.value, self.field.cursor_position
        self._start, self._offers = complete(text, cursor, self._known)
        try:
            parse_filter(text)
        except FilterError as error:
            self.field.add_class("-wrong")
            self.hint.update(self._problem(error))
            return
        self.field.remove_class("-wrong")
        offers = "  ".join(offer.text for offer in self._offers[:12])
        self.hint.update(
            Text(f" {visible(offers if text and offers else HELP)}", "dim", no_wrap=True, overflow="ellipsis")
        )

    def _problem(self, error: FilterError) -> Text:
        """Marks under the part that cannot be read, and why, beside it or, where it is far right, before it."""
        width = max(20, self.size.width)
        at = max(0, error.at - max(0, self.field.cursor_position - width + 3))
        marks, why = "^" * min(error.length, 20), visible(error.why)
        line = Text(no_wrap=True, overflow="ellipsis")
        if at + len(marks) + len(why) + 4 <= width or at < width // 3:
            line.append(f" {' ' * at}{marks} ", "bold yellow").append(why, "yellow")
        else:
            line.append(f" {why[: max(0, at - 2)]:<{max(0, at - 1)}} ", "yellow").append(marks, "bold yellow")
        return line

    def on_key(self, event: events.Key) -> None:
        """Tab takes the first offer."""
        if event.key == "tab":
            event.stop()
            event.prevent_default()
            if self._offers:
                cursor, text = self.field.cursor_position, self.field.value
                taken = self._offers[0].text
                ended = "" if taken[-1] in ":>=<" or text[cursor : cursor + 1] == " " else " "
                self.field.value = text[: self._start] + taken + ended + text[cursor:]
                self.field.cursor_position = self._start + len(taken + ended)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if not self.field.has_class("-wrong"):
            self._tell(event.value)
            self.post_message(self.Left())

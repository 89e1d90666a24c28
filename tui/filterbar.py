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
from wsmon.domain.filtering import FIELDS, STATE_WORDS
from wsmon.domain.filters import MAX_CHARS, Candidate, complete, parse_filter
from wsmon.domain.visible import visible

WAIT_ROWS, WAIT_SECONDS = 5000, 0.15
"""From so many rows on it waits for a pause in the typing."""
HELP = "error prio:urgent age>2h !owner:mon-1 cluster:use1* samples>=10 · tab completes · ⏎ keeps it · esc takes it off"


def begins_field(text: str) -> bool:
    """Whether the last word of a text may become a field's name."""
    word = text[max(text.rfind(" "), text.rfind("!")) + 1 :].casefold()
    return bool(word) and word not in STATE_WORDS and any(field.name.startswith(word) for field in FIELDS)


class FilterBar(Vertical):
    """Posts `Typed` with what of the text can be read: before the part that cannot, the filter stays in force."""

    class Typed(Message):
        """There is a filter to use."""

        def __init__(self, text: str, *, tentative: bool) -> None:
            """`tentative`: it may be a field's name half typed, and is for nothing where it empties the table."""
            super().__init__()
            self.text, self.tentative = text, tentative

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
        good = event.value[: self._advise()]
        if self._crowd() < WAIT_ROWS:
            self._tell(event.value, good)
        else:
            self.set_timer(WAIT_SECONDS, lambda: self._tell(event.value, good))

    def _tell(self, text: str, good: str, *, taken: bool = False) -> None:
        """Use what can be read of a text, unless something else was typed meanwhile."""
        if text == self.field.value:
            self.post_message(self.Typed(good, tentative=not taken and begins_field(good)))

    def _advise(self) -> int:
        """Show what may come next, or what is wrong; how much of the text can be read."""
        text, cursor = self.field.value, self.field.cursor_position
        self._start, self._offers = complete(text, cursor, self._known)
        try:
            parse_filter(text)
        except FilterError as error:
            self.field.add_class("-wrong")
            self.hint.update(self._problem(error))
            return error.at
        self.field.remove_class("-wrong")
        offers = "  ".join(offer.text for offer in self._offers[:12])
        self.hint.update(
            Text(f" {visible(offers if text and offers else HELP)}", "dim", no_wrap=True, overflow="ellipsis")
        )
        return len(text)

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
            self._tell(event.value, event.value, taken=True)
            self.post_message(self.Left())

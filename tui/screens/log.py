"""What a workset's run writes: its end, followed, and searched."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, Log

from wsmon.domain.errors import WsmonError
from wsmon.domain.visible import visible

if TYPE_CHECKING:
    from tui.session import Session

KEPT_LINES, LINE_CHARS, PAUSE = 20_000, 4000, 1.0


class RunLog(ModalScreen[None]):
    """A thread reads from where the log ended; the screen keeps its last lines."""

    class Came(Message):
        """More was written, or why nothing can be read."""

        def __init__(self, text: str, error: str = "") -> None:
            super().__init__()
            self.text, self.error = text, error

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", show=False),
        Binding("q,l", "leave", show=False),
        Binding("f", "follow", show=False),
        Binding("slash", "search", show=False),
        Binding("n", "hit(1)", show=False),
        Binding("N", "hit(-1)", show=False),
        Binding("j,down", "go(1)", show=False),
        Binding("k,up", "go(-1)", show=False),
        Binding("pagedown,space,ctrl+d", "go(20)", show=False),
        Binding("pageup,ctrl+u", "go(-20)", show=False),
        Binding("g,home", "go(-1000000)", show=False),
        Binding("G,end", "go(1000000)", show=False),
    ]

    def __init__(self, workset_id: str, session: Session) -> None:
        super().__init__()
        self._workset_id, self._session = workset_id, session
        self._ended = threading.Event()
        self._pane = Log(max_lines=KEPT_LINES, id="log")
        self._rest = ""
        """A line that has not ended yet."""
        self._search = ""
        self._hit: int | None = None
        self._told = ""

    def compose(self) -> ComposeResult:
        """The log over a field that shows only while it is searched."""
        with Vertical(id="log-frame") as frame:
            frame.border_title = Text(f"log of {visible(self._workset_id)[:100]}")
            yield self._pane
            field = Input(placeholder="search", id="log-search", max_length=200)
            field.display = False
            yield field

    def on_mount(self) -> None:
        """Begin to read."""
        self._say()
        self.set_focus(self._pane)
        threading.Thread(target=self._read, name="log", daemon=True).start()

    def on_unmount(self) -> None:
        """Nobody reads any more."""
        self._ended.set()

    def _read(self) -> None:
        """On a thread of its own; a new attempt has another log, and begins anew."""
        post: Callable[[Message], object] = self.post_message
        offset: int | None = None
        run: object = None
        while not self._ended.is_set():
            try:
                workset = self._session.commands.get(self._workset_id)
                if workset.run != run:
                    run, offset = workset.run, None
                text, offset = self._session.run_log(workset, offset)
                if text:
                    post(self.Came(text))
                else:
                    self._ended.wait(PAUSE)
            except WsmonError as error:
                post(self.Came("", str(error)))
                self._ended.wait(3 * PAUSE)

    def on_run_log_came(self, message: Came) -> None:
        """Show it; what is no line yet waits for its end, unless it is long."""
        self._told = message.error
        *lines, self._rest = (self._rest + message.text).split("\n")
        if len(self._rest) > LINE_CHARS:
            lines, self._rest = [*lines, self._rest], ""
        if lines:
            self._pane.write_lines([visible(line.rstrip("\r"))[:LINE_CHARS] for line in lines])
        self._say()

    def _say(self) -> None:
        follows = "following" if self._pane.auto_scroll else "standing"
        found = f" · match at line {self._hit + 1}" if self._hit is not None else ""
        keys = "f follow · / search · n N · esc back"
        told = visible(self._told)[:200] if self._told else f"{follows}{found} · {keys}"
        self.query_one("#log-frame").border_subtitle = Text(told, "yellow" if self._told else "")

    def action_go(self, lines: int) -> None:
        """Move by lines; whoever goes to the end follows."""
        self._pane.auto_scroll = lines > 100_000
        if abs(lines) > 100_000:
            self._pane.scroll_to(y=self._pane.max_scroll_y if lines > 0 else 0, animate=False)
        else:
            self._pane.scroll_relative(y=lines, animate=False)
        self._say()

    def action_follow(self) -> None:
        """Follow, or stand still."""
        self._pane.auto_scroll = not self._pane.auto_scroll
        if self._pane.auto_scroll:
            self._pane.scroll_end(animate=False)
        self._say()

    def action_search(self) -> None:
        """Ask for a text."""
        field = self.query_one("#log-search", Input)
        field.display = True
        self.set_focus(field)

    @on(Input.Submitted)
    def _searched(self, event: Input.Submitted) -> None:
        event.stop()
        self._search, self._hit = event.value.casefold(), None
        self._close_field()
        self.action_hit(-1)

    def _close_field(self) -> None:
        self.query_one("#log-search", Input).display = False
        self.set_focus(self._pane)

    def action_hit(self, by: int) -> None:
        """The next line that has the text, from the place where the last one was, or from the end; round the end."""
        lines = self._pane.lines
        if not self._search or not lines:
            return
        begin = len(lines) if self._hit is None else self._hit
        for step in range(1, len(lines) + 1):
            place = (begin + by * step) % len(lines)
            if self._search in lines[place].casefold():
                self._hit, self._told = place, ""
                self._pane.auto_scroll = False
                self._pane.scroll_to(y=max(0, place - self._pane.size.height // 2), animate=False)
                break
        else:
            self._told = f"{self._search} is not in the last {len(lines):,} lines"
        self._say()

    def action_back(self) -> None:
        """Out of the field, or back."""
        if self.query_one("#log-search", Input).display:
            self._close_field()
        else:
            self.dismiss(None)

    def action_leave(self) -> None:
        """Back to the panels."""
        self.dismiss(None)

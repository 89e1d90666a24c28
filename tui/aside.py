"""The workset under the cursor, beside the panels of a large screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static

from wsmon.domain.visible import visible

if TYPE_CHECKING:
    from tui.work import Record

REST_SECONDS = 0.4


class Aside(VerticalScroll, can_focus=False):
    """Asks for what it shows once the cursor rests; in between it shows the workset before, dimmed."""

    class Wanted(Message):
        """The cursor rests on a workset."""

        def __init__(self, workset_id: str) -> None:
            super().__init__()
            self.workset_id = workset_id

    def __init__(self) -> None:
        super().__init__(id="aside", classes="panel")
        self.border_title = "detail"
        self._text = Static("", id="aside-text", markup=False)
        self._of: tuple[str, int] | None = None
        """Which workset in which version was asked for last."""
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        """A text."""
        yield self._text

    def look_at(self, workset_id: str | None, rev: int) -> None:
        """The cursor is here now."""
        wanted = (workset_id, rev) if workset_id is not None else None
        if wanted == self._of:
            return
        if self._of is None or wanted is None or wanted[0] != self._of[0]:
            self._text.add_class("-old")
        self._of = wanted
        if self._timer is not None:
            self._timer.stop()
        if workset_id is not None:
            self._timer = self.set_timer(REST_SECONDS, lambda: self.post_message(self.Wanted(workset_id)))
        else:
            self._text.update("")

    def show(self, record: Record, now: int) -> None:
        """What was read, if the cursor is still there."""
        from tui.screens.detail import glance

        if self._of is not None and record.workset.workset_id == self._of[0]:
            self._text.remove_class("-old")
            name = Text(visible(record.workset.workset_id)[:200], "bold", overflow="fold")
            self._text.update(Group(name, "", *glance(record, now, max(20, self.size.width - 2))))

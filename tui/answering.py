"""What comes back from the store's threads, and where it is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual import on

from tui.actions import CHANGING, LOOKING
from tui.guard import while_open
from tui.kept import Kept
from tui.meter import Meter
from tui.shell import Shell
from tui.work import Asked, Done, Glanced, Read, Told

if TYPE_CHECKING:
    # What comes later than the first frame is imported when it comes.
    from tui.aside import Aside
    from tui.doing.past import Ready
    from tui.screens.detail import Detail
    from tui.session import Session


class Answering(Shell):
    """The shell, and what it does with answers: the lines that tell of them, and the parts that wait for them."""

    def __init__(self, connect: Callable[[], Session], kept: Kept) -> None:
        super().__init__(connect, kept)
        self.read_at: int | None = None
        """When what is shown was read; None: nothing was yet."""
        self._meter = Meter()

    def show_status(self) -> None:
        """Paint the status, where it reads differently."""
        session = self.session
        if session is not None:
            units = self._meter.told(session.clock.monotonic(), session.units)
            self.status.see(session, self.read_at, units)
        self.view.show_status(session.clock.now() if session is not None and self.read_at is not None else None)

    def show_keys(self) -> None:
        """Paint the line of keys, where it reads differently."""
        self.view.show_keys(self.actions, writable=self.status.writable and not self.status.past)

    def on_detail_wanted(self, message: Detail.Wanted) -> None:
        """The detail screen wants its workset read."""
        if self.work is not None:
            self.work.read(message.workset_id)

    def on_aside_wanted(self, message: Aside.Wanted) -> None:
        """The cursor rests on a workset, and there is room beside the panels."""
        if self.work is not None and not self.status.past:
            self.work.glance(message.workset_id)

    @on(Told)
    @while_open
    def _told(self, message: Told) -> None:
        self.status.account = message.account
        self.show_status()

    @on(Glanced)
    @while_open
    def _glanced(self, message: Glanced) -> None:
        if self.view.aside is not None:
            self.view.aside.show(message.found, self.now())

    def on_detail_log_wanted(self, message: Detail.LogWanted) -> None:
        """The log of the workset that is shown."""
        self.part(LOOKING).log(message.workset_id)

    @on(Read)
    @while_open
    def _was_read(self, message: Read) -> None:
        self.part(LOOKING).was_read(self.screen, message)

    def on_ready(self, message: Ready) -> None:
        """The events of the past were read."""
        if self.past is not None and self.is_running:
            self.past.ready(message)
            self.show_keys()

    @on(Asked)
    @while_open
    def _asked(self, message: Asked) -> None:
        self.part(CHANGING).asked(message)

    @on(Done)
    @while_open
    def _done(self, message: Done) -> None:
        self.part(CHANGING).done(message)

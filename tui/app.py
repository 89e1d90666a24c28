"""The app: what comes from the follower, the keys' parts, and the ways it ends."""

from __future__ import annotations

import asyncio
import errno
import gc
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import on

from tui.actions import LOOKING, PAST, remapped
from tui.answering import Answering
from tui.guard import while_open
from tui.hangup import on_hang_up
from tui.kept import Kept
from tui.keyed import KeyedList
from tui.panels.base import CALM_SECONDS
from tui.table import RowTable
from tui.view import View
from tui.work import Done, Work
from tui.worker import Changed, Connected, Troubled, Unopened
from wsmon.domain.errors import WsmonError

if TYPE_CHECKING:
    # What comes later than the first frame is imported when it comes.
    from tui.session import Session
    from wsmon.services.live import Delta

HANG_UP_SECONDS, QUIT_SECONDS = 2.0, 5.0
BEAT_SECONDS = 1.0


class WsmonApp(Answering):
    """`connect` is called on the follower's thread, after the first frame."""

    def __init__(
        self,
        connect: Callable[[], Session],
        *,
        with_monitor: bool = False,
        farewell: Callable[[], None] | None = None,
        kept: Kept | None = None,
        replay: tuple[float, float] | None = None,
    ) -> None:
        """`replay`: begin so many seconds ago, and play so many times as fast."""
        super().__init__(connect, Kept(None) if kept is None else kept)
        self._farewell = farewell
        self._with_monitor, self._replay = with_monitor, replay
        self._monitor: Any = None
        self._monitor_thread: threading.Thread | None = None
        self.unopened: WsmonError | None = None
        """Why no session can come of what was given; it ended the app."""
        self._calm = 0.0
        """Seconds since the ages were looked at."""

    def get_default_screen(self) -> View:
        """The panels' screen; what it says stands in its first painting."""
        self.show_status()
        self.show_keys()
        return self.view

    def on_mount(self) -> None:
        """Show the first frame, then connect."""
        self.view.panel(1)
        self.call_after_refresh(self._framed)
        self._beat()
        self.app_resume_signal.subscribe(self, lambda _: self.redraw())
        if threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.exit)
            on_hang_up(self._hung_up)

    def _framed(self) -> None:
        """The first frame stands; what was made for it stays for good, and no collection goes through it again."""
        gc.freeze()
        gc.enable()
        self.style_the_rest()
        self.view.framed()
        self.follower.start()

    def back(self) -> None:
        """From the past back to now; there take the filter off."""
        if self.past is not None and self.past.close():
            self._changed()
            self.show_status()
            self.show_keys()
        else:
            self.view.unfilter()

    def pause(self) -> None:
        """Hold the screen still, or go on with everything that came meanwhile; in the past: play."""
        if self.past is not None and self.past.at is not None:
            self.past.play()
            return
        self.status.paused = not self.status.paused
        self.show_status()
        self._changed()

    @on(RowTable.Chosen)
    def _chosen(self) -> None:
        self.do("detail")

    @on(KeyedList.Ordered)
    def _ordered(self) -> None:
        self.keep_tables()

    @on(View.Arranged)
    @while_open
    def _arranged(self) -> None:
        self.show_keys()

    # what comes from the follower

    @on(Connected)
    @while_open
    def _connected(self, message: Connected) -> None:
        session = self.session = message.session
        self.work = Work(session, self.post_message, self.follower.look_now)
        self.status.store, self.status.who = session.store.info, session.who
        self.status.looks_every(session.refresh_seconds)
        self._take_keys(session)
        if session.mouse:
            self.take_mouse()
        if session.store.info.shared:
            self.work.whose()
        self.take_kept(session)
        self.show_status()
        self.show_keys()
        if self._with_monitor and session.writable:
            self._start_monitor(session)
        if self._replay is not None:
            seconds, speed = self._replay
            self.part(PAST).begin(seconds, speed=speed, from_start=True)

    def _take_keys(self, session: Session) -> None:
        """The settings' keys; what of them cannot be is told."""
        if session.keys:
            self.actions, problems = remapped(session.keys)
            self.set_keymap({action.name: action.keys for action in self.actions})
            if problems:
                self.say("; ".join(problems), refused=True)

    def _start_monitor(self, session: Session) -> None:
        from tui.verbs import QuietLog

        def work() -> None:
            try:
                # Leaving the screen must not wait for hours of work; runs stay adoptable.
                self._monitor = session.monitor(QuietLog(), on_stop="leave")
                self._monitor.run()
            except WsmonError as error:
                self.post_message(Done(f"the monitor ended: {error}", refused=True))

        self._monitor_thread = threading.Thread(target=work, name="monitor", daemon=True)
        self._monitor_thread.start()

    @on(Changed)
    @while_open
    def _changed(self) -> None:
        delta = None if self.status.paused or self.status.past else self.follower.take()
        if delta is not None:
            self._take(delta)

    def _take(self, delta: Delta) -> None:
        view = self.view
        if self.read_at is None:
            view.answered()
        self.read_at = delta.at
        self.status.take(delta, self.session)
        view.take(delta)
        if view.alerts.rings(delta) and self.session is not None and self.session.bell:
            self.bell()
        self._show_empty(delta)
        view.looked(delta)
        self.show_status()
        self.show_keys()
        if len(self.screen_stack) > 1:
            self.part(LOOKING).follow(self.screen, delta)

    def _show_empty(self, delta: Delta) -> None:
        queue, rows = self.view.queue, self.view.rows
        queue.table.empty = "  nothing matches" if rows or queue.filter_text else ""
        if not rows and not any(delta.counts.values()):
            from tui.hints import empty_store

            queue.hint(empty_store(self.session.store_url if self.session else ""))

    @on(Unopened)
    @while_open
    def _unopened(self, message: Unopened) -> None:
        self.unopened = message.error
        self.exit()

    @on(Troubled)
    @while_open
    def _troubled(self, message: Troubled) -> None:
        self.status.trouble, self.status.next_try = message.error, f"; trying again in {message.pause:.0f} s"
        if self.read_at is None:
            self.view.unanswered()
        self.show_status()

    def _beat(self) -> None:
        """Once a second, and not by a timer of Textual's, which wakes more than it must: mostly there is nothing to do."""
        if not self._exit:
            asyncio.get_running_loop().call_later(BEAT_SECONDS, self._beat)
            self._calm += BEAT_SECONDS
            if self._calm >= CALM_SECONDS or self.view.brisk or self.status.restless or self._ageing():
                self.call_next(self.tick)

    def _ageing(self) -> bool:
        """Whether what is shown will soon be old."""
        seen, session = self.follower.seen, self.session
        return (
            seen is not None and session is not None and session.clock.now() - seen.at > self.status.stale_after * 6e5
        )

    @while_open
    def tick(self) -> None:
        """Ages that read differently are painted, nothing else."""
        self._calm = 0.0
        if self.session is not None and not self.status.trouble and not self.status.past:
            self.view.tick(self.session.clock.now())
            self._look_at_ages()
        self.show_status()

    def _look_at_ages(self) -> None:
        """The follower goes on looking where it has nothing to tell."""
        seen = self.follower.seen
        if seen is not None and self.read_at is not None and not self.status.paused:
            self.read_at = max(self.read_at, seen.at)
            self.view.looked(seen)

    def thread_failed(self, failed: threading.ExceptHookArgs) -> None:
        """A fault of our own beside the screen: it is told, and the screen goes on."""
        if isinstance(failed.exc_value, OSError) and failed.exc_value.errno == errno.EIO:
            return  # the line hung up under the thread that writes to it: no fault, and the hang-up ends the screen
        from tui.report import reported

        if failed.exc_value is not None:
            self.post_message(Done(reported(failed.exc_value), refused=True))

    # the end

    def finish(self, seconds: float) -> None:
        """End the threads behind the screen, the monitor's cleanly; give up on each after `seconds`."""
        self.follower.stop()
        if self._monitor is not None:
            self._monitor.stop()
        for thread in (self.follower, self._monitor_thread):
            if thread is not None and thread.ident is not None:
                thread.join(seconds)

    def _hung_up(self) -> None:
        self.finish(HANG_UP_SECONDS)
        if self._farewell is not None:
            self._farewell()


def show(
    connect: Callable[[], Session],
    *,
    with_monitor: bool = False,
    farewell: Callable[[], None] | None = None,
    kept: Path | None = None,
    replay: tuple[float, float] | None = None,
) -> int:
    """Show the TUI until it is left; the process's exit code.

    `farewell` is called where a hang-up ends the process; `kept` is the file for what a person sets on the screen.
    Raises what `connect` raised where no other try would help: settings that cannot be, a store in a folder that is none.
    """
    app = WsmonApp(connect, with_monitor=with_monitor, farewell=farewell, kept=Kept(kept), replay=replay)
    usual, threading.excepthook = threading.excepthook, app.thread_failed
    try:
        app.run(mouse=not app.calm)
    finally:
        threading.excepthook = usual
    app.finish(QUIT_SECONDS)
    if app.unopened is not None:
        raise app.unopened
    return app.return_code or 0

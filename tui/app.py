"""The app: panels, keys, and the thread that follows the store."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Static

from tui.actions import bindings
from tui.bars import Flash, KeyBar, Status, StatusBar, strip
from tui.guard import while_open
from tui.painting import TightScreen
from tui.panels.alerts import AlertsPanel
from tui.panels.base import Panel
from tui.panels.clusters import ClustersPanel
from tui.panels.locks import LocksPanel
from tui.panels.queue import QueuePanel
from tui.styles import style_sheets
from tui.table import Palette, RowTable
from tui.work import Asked, Done, Read, Work
from tui.worker import Changed, Connected, Follower, Troubled
from wsmon.domain.errors import WsmonError

if TYPE_CHECKING:
    # What comes later than the first frame is imported when it comes.
    from tui.screens.confirm import Answer
    from tui.screens.detail import Detail
    from tui.session import Session
    from wsmon.domain.workset import Row
    from wsmon.services.live import Delta

HANG_UP_SECONDS, QUIT_SECONDS = 2.0, 5.0
NO_WORKSET = "no workset under the cursor; 1 goes to the queue"


class WsmonApp(App[None], inherit_bindings=False):
    """`connect` is called on the follower's thread, after the first frame."""

    CSS_PATH: ClassVar[Any] = style_sheets()
    BINDINGS: ClassVar[list[BindingType]] = bindings()
    ENABLE_COMMAND_PALETTE = False
    TITLE = "wsmon"
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012  Textual declares it so
        (0, "-narrow"),
        (100, "-wide"),
        (180, "-huge"),
    ]

    def __init__(
        self,
        connect: Callable[[], Session],
        *,
        with_monitor: bool = False,
        farewell: Callable[[], None] | None = None,
    ) -> None:
        super().__init__()
        self._farewell = farewell
        self.animation_level = "none"
        self._with_monitor = with_monitor
        self._monitor: Any = None
        self._monitor_thread: threading.Thread | None = None
        self._session: Session | None = None
        self._work: Work | None = None
        self._rows: dict[str, Row] = {}
        self._status = Status()
        self._read_at: int | None = None
        self._follower = Follower(connect, self.post_message)
        self._zoomed = False
        self.queue, self.locks = QueuePanel(), LocksPanel()
        self.clusters, self.alerts = ClustersPanel(), AlertsPanel()
        self.panels: tuple[Panel[Any], ...] = (self.queue, self.locks, self.clusters, self.alerts)
        self.queue.attach(self._rows)
        self.status_bar, self.key_bar, self.flash = StatusBar(), KeyBar(), Flash()
        self._strip = Static("", id="strip", markup=False)
        self._upper, self._side = Horizontal(id="upper"), Vertical(id="side")
        # As `_arrange` would leave them: a class that changes after the mount is matched anew.
        for first in (self.queue, self._upper):
            first.add_class("-active")
        self._filter = Input(placeholder="filter: words that must match, !word must not", id="filter")

    def get_default_screen(self) -> TightScreen:
        """The panels' screen."""
        return TightScreen()

    def compose(self) -> ComposeResult:
        """Status, panels, filter, keys."""
        yield Palette()
        yield self.status_bar
        yield self._strip
        with Vertical(id="main"):
            with self._upper:
                yield self.queue
                with self._side:
                    yield self.locks
                    yield self.clusters
            yield self.alerts
        yield self._filter
        yield self.key_bar
        yield self.flash

    def on_mount(self) -> None:
        """Show the first frame, then connect."""
        self._filter.display = False
        self._panels_screen = self.screen
        self.queue.table.focus()
        self._arrange(self.queue)
        self._show_status()
        self.call_after_refresh(self._framed)
        self.set_interval(1.0, self._tick)
        if threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.exit)
            signal.signal(signal.SIGHUP, self._hang_up)

    def _framed(self) -> None:
        """The first frame stands; what was made for it stays for good, and no collection goes through it again."""
        gc.freeze()
        gc.enable()
        self._follower.start()

    # what comes from the follower

    @on(Connected)
    @while_open
    def _connected(self, message: Connected) -> None:
        session = self._session = message.session
        self._work = Work(session, self.post_message, self._follower.look_now)
        self._status.store, self._status.who = session.store.info, session.who
        self._status.writable = session.writable
        self._status.stale_after = max(5.0, 2.5 * session.refresh_seconds)
        self._show_status()
        self._show_keys()
        if self._with_monitor and session.writable:
            self._start_monitor(session)

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
        delta = self._follower.take()
        if delta is None:
            return
        self.queue.notice(self._rows, delta.rows)
        self._rows.update(delta.rows)
        for workset_id in delta.gone:
            self._rows.pop(workset_id, None)
        if self._read_at is None:
            for panel in self.panels:
                panel.answered()
        self._read_at = delta.at
        status = self._status
        status.trouble, status.counts, status.alerts = "", dict(delta.counts), len(delta.alerts)
        silent_after = (self._session.silent_seconds if self._session else 0.0) * 1e6
        status.monitors = sum(delta.at - m.heartbeat_at < silent_after for m in delta.monitors)
        status.silent = len(delta.monitors) - status.monitors
        for panel in self.panels:
            panel.now = delta.at
            panel.show(delta)
        if self.alerts.rings(delta) and self._session is not None and self._session.bell:
            self.bell()
        self.queue.table.empty = "  nothing matches" if self._rows or self.queue.filter_text else ""
        self._show_empty(delta)
        self._panels_screen.set_class(False, "-stale")
        self._show_status()
        self._show_keys()
        self._follow_detail(delta)

    def _show_empty(self, delta: Delta) -> None:
        if not self._rows and not any(delta.counts.values()):
            from tui.hints import empty_store

            self.queue.hint(empty_store(self._session.store_url if self._session else ""))

    @on(Troubled)
    @while_open
    def _troubled(self, message: Troubled) -> None:
        self._status.trouble = f"{message.error}; trying again in {message.pause:.0f} s"
        self._panels_screen.set_class(self._read_at is not None, "-stale")
        if self._read_at is None:
            for panel in self.panels:
                panel.unanswered()
        self._show_status()

    @while_open
    def _tick(self) -> None:
        """Once a second: ages that read differently are painted, nothing else."""
        if self._session is not None and not self._status.trouble:
            now = self._session.clock.now()
            for panel in self.panels:
                if panel.display:
                    panel.tick(now)
        self._show_status()

    def _show_status(self) -> None:
        if self._session is not None and self._read_at is not None:
            self._status.age = max(0.0, (self._session.clock.now() - self._read_at) / 1e6)
        self.status_bar.show(self._status)

    def _show_keys(self) -> None:
        panel = self._panel()
        alert = panel is self.alerts
        self.key_bar.show(workset=panel is not self.clusters, alert=alert, writable=self._status.writable)

    # panels

    def _panel(self) -> Panel[Any]:
        focused = self._panels_screen.focused
        return next((panel for panel in self.panels if focused is panel.table), self.queue)

    def _arrange(self, active: Panel[Any]) -> None:
        """Mark the active panel; where there is room for one only, it is the one shown."""
        for panel in self.panels:
            panel.set_class(panel is active, "-active")
        self._upper.set_class(active is not self.alerts, "-active")
        self._side.set_class(active in {self.locks, self.clusters}, "-active")
        self._strip.update(strip(self.panels, active))
        self._show_keys()

    def on_descendant_focus(self) -> None:
        """The focus moved, by key or by mouse."""
        if len(self.screen_stack) == 1:
            self._arrange(self._panel())

    def action_panel(self, number: int) -> None:
        """Go to a panel."""
        panel = self.panels[number - 1]
        self._arrange(panel)
        panel.table.focus()

    def action_next_panel(self) -> None:
        """Go to the next panel."""
        self.action_panel((self.panels.index(self._panel()) + 1) % len(self.panels) + 1)

    def action_previous_panel(self) -> None:
        """Go to the panel before."""
        self.action_panel((self.panels.index(self._panel()) - 1) % len(self.panels) + 1)

    def action_zoom(self) -> None:
        """The active panel alone, or all."""
        self._zoomed = not self._zoomed
        self._panels_screen.set_class(self._zoomed, "-zoomed")

    def action_state(self, step: int) -> None:
        """The next state's worksets."""
        self.queue.narrow(step=step)

    # filter

    def action_filter(self) -> None:
        """Ask for words."""
        self._filter.display = True
        self._filter.value = self.queue.filter_text
        self.action_panel(1)
        self._filter.focus()

    @on(Input.Changed, "#filter")
    def _filter_typed(self, event: Input.Changed) -> None:
        if event.input.display and event.value != self.queue.filter_text:
            self.queue.narrow(text=event.value)

    @on(Input.Submitted, "#filter")
    def _filter_taken(self) -> None:
        self._leave_filter()

    def _leave_filter(self) -> None:
        self._filter.display = False
        self.queue.table.focus()

    def action_unfilter(self) -> None:
        """Leave the filter's field, or take the filter off."""
        if self._filter.display:
            self._leave_filter()
        if self.queue.filter_text:
            self.queue.narrow(text="")

    # looking

    def action_refresh(self) -> None:
        """Look now."""
        self._follower.look_now()

    def action_help(self) -> None:
        """The keys."""
        from tui.screens.help import Help

        self.push_screen(Help())

    def action_palette(self) -> None:
        """Everything by name."""
        from tui.palette import palette  # with what Textual's own needs: not before it is asked for

        self.push_screen(palette())

    def worksets_like(self, text: str, limit: int) -> list[str]:
        """Ids that hold the text, in any case."""
        wanted = text.casefold()
        return list(islice((workset_id for workset_id in self._rows if wanted in workset_id.casefold()), limit))

    def go_to(self, workset_id: str) -> None:
        """Put the cursor on a workset, whatever filter hid it."""
        self.action_panel(1)
        if not self.queue.go_to(workset_id):
            self.flash.say(f"{workset_id} is not in the queue any more", refused=True)

    def action_detail(self) -> None:
        """Everything about the workset under the cursor."""
        from tui.screens.detail import Detail

        workset_id = self._panel().selected()
        if workset_id is None:
            self.flash.say(NO_WORKSET, refused=True)
        elif self._session is not None:
            self.push_screen(Detail(workset_id))

    def on_detail_wanted(self, message: Detail.Wanted) -> None:
        """The detail screen wants its workset read."""
        if self._work is not None:
            self._work.read(message.workset_id)

    @on(RowTable.Chosen)
    def _chosen(self) -> None:
        self.action_detail()

    def _detail(self) -> Detail | None:
        """The detail screen, where it is open."""
        if len(self.screen_stack) == 1:
            return None
        from tui.screens.detail import Detail

        return self.screen if isinstance(self.screen, Detail) else None

    def _follow_detail(self, delta: Delta) -> None:
        screen = self._detail()
        if self._work is not None and screen is not None and screen.workset_id in delta.rows:
            self._work.read(screen.workset_id)

    @on(Read)
    @while_open
    def _was_read(self, message: Read) -> None:
        screen = self._detail()
        if screen is None:
            return
        if message.found is None:
            screen.fail(message.error)
        elif message.found.workset.workset_id == screen.workset_id and self._session is not None:
            screen.show(message.found, self._session.clock.now())

    # changing

    def action_change(self, verb: str) -> None:
        """Ask about the workset under the cursor, then do it."""
        workset_id = self._panel().selected()
        if workset_id is None:
            self.flash.say(NO_WORKSET, refused=True)
        elif self._work is not None:
            self.flash.expect(f"{verb} {workset_id}: asking the store …")
            self._work.ask(verb, workset_id)

    def action_alert(self, verb: str) -> None:
        """Ask about the alert under the cursor, then acknowledge or silence it."""
        from tui import verbs
        from tui.screens.confirm import Confirm

        work, alert = self._work, self.alerts.table.current
        if work is None or isinstance(self.screen, Confirm):
            return
        if not self._status.writable:
            self.flash.say("this session is read-only; nothing was changed", refused=True)
            return
        if self._panel() is not self.alerts or alert is None:
            self.flash.say("no alert under the cursor; 4 goes to the alerts", refused=True)
            return

        def answered(answer: Answer | None) -> None:
            if answer is not None:
                work.alert(verb, alert, answer)

        self.push_screen(Confirm(verbs.alert_question(verb, alert, self.alerts.now)), answered)

    @on(Asked)
    @while_open
    def _confirm(self, message: Asked) -> None:
        from tui.screens.confirm import Confirm

        self.flash.hush()
        work, target = self._work, message.target
        if work is None or isinstance(self.screen, Confirm):
            return  # the key was pressed twice

        def answered(answer: Answer | None) -> None:
            if answer is not None:
                self.flash.expect(f"{message.verb} {target.workset_id}: waiting for the store …")
                work.change(message.verb, target, answer)

        self.push_screen(Confirm(message.question), answered)

    @on(Done)
    @while_open
    def _was_done(self, message: Done) -> None:
        self.flash.say(message.text, refused=message.refused)

    def on_key(self) -> None:
        """Whoever presses a key has read what was said."""
        self.flash.hush()

    async def action_quit(self) -> None:
        """Leave."""
        self.exit()

    def finish(self, seconds: float) -> None:
        """End the threads behind the screen, the monitor's cleanly; give up on each after `seconds`."""
        self._follower.stop()
        if self._monitor is not None:
            self._monitor.stop()
        for thread in (self._follower, self._monitor_thread):
            if thread is not None and thread.ident is not None:
                thread.join(seconds)

    def _hang_up(self, *_: object) -> None:
        """The terminal is gone, and nothing can be painted any more."""

        def leave() -> None:
            self.finish(HANG_UP_SECONDS)
            if self._farewell is not None:
                self._farewell()
            os._exit(128 + signal.SIGHUP)

        threading.Thread(target=leave, daemon=True).start()


def show(
    connect: Callable[[], Session], *, with_monitor: bool = False, farewell: Callable[[], None] | None = None
) -> int:
    """Show the TUI until it is left; the process's exit code. `farewell` is called where a hang-up ends the process."""
    app = WsmonApp(connect, with_monitor=with_monitor, farewell=farewell)
    app.run()
    app.finish(QUIT_SECONDS)
    return app.return_code or 0

"""The keys that look: at a workset, at its log, at other views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui.doing.changing import NO_WORKSET
from tui.screens.detail import Detail
from wsmon.domain.states import WAITING
from wsmon.domain.visible import visible

if TYPE_CHECKING:
    from tui.host import Host
    from tui.work import Read
    from wsmon.services.live import Delta

MAX_COPIED = 100_000


class Looking:
    """Opens what lies over the panels, and keeps it current."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def _target(self) -> str | None:
        """The workset under the cursor; where there is none that is said."""
        found = self._host.view.active.selected()
        if found is None:
            self._host.say(NO_WORKSET, refused=True)
        return found

    def _open(self, section: str) -> None:
        target = self._target()
        if target is not None and self._host.session is not None:
            self._host.ask(Detail(target, section, past=bool(self._host.status.past)))

    def detail(self) -> None:
        """Everything about the workset under the cursor."""
        self._open("")

    def why(self) -> None:
        """Why it waits, or runs where it runs."""
        self._open("why")

    def history(self) -> None:
        """Its events."""
        self._open("history")

    def record(self) -> None:
        """Its record as JSON."""
        self._open("record")

    def log(self, workset_id: str | None = None) -> None:
        """What a workset's run writes; by default of the one under the cursor."""
        from tui.screens.log import RunLog

        target, session = workset_id or self._target(), self._host.session
        if target is not None and session is not None:
            self._host.ask(RunLog(target, session))

    def copy(self) -> None:
        """The ids of the marked worksets, or of the one under the cursor, into the terminal's clipboard."""
        ids = self._host.view.active.targets()
        if not ids:
            self._host.say(NO_WORKSET, refused=True)
            return
        text = "\n".join(ids)[:MAX_COPIED]
        self._host.copy_to_clipboard(text)
        what = visible(ids[0]) if len(ids) == 1 else f"{len(ids)} ids"
        self._host.say(f"{what} copied, if the terminal allows it (OSC 52)")

    # other views

    def events(self) -> None:
        """All events."""
        from tui.screens.events import Events

        if self._host.session is not None:
            self._host.ask(Events(self._host.session, self._host.now))

    def monitors(self) -> None:
        """Who works."""
        from tui.screens.monitors import Monitors

        view, session = self._host.view, self._host.session
        if session is not None and view.latest is not None:
            self._host.ask(Monitors(view.latest, session.silent_seconds))

    def throughput(self) -> None:
        """Starts, ends, failures and dollars by the hour."""
        from tui.screens.throughput import Throughput

        view, session = self._host.view, self._host.session
        if session is not None and view.latest is not None:
            waiting = sum(view.latest.counts.get(state, 0) for state in WAITING)
            self._host.ask(Throughput(session, self._host.now, waiting))

    # what is open

    def follow(self, screen: Any, delta: Delta) -> None:
        """The store was looked at: what lies over the panels wants to know."""
        if isinstance(screen, Detail) and screen.workset_id in delta.rows and self._host.work is not None:
            self._host.work.read(screen.workset_id)
        elif hasattr(screen, "follow"):
            screen.follow(delta)

    def was_read(self, screen: Any, message: Read) -> None:
        """A workset was read for the detail screen."""
        if not isinstance(screen, Detail):
            return
        if message.found is None:
            screen.fail(message.error)
        elif message.found.workset.workset_id == screen.workset_id:
            screen.show(message.found, self._host.now())

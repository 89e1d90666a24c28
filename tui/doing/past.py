"""The past in the same panels: step by step, or played."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.message import Message

from wsmon.domain.errors import WsmonError
from wsmon.domain.times import isoformat, micros
from wsmon.domain.visible import visible
from wsmon.services.replay import Loaded, Replay, load

if TYPE_CHECKING:
    from textual.timer import Timer

    from tui.host import Host
    from wsmon.domain.workset import Row
    from wsmon.services.live import Delta

SECONDS, TICK, SPEED = 86_400.0, 0.25, 60.0
SLOWEST, FASTEST = 0.25, 100_000.0


class Ready(Message):
    """The events were read, or why they could not be."""

    def __init__(self, loaded: Loaded | None, error: str = "", *, from_start: bool = False) -> None:
        super().__init__()
        self.loaded, self.error, self.from_start = loaded, error, from_start


class Past:
    """While it is open the panels show then, marked as past, and nothing can be changed."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.replay: Replay | None = None
        self._reading = False
        self._live: tuple[dict[str, Row], Delta | None] = ({}, None)
        self._at = 0
        self._speed = SPEED
        self._timer: Timer | None = None

    # open and close

    def begin(self, seconds: float = SECONDS, *, speed: float = SPEED, from_start: bool = False) -> None:
        """Read the events of so many seconds; ends in Ready."""
        host = self._host
        session = host.session
        if session is None or self._reading:
            return
        self._reading, self._speed = True, speed
        host.expect("reading the past …")

        def work() -> None:
            try:
                since = session.clock.now() - micros(seconds)
                found = load(session.store, session.clock, since, skew=session.skew_seconds)
            except WsmonError as error:
                host.post_message(Ready(None, str(error)))
            else:
                host.post_message(Ready(found, from_start=from_start))

        threading.Thread(target=work, name="past", daemon=True).start()

    def ready(self, message: Ready) -> None:
        """The panels go over into the past."""
        host, loaded = self._host, message.loaded
        self._reading = False
        if loaded is None or host.session is None:
            host.say(message.error, refused=True)
            return
        if not loaded.events:
            host.say("no event is known of that time", refused=True)
            return
        host.say("")
        self._live = (dict(host.view.rows), host.view.latest)
        self.replay = Replay(host.session.store, loaded)
        try:
            self.replay.step(-self.replay.length if message.from_start else -1)
        except WsmonError as error:
            host.say(str(error), refused=True)
        self._at = self.replay.at
        host.view.answered()
        host.view.add_class("-past")
        host.view.replace(self.replay.rows, self.replay.delta(self._at))
        self._told()
        if message.from_start:
            self.play()

    def close(self) -> bool:
        """Back to now; False where it was now already."""
        if self.replay is None:
            return False
        self._stop()
        self.replay = None
        rows, latest = self._live
        host = self._host
        host.view.remove_class("-past")
        host.status.past = ""
        if latest is not None:
            host.view.replace(rows, latest)
            host.status.counts, host.status.alerts = dict(latest.counts), len(latest.alerts)
        else:
            host.view.rows.clear()
            host.view.queue.reload()
        return True

    # moving

    @property
    def at(self) -> int | None:
        """The moment that is shown; None while it is now."""
        return None if self.replay is None else self._at

    def step(self, by: float) -> None:
        """One event back or on; the first step back opens the past."""
        replay = self.replay
        if replay is None:
            if by < 0:
                self.begin()
            else:
                self._host.say("this is now; [ goes back", refused=True)
            return
        self._stop()
        if not self._moved(lambda: replay.step(int(by))):
            end = "the first event of the last day" if by < 0 else "now; esc goes back to it"
            self._host.say(f"further there is only {end}", refused=True)
            return
        self._at = replay.at
        self._show()

    def _moved(self, move: Callable[[], int]) -> bool:
        try:
            return move() > 0
        except WsmonError as error:
            self._host.say(str(error), refused=True)
            return False

    def play(self) -> None:
        """Play on, or stand still."""
        if self._timer is not None:
            self._stop()
        else:
            self._timer = self._host.set_interval(TICK, self._tick)
        self._told()

    def speed(self, factor: float) -> None:
        """Play faster or slower."""
        self._speed = min(FASTEST, max(SLOWEST, self._speed * factor))
        self._told()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def _tick(self) -> None:
        replay = self.replay
        if replay is None:
            return
        following = replay.next_at()
        if following is None:
            self._stop()
            self._told()
            return
        self._at += micros(TICK * self._speed)
        if following <= self._at:
            self._moved(lambda: replay.seek(self._at))
            self._show()
        else:
            self._host.view.tick(self._at)
            self._told()

    def _show(self) -> None:
        if self.replay is not None:
            self._host.view.take(self.replay.delta(self._at))
            self._told()

    def _told(self) -> None:
        """When it is, which event was the last, and how it is played."""
        host, replay = self._host, self.replay
        if replay is None:
            return
        last = replay.last
        what = (
            f"{last.verb.value} {last.workset_id[:40]} by {last.actor[:30]}"
            if last is not None
            else "before all events"
        )
        plays = f"playing {self._speed:g}x" if self._timer is not None else "[ ] step, p plays, esc now"
        moment = isoformat(self._at)[:19].replace("T", " ")
        host.status.past = visible(f"{moment}Z  {replay.place:,}/{replay.length:,}  {plays}  {what}")
        host.status.counts = dict(replay.counts)
        host.status.alerts = len(host.view.latest.alerts) if host.view.latest is not None else 0
        host.show_status()

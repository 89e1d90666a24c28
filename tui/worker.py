"""The thread behind the screen: it connects, follows the store, and posts what it saw."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from textual.message import Message

from wsmon.domain.errors import NoStoreThere, StoreError, WsmonError

if TYPE_CHECKING:
    from tui.session import Session
    from wsmon.services.live import Delta, LiveView

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 15.0
IDLE_AFTER_POLLS, IDLE_FACTOR = 30, 2.0
TELL_SECONDS = 5.0
"""How often a store that stays as it is is told of; in between nobody is woken for it."""


class Connected(Message):
    """The session is there; nothing was read yet."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session


class Changed(Message):
    """The store was looked at and is another, or was for a while; `Follower.take` gives what came of it."""


class Troubled(Message):
    """The store or the settings cannot be used; the next try is in `pause` seconds."""

    def __init__(self, error: str, pause: float) -> None:
        super().__init__()
        self.error, self.pause = error, pause


class Unopened(Message):
    """No session can come of the flags and settings: trying again would not help."""

    def __init__(self, error: WsmonError) -> None:
        super().__init__()
        self.error = error


class Follower(threading.Thread):
    """Connects after the first frame and polls until `stop`; `post` is safe to call from here."""

    def __init__(self, connect: Callable[[], Session], post: Callable[[Message], Any]) -> None:
        super().__init__(name="live-view", daemon=True)
        self._connect, self._post = connect, post
        self._ended, self._wake = threading.Event(), threading.Event()
        self._mutex = threading.Lock()
        self._faults: dict[type[Exception], str] = {}
        self._untaken: Delta | None = None
        self._told: Delta | None = None
        """What was posted last; None: whatever comes next is news."""
        self.seen: Delta | None = None
        """What the last look showed, also where nobody was told: its times are how old the data is."""
        self.factor = 1.0
        """How much more rarely than usual it looks."""

    def run(self) -> None:
        """Until `stop`: connect, open, poll; after a trouble wait and go on where it stood."""
        from wsmon.services.live import LiveView  # after the first frame

        session: Session | None = None
        view: LiveView | None = None
        pause = FIRST_PAUSE
        quiet = 0
        while not self._ended.is_set():
            try:
                if session is None:
                    session = self._session()
                    if session is None:
                        return
                    self._post(Connected(session))
                if view is None:
                    opening = LiveView(
                        session.store,
                        session.clock,
                        skew=session.skew_seconds,
                        ruling=session.ruling,
                        counting=session.channels,
                    )
                    for delta in opening.open():
                        self._tell(delta)
                    view = opening
                else:
                    delta = view.poll()
                    quiet = 0 if delta.rows or delta.gone else quiet + 1
                    self._notice(delta)
                pause = FIRST_PAUSE
                # Somebody who works sees changes at once; an idle store where a look is paid for is asked half as often.
                idle = IDLE_FACTOR if quiet > IDLE_AFTER_POLLS and session.store.info.shared else 1.0
                self._rest(session.refresh_seconds * idle * self.factor)
            except StoreError as error:
                self._told = None
                self._post(Troubled(str(error), pause))
                self._rest(pause)
                pause = min(LONGEST_PAUSE, pause * 2)
            except WsmonError as error:
                self._told = None
                self._post(Troubled(str(error), LONGEST_PAUSE))
                self._rest(LONGEST_PAUSE)
            except Exception as error:
                view = self._told = None
                self._post(Troubled(self._reported(error), LONGEST_PAUSE))
                self._rest(LONGEST_PAUSE)

    def _session(self) -> Session | None:
        """What `connect` gives; None where nothing can come of it, which is told. Raises StoreError, which may pass."""
        try:
            return self._connect()
        except WsmonError as error:
            if isinstance(error, StoreError) and not isinstance(error, NoStoreThere):
                raise
            self._post(Unopened(error))
            return None

    def _reported(self, error: Exception) -> str:
        """What to say of a fault of our own; one file tells of each kind, however often it comes."""
        from tui.report import reported

        if type(error) not in self._faults:
            self._faults[type(error)] = reported(error)
        return self._faults[type(error)]

    def _notice(self, delta: Delta) -> None:
        """Tell what is news, and now and then that nothing is."""
        told, self.seen = self._told, delta
        if told is None or delta.at - told.at >= TELL_SECONDS * 1e6 or delta.at < told.at or delta.news(told):
            self._tell(delta)

    def _tell(self, delta: Delta) -> None:
        """Post, unless a message is on its way already: then what it brings grows, and nothing is dropped."""
        self._told = self.seen = delta
        with self._mutex:
            waiting = self._untaken
            self._untaken = delta if waiting is None else waiting.merged(delta)
        if waiting is None:
            self._post(Changed())

    def take(self) -> Delta | None:
        """Everything since the last call."""
        with self._mutex:
            delta, self._untaken = self._untaken, None
        return delta

    def _rest(self, seconds: float) -> None:
        self._wake.wait(seconds)
        self._wake.clear()

    def look_now(self) -> None:
        """Do not wait for the next poll."""
        self._wake.set()

    def stop(self) -> None:
        """End soon; the thread is a daemon and never holds the process up."""
        self._ended.set()
        self._wake.set()

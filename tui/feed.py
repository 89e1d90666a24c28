"""A thread that reads the events since a moment and follows them, for a screen that shows them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from textual.message import Message

from wsmon.domain.errors import WsmonError
from wsmon.domain.times import micros
from wsmon.services.tailing import Tail

if TYPE_CHECKING:
    from tui.session import Session
    from wsmon.domain.change import Event

BATCH = 2000


class Came(Message):
    """Events in the order in which they surfaced, or why none can be read; `all_read` once nothing more waits."""

    bubble = False

    def __init__(self, events: Sequence[Event], error: str = "", *, all_read: bool = True) -> None:
        super().__init__()
        self.events, self.error, self.all_read = events, error, all_read


class Feed(threading.Thread):
    """Posts `Came` until `stop`; begins `hours` back."""

    def __init__(self, session: Session, hours: float, post: Callable[[Message], Any]) -> None:
        super().__init__(name="feed", daemon=True)
        self._session, self._hours, self._post = session, hours, post
        self._ended = threading.Event()

    def run(self) -> None:
        """Read on, and after a trouble again from where it stood."""
        session, tail = self._session, None
        first = True
        while not self._ended.is_set():
            try:
                if tail is None:
                    since = session.clock.now() - micros(self._hours * 3600)
                    tail = Tail(session.store, session.store.feed_start(since))
                reader = tail.poll(BATCH)
                while (found := [event for event, _ in islice(reader, BATCH)]) or first:
                    first = False
                    self._post(Came(found, all_read=len(found) < BATCH))
                self._ended.wait(session.refresh_seconds)
            except WsmonError as error:
                self._post(Came((), str(error)))
                self._ended.wait(3 * session.refresh_seconds)

    def stop(self) -> None:
        """Nobody reads any more."""
        self._ended.set()

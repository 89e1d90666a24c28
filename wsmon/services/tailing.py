"""Following the feed: every event once, in the order it surfaced."""

from __future__ import annotations

from collections.abc import Iterator

from wsmon.domain.change import Event
from wsmon.domain.times import Instant
from wsmon.ports import StateStore

REMEMBER = 300_000_000
"""Microseconds of event time for which a repetition is known; far above what any store reads again."""


class Tail:
    """Reads on from a cursor; what a store shows twice comes out once. One thread calls it."""

    def __init__(self, store: StateStore, cursor: str | None = None, *, begun: Instant | None = None) -> None:
        """`begun`: from now on. What the first look shows of before is passed over, for a store may look back a little."""
        self._store, self._begun = store, begun
        self.cursor = store.feed_start() if cursor is None else cursor
        self._seen: dict[tuple[str, int], int] = {}
        self._forget_at = 0

    def poll(self, limit: int = 1000) -> Iterator[tuple[Event, str]]:
        """The new events, each with the cursor from which to go on after it. Raises InvalidInput for a bad cursor."""
        begun, self._begun = self._begun, None
        while True:
            page = self._store.feed(self.cursor, limit)
            for event, cursor in zip(page.events, page.cursors, strict=True):
                if self.new(event) and (begun is None or event.at >= begun):
                    yield event, cursor
            self.cursor = page.cursor
            if not page.more:
                return

    def new(self, event: Event) -> bool:
        """Whether this is the first time; remembers it."""
        key = (event.workset_id, event.seq)
        if key in self._seen:
            return False
        self._seen[key] = event.at
        if event.at > self._forget_at:
            self._forget_at = event.at + REMEMBER
            self._seen = {known: at for known, at in self._seen.items() if at > event.at - REMEMBER}
        return True

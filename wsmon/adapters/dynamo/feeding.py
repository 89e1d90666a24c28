"""Where a reader of the feed stands, and how much it reads again because the index lags."""

from __future__ import annotations

import re
from dataclasses import dataclass

from wsmon.adapters.cursors import unknown
from wsmon.domain.times import Instant

REREAD = 10_000_000
"""Microseconds of the feed that are read again, because an index surfaces events late and out of order."""
BUSY_REREAD = 3_000_000
"""The same while so many events come that reading them again would cost."""
FEW = 8
"""Events that fit into the least a read costs, half a unit for 4 KB."""
SKEW = 60_000_000
"""Microseconds by which another machine's clock may be ahead of this one's, or behind."""
LOOK_BACK_EVERY = 60_000_000
"""Microseconds between looks over the whole skew: events of a clock that is behind sort before what was read."""
BUSY_LOOK_BACK_EVERY = 300_000_000
"""The same while many events come: each look reads more than a minute of them again."""
OLDEST = 31 * 86_400_000_000
"""Microseconds a cursor may lie back: every hour of them is a query, so a made-up cursor must not ask for a century."""
HOURS_AT_ONCE, LONGEST_SPAN = 16, 366 * 86_400_000_000
"""How many hours of a span are asked for at once, and the longest span in microseconds: its every hour is a query."""
_DIGITS = 20
_SHAPE = re.compile(r"[0-9]{20}(#.*|[0-9]{60}(#.*)?)?")


@dataclass(frozen=True, slots=True)
class Mark:
    """A feed cursor: read what sorts after `after`; a bare moment is a cursor too."""

    after: str
    newest: Instant
    """`at` of the newest event that was read."""
    seen: Instant
    """When, on the reader's clock, that one was read first."""
    looked_back: Instant = 0
    """When, on the reader's clock, the whole skew was read again."""

    @classmethod
    def of(cls, cursor: str, now: Instant) -> Mark:
        """The mark a cursor stands for. Raises InvalidInput."""
        if not _SHAPE.fullmatch(cursor):
            raise unknown("feed", cursor)
        if cursor[: 4 * _DIGITS].isdecimal() and len(cursor) >= 4 * _DIGITS:
            newest, seen, looked_back = (int(cursor[n * _DIGITS : (n + 1) * _DIGITS]) for n in range(3))
            return cls(cursor[3 * _DIGITS :], newest, seen, looked_back)
        return cls(cursor, int(cursor[:_DIGITS]) + REREAD, now, now)

    @property
    def text(self) -> str:
        """The cursor."""
        return f"{self.newest:020d}{self.seen:020d}{self.looked_back:020d}{self.after}"

    def reached(self, newest: Instant, now: Instant, after: str) -> Mark:
        """In the middle of the feed, after some events."""
        return Mark(after, *self._seen(newest, now), self.looked_back)

    def ended(self, newest: Instant, now: Instant, count: int) -> Mark:
        """At the end of the feed, after `count` events: where the next look begins.

        Once the newest event has been known for the whole window, nothing before it is still on its
        way, so a burst is not read again and again. Idle hours need not be asked again either: nothing
        this late comes but by a clock beyond the skew. The newest event counts as of now where its
        writer's clock is ahead, or it would pull the reader past what others write; and from time to time
        the whole skew is read again, for those whose clock is behind.
        """
        latest, seen = self._seen(newest, now)
        floor = max(min(latest, now), now - SKEW)
        few = count <= FEW and "#" not in self.after
        if now - self.looked_back >= (LOOK_BACK_EVERY if few else BUSY_LOOK_BACK_EVERY):
            return Mark(f"{floor - SKEW - REREAD:020d}", latest, seen, now)
        window = 0 if now - seen >= REREAD else REREAD if few else BUSY_REREAD
        return Mark(f"{floor - window:020d}", latest, seen, self.looked_back)

    def _seen(self, newest: Instant, now: Instant) -> tuple[Instant, Instant]:
        return (newest, now) if newest > self.newest else (self.newest, self.seen)

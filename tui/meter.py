"""What the last minute cost, from a counter that only grows."""

from __future__ import annotations

from collections import deque

MINUTE, STEP = 60.0, 10.0


class Meter:
    """Looks at the counter now and then; a figure stands for ten seconds, so that nothing repaints for it."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque()

    def told(self, moment: float, counter: float | None) -> int | None:
        """Units a minute as of this moment (monotonic seconds); None where nothing is counted."""
        if counter is None:
            return None
        if not self._seen or moment - self._seen[-1][0] >= STEP:
            self._seen.append((moment, counter))
        while len(self._seen) > 2 and moment - self._seen[1][0] >= MINUTE:
            self._seen.popleft()
        (began, first), (ended, last) = self._seen[0], self._seen[-1]
        return round((last - first) * MINUTE / (ended - began)) if ended > began else 0

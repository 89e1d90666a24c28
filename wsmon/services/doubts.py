"""Tells what the feed has missed from what is only late, by the tallies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wsmon.domain.states import WorksetState
from wsmon.domain.times import Instant

CHECK_SECONDS = 300.0
FIRST_CHECK_SECONDS = 5.0
BUSY_CHECK_SECONDS = 60.0
"""The wait where something differs, and what differed at the last check has come since: the store is worked on."""


class Doubts:
    """Compares the fold with the tallies, check after check; `pause` is the seconds until the next.

    On a store that is worked on the tallies are always a little ahead of an index that lags. So an
    event that comes after a check, and was written before it, is set against what differed then. Only a
    state whose difference stays the same through two checks has lost something, and is to be read again.
    """

    def __init__(self) -> None:
        self.pause = FIRST_CHECK_SECONDS
        self._at: Instant = 0
        self._off: dict[WorksetState, int] = {}
        self._off_before: dict[WorksetState, int] = {}

    def late(self, at: Instant, before: WorksetState | None, after: WorksetState | None) -> None:
        """An event was folded: a row left a state for another (None: it was, or is, nowhere)."""
        if at >= self._at:
            return
        for state, step in ((before, -1), (after, 1)):
            if state in self._off:
                self._off[state] += step

    def check(
        self,
        at: Instant,
        have: Mapping[WorksetState, int],
        tallies: Mapping[WorksetState, int],
        states: Iterable[WorksetState],
    ) -> list[WorksetState]:
        """The states to be read again; `at` is the moment before the tallies were read."""
        off = {state: have[state] - tallies[state] for state in states}
        lost = [state for state, n in self._off.items() if n and n == self._off_before.get(state)]
        if any(self._off.values()):
            self.pause = FIRST_CHECK_SECONDS  # it differed and has not come since
        elif any(off.values()):
            self.pause = BUSY_CHECK_SECONDS if self._at else FIRST_CHECK_SECONDS
        else:
            self.pause = CHECK_SECONDS
        self._off_before = {state: n for state, n in self._off.items() if state not in lost}
        self._off = {state: 0 if state in lost else n for state, n in off.items()}
        self._at = at
        return lost

"""Clocks that a test moves on."""

from __future__ import annotations

from wsmon.adapters.clock import SystemClock


class Clock(SystemClock):
    """A monotonic clock that can be moved on."""

    ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


class Turning(Clock):
    """A clock of which both hands are moved on, and only by hand."""

    def now(self) -> int:
        return 1_700_000_000_000_000 + int(self.ahead * 1e6)

    def monotonic(self) -> float:
        return self.ahead

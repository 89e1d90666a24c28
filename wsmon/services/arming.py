"""Writes on a shared store are off until somebody arms them, and then for a while only."""

from __future__ import annotations

from wsmon.domain.errors import NotArmed
from wsmon.ports import Clock

ARMED_SECONDS = 900.0


class Gate:
    """Of one session; every copy of its commands asks the same one. Time is the monotonic clock's."""

    def __init__(self, seconds: float = ARMED_SECONDS) -> None:
        self.seconds = seconds
        self._until = 0.0

    def arm(self, clock: Clock) -> None:
        """From now on, for `seconds`."""
        self._until = clock.monotonic() + self.seconds

    def disarm(self) -> None:
        """No longer."""
        self._until = 0.0

    def left(self, clock: Clock) -> float:
        """Seconds until it closes by itself; 0 where it is closed."""
        return max(0.0, self._until - clock.monotonic())

    def armed(self, clock: Clock) -> bool:
        """Whether a change may be made now."""
        return self.left(clock) > 0

    def check(self, clock: Clock) -> None:
        """Raise NotArmed unless a change may be made now."""
        if not self.armed(clock):
            raise NotArmed(
                f"writes are not armed on this shared store; W arms them for {self.seconds / 60:.0f} minutes"
            )

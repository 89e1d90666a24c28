"""Each machine's clocks: skewed, jumping, standing still while it is suspended."""

from __future__ import annotations

import threading

from tests.simulation.kernel import SECOND, Kernel
from wsmon.domain.times import Instant, micros

EPOCH = 1_790_000_000 * SECOND
"""The wall clock where the simulation begins."""


class Machine:
    """A machine with its clocks and its boot."""

    def __init__(self, kernel: Kernel, name: str) -> None:
        self._kernel, self.name = kernel, name
        self.wall_offset = 0
        """Microseconds this wall clock is ahead of the true time."""
        self.suspended = 0
        """Microseconds slept so far, which the monotonic clock does not see."""
        self.booted_at = -1000 * SECOND
        self.boots = 1
        self.off_until = 0
        self.asleep_until = 0

    @property
    def boot_id(self) -> str:
        return f"{self.name}-boot-{self.boots}"


class SimClock:
    """The Clock port of one process."""

    def __init__(self, kernel: Kernel, machine: Machine) -> None:
        self._kernel, self._machine = kernel, machine

    def now(self) -> Instant:
        return EPOCH + self._kernel.now + self._machine.wall_offset

    def monotonic(self) -> float:
        return (self._kernel.now - self._machine.booted_at - self._machine.suspended) / SECOND

    def boottime(self) -> float:
        return (self._kernel.now - self._machine.booted_at) / SECOND

    def sleep(self, seconds: float) -> None:
        self._kernel.sleep(seconds)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return self._kernel.wait(event, seconds)


def seconds(moment: int) -> float:
    """Microseconds as seconds."""
    return moment / micros(1)

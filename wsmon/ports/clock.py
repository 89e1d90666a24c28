"""Time, and work beside the caller."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from wsmon.domain.times import Instant


class Clock(Protocol):
    """The three clocks and the one way to wait."""

    def now(self) -> Instant:
        """Wall clock, microseconds since the epoch."""

    def monotonic(self) -> float:
        """Seconds; never goes back, may stand still while the machine sleeps."""

    def boottime(self) -> float:
        """Seconds since boot, sleep included; the same for all processes of the machine."""

    def sleep(self, seconds: float) -> None:
        """Wait."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until the event is set, at most `seconds`; whether it is set."""


class Joinable(Protocol):
    """Work that goes on beside its starter; a thread is one."""

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has ended, at most `timeout` seconds."""


StartBeside = Callable[[str, Callable[[], None]], Joinable]
"""Starts named work beside the caller: a daemon thread, or an actor of the simulation."""

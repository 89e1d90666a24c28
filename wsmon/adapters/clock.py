"""The machine's clocks."""

from __future__ import annotations

import threading
import time


class SystemClock:
    """The Clock port on the real clocks."""

    def now(self) -> int:
        """Wall clock, microseconds since the epoch."""
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        """Seconds; never goes back."""
        return time.monotonic()

    def boottime(self) -> float:
        """Seconds since boot, sleep included where the system can tell."""
        if hasattr(time, "CLOCK_BOOTTIME"):
            return time.clock_gettime(time.CLOCK_BOOTTIME)
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until the event is set, at most `seconds`; whether it is set."""
        return event.wait(seconds)

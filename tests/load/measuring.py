"""What is measured of a load: calls and units of refreshes, memory over time, errors on any face."""

from __future__ import annotations

import json
import re
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import psutil

from tests.wire.faults import Plan
from tests.wire.proxy import Proxy

FLAT_SHARE, FLAT_MIB = 0.03, 4.0
"""Memory is flat when its trend over the second half adds less than either."""
TROUBLE = re.compile(r"trying again in| stale | no store |Traceback|unexpected error|refused:")
BAD_LINE = re.compile(r"\[(?:warning|error|critical)\s*\]|Traceback|unexpected error", re.IGNORECASE)


class Counting(Proxy):
    """A wire that hurts nobody and counts what screens ask for, while `open`."""

    def __init__(self, peer: str) -> None:
        super().__init__(peer, Plan(calm=True))
        self.open = False
        self.calls: Counter[str] = Counter()
        self.units = 0.0
        self.refreshes = 0
        self.loaded_at = time.monotonic()
        """When a screen last asked for a page of the queue."""
        self._counting = threading.Lock()

    def note(self, operation: str, body: bytes, answer: bytes) -> None:
        """A refresh begins with its first query of the feed; a further page of it has a start key."""
        if b'"queue"' in body:
            self.loaded_at = time.monotonic()
        if not self.open:
            return
        asked, told = json.loads(body), json.loads(answer)
        consumed = told.get("ConsumedCapacity") or []
        parts = consumed if isinstance(consumed, list) else [consumed]
        with self._counting:
            self.calls[operation] += 1
            self.units += sum(part["CapacityUnits"] for part in parts)
            self.refreshes += asked.get("IndexName") == "feed" and "ExclusiveStartKey" not in asked


@dataclass
class Memory:
    """The resident memory of one process, in MiB, at even times."""

    name: str
    pid: int
    samples: list[float] = field(default_factory=list)

    def take(self) -> None:
        """One sample. Raises psutil.NoSuchProcess."""
        self.samples.append(psutil.Process(self.pid).memory_info().rss / 2**20)

    @property
    def second_half(self) -> Sequence[float]:
        return self.samples[len(self.samples) // 2 :]

    @property
    def trend(self) -> float:
        """MiB that the second half rises by, told by the slower of its two quarters.

        What leaks rises in both. A step is none: an arena taken once, or a collection that comes later.
        """
        half, middle = self.second_half, len(self.second_half) // 2
        return min(_rise(half[:middle]), _rise(half[middle:])) * 2

    @property
    def flat(self) -> bool:
        return self.trend < max(FLAT_MIB, FLAT_SHARE * statistics.fmean(self.second_half or [0.0]))


def _rise(samples: Sequence[float]) -> float:
    """How much a straight line through them rises."""
    if len(samples) < 2:
        return 0.0
    return statistics.linear_regression(range(len(samples)), samples).slope * (len(samples) - 1)


def bad_lines(text: str) -> list[str]:
    """The lines of a log that tell of something an operator should look at."""
    return [line[:300] for line in text.splitlines() if BAD_LINE.search(line)]


def troubles(screens: Iterable[str]) -> list[str]:
    """The lines of screens that tell of trouble."""
    return [line.strip()[:200] for text in screens for line in text.splitlines() if TROUBLE.search(line)]


TALLY_UNITS, LOOKS_BACK = 8, 2
"""Units of one look at the tallies: 8 shards, read consistently."""


@dataclass(frozen=True)
class Budget:
    """What the refreshes of all screens may take together."""

    refreshes: int
    calls: int
    units: float
    checks: int
    """How often the tallies were looked at among them."""
    events: int
    """How many events each screen had to read."""
    screens: int
    leases: float

    @property
    def calls_each(self) -> float:
        return self.calls / max(1, self.refreshes)

    @property
    def units_each(self) -> float:
        return self.units / max(1, self.refreshes)

    @property
    def units_allowed(self) -> float:
        """A refresh: 3 units, one more per 50 leases beyond the first 50, one per 4 changes, and the checks.

        Beside the tallies a check looks back over twice its period, so every change is read twice more.
        """
        quiet = 3 + max(0.0, self.leases - 50) / 50
        more = self.screens * self.events * (1 + LOOKS_BACK) / 4 + self.checks * TALLY_UNITS
        return (quiet * self._whole + more) / max(1, self.refreshes)

    @property
    def _whole(self) -> int:
        """Refreshes with those that the watch's beginning cut in two."""
        return self.refreshes + self.screens

    @property
    def kept(self) -> bool:
        """One call in ten may be the hour's edge, or a further page of a burst."""
        return self.refreshes > 0 and self.calls <= 3.1 * self._whole and self.units_each <= self.units_allowed

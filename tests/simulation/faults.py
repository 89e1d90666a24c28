"""The kinds of faults, how often each comes, and how often each came."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from random import Random


class Kind(StrEnum):
    """What goes wrong."""

    LOST_REPLY = "reply lost after applying"
    LOST_REQUEST = "reply lost before applying"
    UNRESOLVED = "write applied, its fate never learned"
    LATE_REQUEST = "request applied long after its sender gave up"
    CONFLICT = "transaction conflict"
    THROTTLE = "throttled call"
    SLOW = "slow call"
    LAG = "index lag"
    LONG_LAG = "index lag beyond the re-read"
    OUTAGE = "store outage"
    PARTITION = "process cut off the store"
    PAUSE = "pause longer than a lock"
    SUSPEND = "machine suspended"
    SKEW = "clock jump"
    CRASH = "monitor crash"
    REBOOT = "machine reboot"
    RUN_CRASH = "run crash"
    RUN_HANG = "run hanging"
    SUPERVISOR = "supervisor death"
    SLOW_START = "start delayed beyond the lock"
    RELOAD = "settings reload"
    CALLER = "caller gone with its lock"
    ROBBERY = "lock ended by force"
    CHANNEL = "channel outage"
    CHANNEL_LOST = "channel's reply lost"


PER_CALL: dict[Kind, float] = {
    Kind.LOST_REPLY: 0.006,
    Kind.LOST_REQUEST: 0.003,
    Kind.UNRESOLVED: 0.003,
    Kind.LATE_REQUEST: 0.002,
    Kind.SLOW: 0.008,
    Kind.PAUSE: 0.003,
    Kind.CRASH: 0.002,
}
"""How often a call of a monitor meets each, at intensity 1."""


class Faults:
    """Which kinds this seed knows, and how many of each came."""

    def __init__(self, seed: int, without: frozenset[str] = frozenset()) -> None:
        chance = Random(f"{seed}/faults")
        # Not all at once: what one fault hides, another seed shows ("swarm testing", Groce et al., ISSTA 2012).
        wanted = {kind: chance.random() < 0.7 for kind in Kind}
        self.intensity = 2.0 ** chance.uniform(-1.5, 1.5)
        self.enabled = frozenset(kind for kind in Kind if wanted[kind] and kind.name not in without)
        self.on = True
        self.counts: Counter[Kind] = Counter()
        self._table: list[tuple[float, Kind]] = []
        total = 0.0
        for kind, rate in PER_CALL.items():
            if kind in self.enabled:
                total += rate * self.intensity
                self._table.append((total, kind))
        self._total = total

    def has(self, kind: Kind) -> bool:
        """Whether the kind may come now."""
        return self.on and kind in self.enabled

    def draw(self, chance: Random) -> Kind | None:
        """The fault one call meets."""
        drawn = chance.random()
        if drawn >= self._total or not self.on:
            return None
        return next(kind for bound, kind in self._table if drawn < bound)

    def hit(self, kind: Kind, probability: float, chance: Random) -> bool:
        """Whether a fault outside of calls comes now; counts it."""
        came = chance.random() < probability and self.has(kind)
        if came:
            self.counts[kind] += 1
        return came

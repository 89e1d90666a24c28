"""What happened in each stretch of time, counted from events: starts, completions, failures, dollars, and the queue's depth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from wsmon.domain.change import Event
from wsmon.domain.states import WAITING, Verb
from wsmon.domain.times import Instant, micros


@dataclass(slots=True)
class Stretch:
    """One stretch of time."""

    since: Instant
    starts: int = 0
    completions: int = 0
    failures: int = 0
    registered: int = 0
    dollars: float = 0.0
    waiting: int = 0
    """By how many the worksets that wait became more in it, or fewer."""


@dataclass(slots=True)
class Rates:
    """Stretches of `seconds`; an event that comes twice counts once."""

    seconds: float = 3600.0
    stretches: dict[int, Stretch] = field(default_factory=dict)
    _seen: set[tuple[str, int]] = field(default_factory=set)

    def add(self, events: Iterable[Event]) -> None:
        """Count these."""
        for event in events:
            key = (event.workset_id, event.seq)
            if key not in self._seen:
                self._seen.add(key)
                self._count(event)

    def _count(self, event: Event) -> None:
        stretch = self._at(event.at)
        stretch.starts += event.verb is Verb.START
        stretch.completions += event.verb is Verb.COMPLETE
        stretch.failures += event.verb is Verb.FAIL
        stretch.registered += event.verb is Verb.REGISTER
        spend = (event.detail or {}).get("spend") or {}
        stretch.dollars += sum(value for value in spend.values() if isinstance(value, int | float))
        stretch.waiting += (event.after in WAITING) - (event.before in WAITING)

    def _at(self, at: Instant) -> Stretch:
        length = micros(self.seconds)
        number = at // length
        return self.stretches.setdefault(number, Stretch(number * length))

    def last(self, now: Instant, count: int) -> list[Stretch]:
        """The last `count` stretches, the one of now at the end; those in which nothing happened as well."""
        length = micros(self.seconds)
        newest = now // length
        return [self.stretches.get(n, Stretch(n * length)) for n in range(newest - count + 1, newest + 1)]


def depths(stretches: Iterable[Stretch], waiting_now: int) -> list[int]:
    """How many waited at the end of each stretch, from how many do now."""
    found, depth = [], waiting_now
    for stretch in reversed(list(stretches)):
        found.append(max(0, depth))
        depth -= stretch.waiting
    return found[::-1]


BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Iterable[float]) -> str:
    """A bar a value, the highest one full; a space for nothing."""
    numbers = list(values)
    most = max(numbers, default=0)
    if most <= 0:
        return " " * len(numbers)
    return "".join(" " if v <= 0 else BARS[min(len(BARS) - 1, int(v / most * len(BARS)))] for v in numbers)

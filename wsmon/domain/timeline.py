"""A workset's life as a line of phases, drawn from its events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from wsmon.domain.change import Event
from wsmon.domain.states import HELD, Verb, WorksetState
from wsmon.domain.times import Instant

ELSEWHERE = "another system"
"""Who held what was taken over with its past."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of time in which a workset stood the same way."""

    state: WorksetState
    since: Instant
    until: Instant | None
    """None: it stands so still."""
    attempt: int = 0
    who: str = ""
    """Who held it; empty for nobody."""
    where: str = ""
    """The cluster it was on."""
    ended_by: str = ""
    """The verb that ended it."""

    def seconds(self, now: Instant) -> float:
        """How long it lasted, or has lasted."""
        return max(0.0, ((now if self.until is None else self.until) - self.since) / 1e6)


def phases(events: Iterable[Event]) -> list[Phase]:
    """The phases in order; a step of a run, a priority or a cancel request begins none."""
    found: list[Phase] = []
    for event in events:
        row = event.row
        if row is None or event.after is None:
            _end(found, event)
            continue
        who = row.holder or (ELSEWHERE if event.after in HELD and "taken_over" in (event.detail or {}) else "")
        new = Phase(event.after, event.at, None, row.attempt, who, row.cluster or "")
        last = found[-1] if found else None
        if last is not None and last.until is None and _same(last, new):
            continue
        _end(found, event)
        found.append(new)
    return found


def _same(last: Phase, new: Phase) -> bool:
    return (last.state, last.attempt, last.who, last.where) == (new.state, new.attempt, new.who, new.where)


def _end(found: list[Phase], event: Event) -> None:
    if found and found[-1].until is None:
        last = found[-1]
        found[-1] = Phase(last.state, last.since, event.at, last.attempt, last.who, last.where, event.verb.value)


def drawn(found: Sequence[Phase], now: Instant, width: int) -> list[tuple[int, int]]:
    """For each phase where its bar begins and how long it is, of `width` cells; every bar is at least one."""
    if not found:
        return []
    first = found[0].since
    span = max(1, (now if found[-1].until is None else found[-1].until) - first)
    bars = []
    for phase in found:
        begin = min(width - 1, (phase.since - first) * width // span)
        end = ((now if phase.until is None else phase.until) - first) * width // span
        bars.append((begin, max(1, min(width, end) - begin)))
    return bars


def booked(events: Iterable[Event]) -> float | None:
    """The dollars its claims and results have booked; None where nothing was."""
    found = [
        value
        for event in events
        for value in ((event.detail or {}).get("spend") or {}).values()
        if isinstance(value, int | float)
    ]
    return sum(found) if found else None


def failures(events: Iterable[Event]) -> int:
    """How often a run of it failed."""
    return sum(event.verb is Verb.FAIL for event in events)

"""Small things that the checks share."""

from __future__ import annotations

from dataclasses import dataclass

from tests.simulation.kernel import Process
from tests.simulation.table import TIERS
from wsmon.domain.change import Change
from wsmon.domain.workset import Tombstone, Workset

SLACK = 2000
"""Microseconds by which floats may round."""


@dataclass(slots=True)
class Stamp:
    """When, in true time, a lease was stamped that stands now."""

    mark: tuple[int, int]
    at: int
    duration: float


@dataclass(frozen=True, slots=True)
class Asked:
    """When a call began: in true time, and on its caller's wall clock."""

    at: int
    wall: int


@dataclass(frozen=True, slots=True)
class Duty:
    """Who does a duty, and when, in true time, its lease was stamped that stands now."""

    process: Process
    at: int
    duration: float


def lives(owner: object) -> bool:
    """Whether a holder is a monitor that works: alive, and not at its end."""
    return (
        isinstance(owner, Process)
        and not owner.dead
        and any(task.name == "monitor" and not task.done for task in owner.tasks)
    )


def state_of(record: Workset | Tombstone | None) -> str | None:
    """A record's state; None where there is none."""
    return record.state.value if isinstance(record, Workset) else None


def said(change: Change) -> str:
    """A change for a message."""
    event = change.event
    return f"{event.verb.value} of {event.workset_id} (seq {event.seq}, token {event.token}) by {event.actor}"


def tier_of(record: Workset) -> int:
    """0 for urgent, 1 for normal, 2 for low."""
    return TIERS[record.priority.value]

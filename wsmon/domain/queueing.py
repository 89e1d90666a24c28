"""Who waits, in which order, and what the policy of that is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from wsmon.domain.needs import Microdollars, Needs, microdollars, needs_from
from wsmon.domain.pool import ClusterRecord
from wsmon.domain.states import WorksetPriority, WorksetState
from wsmon.domain.times import Instant, micros
from wsmon.domain.workset import Row, queue_moment


@dataclass(frozen=True, slots=True)
class Creation:
    """A cluster that may be made: what it would be, and how long that takes."""

    templates: tuple[ClusterRecord, ...]
    """What it might be; the first that would do is made."""
    lead_seconds: float = 900.0


@dataclass(frozen=True, slots=True)
class Policy:
    """How worksets are ordered and what they may cost."""

    max_wait: float | None = 86_400.0
    """Seconds after which a waiting workset rises one tier; None: never."""
    cost_order: bool = False
    budget: Microdollars | None = None
    """What a day may cost; beyond it only urgent worksets start."""
    spent: Microdollars = 0
    """What the present day has cost so far."""
    silent_after: float = 300.0
    """Seconds without a report after which a cluster is given nothing."""
    refusal_seconds: float = 1800.0
    """How long a cluster that refused to grow ranks behind the others."""
    creation: Creation | None = None
    """A cluster that may be made right now, or None."""


def policy_of(
    *,
    max_wait_seconds: float,
    cost_order: bool,
    daily_budget_usd: float | None,
    silent_seconds: float,
    refusal_seconds: float,
) -> Policy:
    """The policy as the settings say it; a longest wait of 0 is none."""
    return Policy(
        max_wait=max_wait_seconds or None,
        cost_order=cost_order,
        budget=None if daily_budget_usd is None else microdollars(daily_budget_usd),
        silent_after=silent_seconds,
        refusal_seconds=refusal_seconds,
    )


@dataclass(frozen=True, slots=True)
class Waiting:
    """A workset that is ready, or whose retry is due."""

    workset_id: str
    priority: WorksetPriority
    since: Instant
    """When it became ready or its retry became due."""
    needs: Needs = field(default_factory=Needs)
    affinity: str | None = None
    state: WorksetState = WorksetState.READY
    registered_at: Instant | None = None
    """Tells it from one that is registered under its id once it is purged; None: unknown."""


def waiting_of(row: Row) -> Waiting:
    """A row of the queue as the scheduler sees it."""
    return Waiting(
        row.workset_id,
        row.priority,
        queue_moment(row),
        needs_from(row.needs),
        row.affinity,
        row.state,
        row.registered_at,
    )


def tier_of(workset: Waiting, policy: Policy, now: Instant) -> int:
    """The tier after ageing."""
    tier = workset.priority.tier
    if policy.max_wait is None:
        return tier
    return tier - max(0, now - workset.since) // max(1, micros(policy.max_wait))


def in_order(worksets: Iterable[Waiting], policy: Policy, now: Instant) -> list[tuple[int, Waiting]]:
    """(tier, workset), the most pressing first."""

    def key(item: tuple[int, Waiting]) -> tuple[int, float, Instant, str]:
        tier, one = item
        cost = 0.0
        if policy.cost_order:
            cost = float("inf") if one.needs.cost is None else one.needs.cost
        return (tier, cost, one.since, one.workset_id)

    return sorted(((tier_of(one, policy, now), one) for one in worksets), key=key)

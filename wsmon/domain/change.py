"""A change: one accepted decision about one workset, written as a whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from wsmon.domain.needs import Microdollars, dollars
from wsmon.domain.pool import Held, Taken
from wsmon.domain.states import ClusterVerb, Verb, WorksetState
from wsmon.domain.times import Instant
from wsmon.domain.workset import JSONObject, Lease, LeaseMark, Row, Tombstone, Workset, row_of

CLUSTER_ID = "cluster:"
"""What the id of an event begins with that tells of a cluster; no workset's id may."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a decision needs besides the record: the moment, the actor and the change's own id."""

    now: Instant
    actor: str
    change_id: str
    reason: str | None = None
    jitter: float = 0.0
    """Evenly drawn from [0, 1); spreads retries."""


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the audit trail; (workset_id, seq) names it for ever."""

    workset_id: str
    seq: int
    at: Instant
    verb: Verb | ClusterVerb
    actor: str
    before: WorksetState | None
    after: WorksetState | None
    """None once purged."""
    token: int
    change_id: str
    reason: str | None = None
    detail: JSONObject | None = None
    row: Row | None = None
    """The workset after the change; None once purged."""

    @property
    def cluster(self) -> str:
        """The cluster it tells of; empty: a workset. Of a cluster it has no row, and `detail` says what was and is."""
        return self.workset_id.removeprefix(CLUSTER_ID) if isinstance(self.verb, ClusterVerb) else ""


@dataclass(frozen=True, slots=True)
class SlotClaim:
    """A slot wanted on a cluster that has `slots` of them, and what else it takes."""

    cluster: str
    slots: int
    takes: Taken = field(default_factory=Taken)
    vcpus: int = 0
    """How many the cluster has; 0: unknown, nothing is held against it."""
    memory_mib: int = 0
    budget: Microdollars | None = None
    """What the day's spend may reach with it; None: no bound, or none for an urgent one."""
    registered_at: Instant | None = None
    """When the workset was registered that it was planned for; None: whichever stands."""


@dataclass(frozen=True, slots=True)
class Hold:
    """What a change makes of a cluster's claims: the one it leaves there, and the difference in use."""

    cluster: str
    held: Held | None
    """None: the claim is taken away."""
    vcpus: int
    memory_mib: int


@dataclass(frozen=True, slots=True)
class Change:
    """One atomic write: the workset at rev + 1, its event, its tally, its lease and its slot.

    The store accepts it only while the stored record has `before`'s rev (or does not exist,
    where before is None) and, where `lease_seen` is given, while the lease still shows it.
    """

    before: Workset | Tombstone | None
    after: Workset | Tombstone
    event: Event
    lease: Lease | None = None
    """A lease that begins, replacing whatever stands there."""
    ends_lease: bool = False
    lease_seen: LeaseMark | None = None
    claim: SlotClaim | None = None
    cost: Microdollars | None = None
    """What the run that ended did cost, where that is known."""
    past: tuple[Event, ...] = ()
    """What is known of it from before it came here, up to the seq before the event's; a registration's alone.

    It stands in the workset's history and nowhere else: what is long over is news to nobody.
    """

    @property
    def events(self) -> tuple[Event, ...]:
        """All that it adds to the history, in order."""
        return (*self.past, self.event)

    @property
    def workset_id(self) -> str:
        """The id the change is about."""
        return self.after.workset_id

    @property
    def tally(self) -> dict[WorksetState, int]:
        """What the change adds to the count of each state; empty when the state stays."""
        delta: dict[WorksetState, int] = {}
        if isinstance(self.before, Workset):
            delta[self.before.state] = -1
        if isinstance(self.after, Workset):
            delta[self.after.state] = delta.get(self.after.state, 0) + 1
        return {state: n for state, n in delta.items() if n}

    @property
    def holds(self) -> list[Hold]:
        """What it changes in the claims on clusters, at most one entry a cluster."""
        before = self.before if isinstance(self.before, Workset) else None
        after = self.after if isinstance(self.after, Workset) else None
        had, has = before.slot if before else None, after.slot if after else None
        gone = (before.taken if before else None) or Taken()
        came = (after.taken if after else None) or Taken()
        found = []
        if had is not None and had != has:
            found.append(Hold(had, None, -gone.vcpus, -gone.memory_mib))
        if has is not None and self.lease is not None:
            same = gone if had == has else Taken()
            held = Held(self.lease.token, came.vcpus, came.memory_mib, came.until)
            found.append(Hold(has, held, came.vcpus - same.vcpus, came.memory_mib - same.memory_mib))
        return found

    @property
    def spends(self) -> dict[str, Microdollars]:
        """What it adds to each day's spend: the estimate at a claim; at the end the difference to the cost.

        A claim given back before a start costs nothing. One whose run's cost nobody knows keeps its estimate.
        """
        before = self.before.taken if isinstance(self.before, Workset) else None
        after = self.after.taken if isinstance(self.after, Workset) else None
        if before == after:
            return {}
        days: dict[str, Microdollars] = {}
        if before is not None and before.day:
            started = isinstance(self.before, Workset) and self.before.state is WorksetState.IN_PROGRESS
            cost = self.cost if self.cost is not None else before.cost
            days[before.day] = (cost if started else 0) - before.cost
        if after is not None and after.day:
            days[after.day] = days.get(after.day, 0) + after.cost
        return {day: amount for day, amount in days.items() if amount}


def changed(
    ctx: Context,
    verb: Verb,
    before: Workset,
    *,
    lease: Lease | None = None,
    ends_lease: bool = False,
    lease_seen: LeaseMark | None = None,
    claim: SlotClaim | None = None,
    cost: Microdollars | None = None,
    detail: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Change:
    """The change that gives `before` new `fields` by `verb`.

    `at` never goes back within one workset, whatever the clocks say.
    """
    at = max(ctx.now, before.updated_at + 1)
    after = replace(before, rev=before.rev + 1, updated_at=at, change_id=ctx.change_id, **fields)
    change = Change(
        before=before,
        after=after,
        event=event_of(ctx, verb, before.state, after, detail),
        lease=lease,
        ends_lease=ends_lease,
        lease_seen=lease_seen,
        claim=claim,
        cost=cost,
    )
    spends = change.spends
    if not spends:
        return change
    booked = {day: dollars(amount) for day, amount in spends.items()}
    return replace(change, event=replace(change.event, detail={**(detail or {}), "spend": booked}))


def event_of(
    ctx: Context,
    verb: Verb,
    before: WorksetState | None,
    after: Workset,
    detail: Mapping[str, Any] | None = None,
) -> Event:
    """The event that tells of `after`."""
    return Event(
        workset_id=after.workset_id,
        seq=after.rev,
        at=after.updated_at,
        verb=verb,
        actor=ctx.actor,
        before=before,
        after=after.state,
        token=after.token,
        change_id=ctx.change_id,
        reason=ctx.reason,
        detail=detail,
        row=row_of(after),
    )

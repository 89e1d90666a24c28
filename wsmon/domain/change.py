"""A change: one accepted decision about one workset, written as a whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from wsmon.domain.states import Verb, WorksetState
from wsmon.domain.times import Instant
from wsmon.domain.workset import JSONObject, Lease, LeaseMark, Row, Tombstone, Workset, row_of


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
    verb: Verb
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


@dataclass(frozen=True, slots=True)
class SlotClaim:
    """A slot wanted on a cluster that has `slots` of them."""

    cluster: str
    slots: int


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
    def slot_freed(self) -> str | None:
        """The cluster whose slot the change gives back."""
        before = self.before.slot if isinstance(self.before, Workset) else None
        after = self.after.slot if isinstance(self.after, Workset) else None
        return before if before != after else None


def changed(
    ctx: Context,
    verb: Verb,
    before: Workset,
    *,
    lease: Lease | None = None,
    ends_lease: bool = False,
    lease_seen: LeaseMark | None = None,
    claim: SlotClaim | None = None,
    detail: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Change:
    """The change that gives `before` new `fields` by `verb`.

    `at` never goes back within one workset, whatever the clocks say.
    """
    at = max(ctx.now, before.updated_at + 1)
    after = replace(before, rev=before.rev + 1, updated_at=at, change_id=ctx.change_id, **fields)
    return Change(
        before=before,
        after=after,
        event=event_of(ctx, verb, before.state, after, detail),
        lease=lease,
        ends_lease=ends_lease,
        lease_seen=lease_seen,
        claim=claim,
    )


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

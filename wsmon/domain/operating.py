"""The verbs of an operator or caller, besides those of a holder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from wsmon.domain.change import Change, Context, Event, changed, event_of
from wsmon.domain.errors import AlreadyExists, IllegalTransition
from wsmon.domain.holding import require
from wsmon.domain.spec import Facts, WorksetSpec
from wsmon.domain.states import TERMINAL, Verb, WorksetPriority, WorksetState
from wsmon.domain.times import Instant, isoformat
from wsmon.domain.workset import CancelRequest, Failure, JSONObject, Tombstone, Workset

S = WorksetState


MAX_PAST = 90
"""Past states of a registration: with its record and the tallies they must fit into one transaction of 100 items."""
_VERB_INTO = {
    S.LOCKED: Verb.ACQUIRE,
    S.IN_PROGRESS: Verb.START,
    S.COMPLETE: Verb.COMPLETE,
    S.IGNORED: Verb.IGNORE,
    S.ARCHIVED: Verb.ARCHIVE,
    S.DELETED: Verb.DELETE,
}


@dataclass(frozen=True, slots=True)
class PastState:
    """A state that a workset entered elsewhere, when and why, and as which of its states there."""

    state: WorksetState
    at: Instant
    reason: str | None = None
    said: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """The state a workset had where it is taken over from: ready, terminal or archived."""

    state: WorksetState
    since: Instant
    failure: Failure | None = None
    past: tuple[PastState, ...] = ()
    """How it came there, oldest first; of more than `MAX_PAST` the newest are kept."""
    metrics: JSONObject | None = None
    cluster: str | None = None
    """Where it ran last; of what will run here alone nothing is said."""


TAKEN_OVER = TERMINAL | {S.READY, S.ARCHIVED}


def register(
    spec: WorksetSpec, ctx: Context, current: Workset | Tombstone | None = None, standing: Standing | None = None
) -> Change:
    """A new workset, ready; it goes on from a tombstone's token and rev.

    One that is taken over from elsewhere has its `standing` from the first moment on, or a monitor would
    run between its registration and its result what is long complete. Raises AlreadyExists when `current`
    is a workset.
    """
    if isinstance(current, Workset):
        raise AlreadyExists(spec.workset_id, current.state.value)
    at = max(ctx.now, current.updated_at + 1) if current else ctx.now
    known = standing.past if standing else ()
    kept = known[-MAX_PAST:]
    state = standing.state if standing else S.READY
    if state not in TAKEN_OVER:
        raise IllegalTransition(spec.workset_id, state.value, Verb.REGISTER.value, (), "it cannot be taken over so")
    after = Workset(
        workset_id=spec.workset_id,
        bucket=spec.bucket,
        prefix=spec.prefix,
        state=state,
        priority=spec.priority,
        rev=(current.rev if current else 0) + len(kept) + 1,
        registered_at=at,
        queued_at=at,
        updated_at=at,
        metadata=spec.metadata,
        requirements=spec.requirements,
        token=current.token if current else 0,
        affinity=spec.affinity,
        ended_at=standing.since if standing and state in TERMINAL else None,
        failure=standing.failure if standing else None,
        archived_from=S.COMPLETE if state is S.ARCHIVED else None,
        metrics=(standing.metrics or {}) if standing and state is not S.READY else {},
        cluster=standing.cluster if standing and state is not S.READY else None,
        change_id=ctx.change_id,
    )
    detail: dict[str, Any] = {}
    if standing:
        older = {"older_states": len(known) - len(kept)} if len(known) > len(kept) else {}
        detail = {"taken_over_as": state.value, "since": isoformat(standing.since), **older}
    return Change(
        current, after, event_of(ctx, Verb.REGISTER, None, after, detail or None), past=_past(ctx, after, kept)
    )


def _past(ctx: Context, after: Workset, known: Sequence[PastState]) -> tuple[Event, ...]:
    """One event for each state, before the registration's and never out of order, whatever their moments say."""
    events: list[Event] = []
    first, before, last, attempt = after.rev - len(known), None, 0, 0
    for number, one in enumerate(known):
        latest = after.updated_at - len(known) + number
        last = min(max(one.at, last + 1), latest)
        attempt = 0 if one.state is S.READY else attempt + (one.state is S.IN_PROGRESS)
        began = events[0].at if events else last
        then = replace(
            after,
            state=one.state,
            rev=first + number,
            registered_at=began,
            queued_at=began,
            updated_at=last,
            attempt=attempt,
            ended_at=last if one.state in TERMINAL else None,
            failure=None,
            archived_from=None,
        )
        verb = _VERB_INTO.get(one.state, Verb.FAIL)
        if one.state is S.READY:
            verb = Verb.REQUEUE if events else Verb.REGISTER
        detail = {"taken_over": one.said or one.state.value}
        events.append(event_of(replace(ctx, reason=one.reason), verb, before, then, detail))
        before = one.state
    return tuple(events)


def requeue(workset: Workset, ctx: Context, *, keep_attempts: bool = False, facts: Facts | None = None) -> Change:
    """Ready again, attempts anew, with what its folder says now. An in-progress workset must be unattended."""
    require(workset, Verb.REQUEUE, "it has a live lock; unlock it first" if workset.holder is not None else "")
    anew = _anew(workset, facts) if facts is not None else {}
    detail: dict[str, Any] = {"read_anew": sorted(anew)} if anew else {}
    if workset.state is S.IN_PROGRESS and workset.run:
        detail["run_token"] = workset.run.run_token
    return changed(
        ctx,
        Verb.REQUEUE,
        workset,
        detail=detail or None,
        **anew,
        state=S.READY,
        queued_at=ctx.now,
        attempt=workset.attempt if keep_attempts else 0,
        expiries=0,
        retry_after=None,
        ended_at=None,
        failure=None,
        cancel=None,
        run=None,
        current_step=None,
        slot=None,
        taken=None,
    )


def _anew(workset: Workset, facts: Facts) -> dict[str, Any]:
    """What is otherwise by its folder. Tier and cluster that somebody has chosen since stand."""
    known = workset.metadata
    found = {
        "metadata": {**{name: known[name] for name in known if name not in facts.names}, **facts.metadata},
        "requirements": facts.requirements,
        "priority": facts.priority if workset.priority is WorksetPriority.NORMAL else workset.priority,
        "affinity": facts.affinity if workset.affinity in {None, known.get("cluster_name")} else workset.affinity,
    }
    return {name: value for name, value in found.items() if value != getattr(workset, name)}


def retry_now(workset: Workset, ctx: Context) -> Change:
    """A retrying workset ready before its moment; the attempts it has used stay used, or it would never be failed."""
    require(workset, Verb.REQUEUE, "" if workset.state is S.RETRYING else "it is not retrying")
    return requeue(workset, ctx, keep_attempts=True)


def ignore(workset: Workset, ctx: Context) -> Change:
    """Take a workset out of the queue for good, until a requeue."""
    require(workset, Verb.IGNORE)
    return changed(ctx, Verb.IGNORE, workset, state=S.IGNORED, ended_at=ctx.now, retry_after=None)


def cancel(workset: Workset, ctx: Context) -> Change:
    """Ask for the end of a held workset; its holder or adopter carries it out."""
    require(workset, Verb.CANCEL, "a cancel was asked already" if workset.cancel else "")
    request = CancelRequest(ctx.actor, ctx.now, ctx.reason or "")
    return changed(ctx, Verb.CANCEL, workset, cancel=request)


def set_priority(workset: Workset, ctx: Context, priority: WorksetPriority) -> Change:
    """Move a workset to another tier; its place within the tier is by age as before."""
    require(workset, Verb.SET_PRIORITY)
    detail = {"from": workset.priority.value, "to": priority.value}
    return changed(ctx, Verb.SET_PRIORITY, workset, detail=detail, priority=priority)


def set_affinity(workset: Workset, ctx: Context, cluster: str | None) -> Change:
    """Tie a workset to a cluster, or untie it with None."""
    require(workset, Verb.SET_AFFINITY)
    detail = {"from": workset.affinity, "to": cluster}
    return changed(ctx, Verb.SET_AFFINITY, workset, detail=detail, affinity=cluster)


def archive(workset: Workset, ctx: Context) -> Change:
    """Put a finished workset away."""
    require(workset, Verb.ARCHIVE)
    return changed(ctx, Verb.ARCHIVE, workset, state=S.ARCHIVED, archived_from=workset.state)


def restore(workset: Workset, ctx: Context) -> Change:
    """Bring an archived workset back to the state it had."""
    require(workset, Verb.RESTORE)
    back = workset.archived_from if workset.archived_from in TERMINAL else S.COMPLETE
    return changed(ctx, Verb.RESTORE, workset, state=back, archived_from=None)


def delete(workset: Workset, ctx: Context) -> Change:
    """Mark a workset deleted; a purge takes it away."""
    require(workset, Verb.DELETE)
    return changed(ctx, Verb.DELETE, workset, state=S.DELETED, retry_after=None)


def purge(workset: Workset, ctx: Context) -> Change:
    """Take a deleted workset away; its events and its token stay."""
    require(workset, Verb.PURGE)
    at = max(ctx.now, workset.updated_at + 1)
    after = Tombstone(workset.workset_id, workset.token, workset.rev + 1, at, ctx.change_id)
    event = Event(
        workset_id=workset.workset_id,
        seq=after.rev,
        at=at,
        verb=Verb.PURGE,
        actor=ctx.actor,
        before=workset.state,
        after=None,
        token=workset.token,
        change_id=ctx.change_id,
        reason=ctx.reason,
    )
    return Change(workset, after, event)

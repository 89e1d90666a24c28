"""The verbs of a holder, and the end of a lock by force: pure functions from a record to a change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from wsmon.domain.change import Change, Context, SlotClaim, changed
from wsmon.domain.errors import IllegalTransition, LockHeld, LockLost, NotDue
from wsmon.domain.needs import Microdollars, microdollars
from wsmon.domain.states import ALLOWED_FROM, ErrorCategory, Verb, WorksetPriority, WorksetState, allowed_verbs
from wsmon.domain.times import micros
from wsmon.domain.visible import clip
from wsmon.domain.workset import Failure, Lease, LeaseMark, RetryPolicy, RunRecord, Workset

S = WorksetState
DETAILS_CHARS = 4096
MIN_LEASE_SECONDS = 0.1
MAX_COST_USD = 1e9


def require(workset: Workset, verb: Verb, why: str = "") -> None:
    """Refuse a verb that the state table does not have from here."""
    if why or workset.state not in ALLOWED_FROM[verb]:
        allowed = tuple(v.value for v in allowed_verbs(workset.state))
        raise IllegalTransition(workset.workset_id, workset.state.value, verb.value, allowed, why)


def require_holder(workset: Workset, verb: Verb, token: int) -> None:
    """Refuse a holder whose lock is no longer the workset's."""
    if workset.token == token and workset.holder is not None:
        require(workset, verb)
        return
    if workset.token == token and workset.lock_ended == Verb.UNLOCK:
        raise LockLost(workset.workset_id, token, "forced")
    if workset.token == token and workset.lock_ended not in {Verb.EXPIRE, Verb.REQUEUE, None}:
        require(workset, verb, f"the lock ended with {workset.lock_ended}")
    reason = "stolen" if workset.token > token else "unknown"
    raise LockLost(workset.workset_id, token, reason, workset.holder)  # type: ignore[arg-type]


def new_lease(workset: Workset, ctx: Context, holder: str, duration: float) -> Lease:
    """The next lease of a workset, under the next token."""
    return Lease(
        workset_id=workset.workset_id,
        holder=holder,
        token=workset.token + 1,
        renewal=0,
        duration=micros(duration) / 1e6,  # as a store gives it back: a lost reply is found by comparing
        acquired_at=ctx.now,
        expires_at=ctx.now + micros(duration),
    )


def acquire(
    workset: Workset,
    ctx: Context,
    *,
    holder: str,
    duration: float,
    dead: LeaseMark | None = None,
    claim: SlotClaim | None = None,
    detail: Mapping[str, Any] | None = None,
) -> Change:
    """Take the lock for `duration` seconds; `dead` is the lease mark proven dead by the caller.

    `detail` goes onto the event: the decision that led here.

    Raises LockHeld, NotDue or IllegalTransition.
    """
    if workset.state is S.IN_PROGRESS:
        if workset.holder is not None:
            raise LockHeld(workset.workset_id, workset.holder)
        require(workset, Verb.ACQUIRE, "its run may still live; adopt or requeue it")
    require(workset, Verb.ACQUIRE)
    if workset.state is S.RETRYING and ctx.now < (workset.retry_after or 0):
        raise NotDue(workset.workset_id, workset.retry_after or 0, ctx.now)
    if workset.state is S.LOCKED:
        if dead is None or dead[0] != workset.token:
            raise LockHeld(workset.workset_id, workset.holder or "nobody")
        if workset.cancel is not None:
            require(workset, Verb.ACQUIRE, "a cancel was asked; expire it")
    if claim is not None:
        claim = _as_it_stands(workset, claim)
    lease = new_lease(workset, ctx, holder, duration)
    return changed(
        ctx,
        Verb.ACQUIRE,
        workset,
        lease=lease,
        lease_seen=dead if workset.state is S.LOCKED else None,
        claim=claim,
        detail=detail,
        state=S.LOCKED,
        token=lease.token,
        holder=holder,
        locked_at=ctx.now,
        retry_after=None,
        run=None,
        current_step=None,
        slot=claim.cluster if claim else None,
        taken=claim.takes if claim else None,
        cluster=claim.cluster if claim else workset.cluster,
    )


def _as_it_stands(workset: Workset, claim: SlotClaim) -> SlotClaim:
    """The claim for the workset as it is now: tier and affinity may have changed since it was planned.

    One that was purged and registered anew since may need something else altogether, and is planned anew.
    """
    if claim.registered_at not in {None, workset.registered_at}:
        require(workset, Verb.ACQUIRE, "it was registered anew since it was planned")
    if workset.affinity not in {None, claim.cluster}:
        require(workset, Verb.ACQUIRE, f"it is tied to {workset.affinity!r}, not to {claim.cluster!r}")
    return replace(claim, budget=None) if workset.priority is WorksetPriority.URGENT else claim


def start(
    workset: Workset,
    ctx: Context,
    *,
    token: int,
    run: RunRecord | None,
    cluster: str | None = None,
    metrics: Mapping[str, Any] | None = None,
) -> Change:
    """Begin an attempt; committed before anything is spawned. Raises LockLost, IllegalTransition.

    `cluster` names where it runs for a holder that claimed no slot; a claimed slot's cluster stands.
    """
    require_holder(workset, Verb.START, token)
    if workset.cancel is not None:
        require(workset, Verb.START, "a cancel was asked")
    return changed(
        ctx,
        Verb.START,
        workset,
        detail={"attempt": workset.attempt + 1, "folder": run.folder if run else None, **_told(metrics)},
        state=S.IN_PROGRESS,
        metrics={**workset.metrics, **(metrics or {})},
        attempt=workset.attempt + 1,
        expiries=0,
        run=run,
        started_at=ctx.now,
        ended_at=None,
        cluster=workset.slot or cluster or workset.cluster,
    )


def progress(
    workset: Workset,
    ctx: Context,
    *,
    token: int,
    step: str,
    cluster: str | None = None,
    metrics: Mapping[str, Any] | None = None,
) -> Change:
    """Record the step a run has reached, and figures so far; what it costs is booked at its end. `cluster` as at the start."""
    require_holder(workset, Verb.PROGRESS, token)
    return changed(
        ctx,
        Verb.PROGRESS,
        workset,
        detail={"step": step, **_told(metrics)},
        current_step=step,
        metrics={**workset.metrics, **(metrics or {})},
        cluster=workset.slot or cluster or workset.cluster,
    )


def complete(workset: Workset, ctx: Context, *, token: int, metrics: Mapping[str, Any] | None = None) -> Change:
    """Record success; it stands even where a cancel was asked."""
    require_holder(workset, Verb.COMPLETE, token)
    return changed(
        ctx,
        Verb.COMPLETE,
        workset,
        ends_lease=True,
        cost=_cost(metrics),
        detail=_told(metrics) or None,
        state=S.COMPLETE,
        metrics={**workset.metrics, **(metrics or {})},
        ended_at=ctx.now,
        failure=None,
        cancel=None,
        **unheld(Verb.COMPLETE),
    )


def fail(
    workset: Workset,
    ctx: Context,
    *,
    token: int,
    category: ErrorCategory,
    details: str,
    policy: RetryPolicy,
    failed_step: str | None = None,
    metrics: Mapping[str, Any] | None = None,
) -> Change:
    """Record a failure: retried, failed, in error, or ignored where a cancel was asked."""
    require_holder(workset, Verb.FAIL, token)
    details = clip(details, DETAILS_CHARS)
    # A failure before the start used an attempt too, or it could go round for ever.
    attempt = workset.attempt if workset.state is S.IN_PROGRESS else workset.attempt + 1
    delay = None
    if workset.cancel is not None:
        state = S.IGNORED
    elif not category.retryable:
        state = S.ERROR
    elif attempt >= policy.max_attempts:
        state = S.FAILED
    else:
        state, delay = S.RETRYING, policy.delay(attempt, ctx.jitter)
    return changed(
        ctx,
        Verb.FAIL,
        workset,
        ends_lease=True,
        cost=_cost(metrics),
        detail={
            "category": category.value,
            "details": details,
            "failed_step": failed_step,
            "attempt": attempt,
            **_told(metrics),
        },
        state=state,
        metrics={**workset.metrics, **(metrics or {})},
        attempt=attempt,
        ended_at=None if delay is not None else ctx.now,
        retry_after=None if delay is None else ctx.now + micros(delay),
        failure=Failure(category, details, ctx.now, failed_step),
        cancel=None,
        **unheld(Verb.FAIL),
    )


def release(workset: Workset, ctx: Context, *, token: int) -> Change | None:
    """Give the lock back: ready again, or unattended when in progress.

    None when this very lock has ended already. Raises LockLost for a robbed holder.
    """
    if workset.token == token and workset.holder is None and workset.lock_ended not in {Verb.UNLOCK, Verb.EXPIRE}:
        return None
    require_holder(workset, Verb.RELEASE, token)
    return _let_go(workset, ctx, Verb.RELEASE)


def cancelled(workset: Workset, ctx: Context, *, token: int) -> Change:
    """Record that a cancel was carried out; the caller has proven the run ended."""
    require_holder(workset, Verb.CANCELLED, token)
    if workset.cancel is None:
        require(workset, Verb.CANCELLED, "no cancel was asked")
    return changed(
        ctx,
        Verb.CANCELLED,
        workset,
        ends_lease=True,
        state=S.IGNORED,
        ended_at=ctx.now,
        cancel=None,
        **unheld(Verb.CANCELLED),
    )


def unlock(workset: Workset, ctx: Context) -> Change:
    """End somebody's lock by force; a run is not touched."""
    require(workset, Verb.UNLOCK, "" if workset.holder is not None else "it has no lock")
    return _let_go(workset, ctx, Verb.UNLOCK)


def _let_go(workset: Workset, ctx: Context, verb: Verb) -> Change:
    detail = {"holder": workset.holder}
    if workset.state is S.IN_PROGRESS:
        # Unattended: the run and its slot stay, only the lock ends.
        return changed(ctx, verb, workset, ends_lease=True, detail=detail, holder=None, lock_ended=verb.value)
    fields: dict[str, Any] = {"state": S.READY}
    if workset.cancel is not None:
        fields = {"state": S.IGNORED, "ended_at": ctx.now, "cancel": None}
    return changed(ctx, verb, workset, ends_lease=True, detail=detail, **fields, **unheld(verb))


def _cost(metrics: Mapping[str, Any] | None) -> Microdollars | None:
    """What a run did cost, where its metrics tell: `cost_usd`."""
    value = (metrics or {}).get("cost_usd")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < MAX_COST_USD:
        return None
    return microdollars(value)


def _told(metrics: Mapping[str, Any] | None) -> dict[str, Any]:
    """What an event says of figures that came with it."""
    return {"metrics": dict(metrics)} if metrics else {}


def unheld(verb: Verb) -> dict[str, Any]:
    """What a record holds once its lock, and what it took of a cluster, has ended by `verb`."""
    return {"holder": None, "slot": None, "taken": None, "lock_ended": verb.value}

"""The reaper's verbs: what becomes of a lock that died, and of a run that nobody attends."""

from __future__ import annotations

from typing import Any

from wsmon.domain.change import Change, Context, changed
from wsmon.domain.errors import LockHeld
from wsmon.domain.holding import new_lease, require, unheld
from wsmon.domain.states import ErrorCategory, Verb, WorksetState
from wsmon.domain.workset import Failure, LeaseMark, RetryPolicy, Workset


def expire(workset: Workset, ctx: Context, *, dead: LeaseMark, policy: RetryPolicy) -> Change:
    """End a lock that was proven dead before anything started."""
    require(workset, Verb.EXPIRE)
    if dead[0] != workset.token:
        raise LockHeld(workset.workset_id, workset.holder or "nobody")
    fields: dict[str, Any] = {"state": WorksetState.READY, "expiries": workset.expiries + 1}
    if workset.cancel is not None:
        fields = {"state": WorksetState.IGNORED, "ended_at": ctx.now, "cancel": None}
    elif fields["expiries"] >= policy.max_expiries:
        fields = {"state": WorksetState.READY, "expiries": 0, "attempt": workset.attempt + 1}
        if workset.attempt + 1 >= policy.max_attempts:
            details = f"{policy.max_expiries} locks in a row died before a start; attempts are spent"
            failure = Failure(ErrorCategory.TRANSIENT, details, ctx.now)
            fields |= {"state": WorksetState.FAILED, "ended_at": ctx.now, "failure": failure}
    return changed(
        ctx,
        Verb.EXPIRE,
        workset,
        ends_lease=True,
        lease_seen=dead,
        detail={"holder": workset.holder, "renewal": dead[1]},
        **fields,
        **unheld(Verb.EXPIRE),
    )


def adopt(workset: Workset, ctx: Context, *, holder: str, duration: float, dead: LeaseMark | None = None) -> Change:
    """Take over an unattended run under a new token; the run itself goes on as it was."""
    require(workset, Verb.ADOPT)
    if workset.holder is not None and (dead is None or dead[0] != workset.token):
        raise LockHeld(workset.workset_id, workset.holder)
    lease = new_lease(workset, ctx, holder, duration)
    return changed(
        ctx,
        Verb.ADOPT,
        workset,
        lease=lease,
        lease_seen=dead if workset.holder is not None else None,
        detail={"from": workset.holder, "run_token": workset.run.run_token if workset.run else None},
        token=lease.token,
        holder=holder,
        locked_at=ctx.now,
    )

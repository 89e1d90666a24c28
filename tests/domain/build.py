"""Worksets in any state, made by the verbs themselves."""

from __future__ import annotations

from collections.abc import Callable

from wsmon.domain import holding, operating
from wsmon.domain.change import Change, Context, SlotClaim
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import ErrorCategory, WorksetState
from wsmon.domain.workset import RetryPolicy, RunRecord, Workset

T0 = 1_800_000_000_000_000
SECOND = 1_000_000
POLICY = RetryPolicy(max_attempts=3, base=10.0, cap=60.0, max_expiries=3)
RUN = RunRecord(1, "place", "host", "boot", "/runs/1")
_ids = iter(range(1, 10**9))


def ctx(now: int = T0, reason: str | None = None, jitter: float = 0.0) -> Context:
    """A context with an id of its own."""
    return Context(now, "tester", f"change-{next(_ids)}", reason, jitter)


def after(change: Change | None) -> Workset:
    """The workset after a change."""
    assert change is not None
    assert isinstance(change.after, Workset)
    return change.after


def ready() -> Workset:
    return after(operating.register(WorksetSpec("w1", "bucket", "prefix"), ctx()))


def locked(workset: Workset | None = None, *, slot: bool = False) -> Workset:
    claim = SlotClaim("pool", 2) if slot else None
    return after(holding.acquire(workset or ready(), ctx(), holder="m1", duration=60, claim=claim))


def running(workset: Workset | None = None) -> Workset:
    held = workset or locked()
    return after(holding.start(held, ctx(), token=held.token, run=RUN))


def ended(category: ErrorCategory) -> Workset:
    held = running()
    return after(holding.fail(held, ctx(), token=held.token, category=category, details="it broke", policy=POLICY))


def failed() -> Workset:
    workset = ended(ErrorCategory.TRANSIENT)
    while workset.state is WorksetState.RETRYING:
        again = locked_at(workset, workset.retry_after or 0)
        held = running(again)
        workset = after(
            holding.fail(
                held, ctx(), token=held.token, category=ErrorCategory.TRANSIENT, details="again", policy=POLICY
            )
        )
    return workset


def locked_at(workset: Workset, now: int) -> Workset:
    return after(holding.acquire(workset, ctx(now), holder="m1", duration=60))


def complete() -> Workset:
    held = running()
    return after(holding.complete(held, ctx(), token=held.token))


IN_STATE: dict[WorksetState, Callable[[], Workset]] = {
    WorksetState.READY: ready,
    WorksetState.LOCKED: locked,
    WorksetState.IN_PROGRESS: running,
    WorksetState.COMPLETE: complete,
    WorksetState.ERROR: lambda: ended(ErrorCategory.DATA),
    WorksetState.FAILED: failed,
    WorksetState.RETRYING: lambda: ended(ErrorCategory.TRANSIENT),
    WorksetState.IGNORED: lambda: after(operating.ignore(ready(), ctx())),
    WorksetState.ARCHIVED: lambda: after(operating.archive(complete(), ctx())),
    WorksetState.DELETED: lambda: after(operating.delete(ready(), ctx())),
}

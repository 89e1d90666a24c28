"""Moving a workset to a state by naming the state, as the predecessor's callers do: each target means one verb."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from wsmon.domain.errors import IllegalTransition, InvalidInput, LockLost
from wsmon.domain.spec import check_document, check_encodable, check_name, check_reason
from wsmon.domain.states import ErrorCategory, WorksetState, allowed_verbs
from wsmon.domain.workset import Workset
from wsmon.services.commands import Commands

S = WorksetState
_MEASURED = (S.IN_PROGRESS, S.COMPLETE, S.ERROR, S.FAILED, S.RETRYING)


@dataclass(frozen=True, slots=True)
class Target:
    """The state wanted, and what goes with it. Raises InvalidInput."""

    state: WorksetState
    reason: str | None = None
    error_details: str | None = None
    category: ErrorCategory | None = None
    failed_step: str | None = None
    cluster: str | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_reason(self.reason)
        check_encodable("error_details", self.error_details or "")
        check_encodable("failed_step", self.failed_step or "")
        check_document("metrics", self.metrics)
        if self.metrics and self.state not in _MEASURED:
            raise InvalidInput(f"metrics go with {', '.join(_MEASURED)}; a move to {self.state.value} has none")
        if self.cluster is not None:
            check_name("cluster", self.cluster)


def move(
    commands: Commands,
    workset_id: str,
    target: Target,
    *,
    owner: str | None = None,
    token: int | None = None,
    seen: int | None = None,
) -> Workset:
    """Say the verb that leads to the target's state.

    A holder's verb is fenced by `token`; else it needs `owner` to hold the lock; with neither, it
    goes by whoever holds it now. Raises LockLost, IllegalTransition, StaleWrite, NotFound.
    """
    said = commands.given(reason=target.reason, seen=seen)
    said.allow()
    workset = said.get(workset_id)
    holder = _HOLDERS.get(target.state)
    if holder is not None and (target.state is not S.READY or workset.state in {S.LOCKED, S.IN_PROGRESS}):
        return holder(said, workset, target, _token(workset, target, owner, token))
    operator = _OPERATORS.get(target.state)
    if operator is None:
        raise _illegal(workset, target.state, "take its lock instead")
    return operator(said, workset, target)


def _token(workset: Workset, target: Target, owner: str | None, token: int | None) -> int:
    """The fencing token the caller writes under. Raises LockLost where `owner` does not hold the lock."""
    if token is not None:
        return token
    if owner is None and workset.holder is None:
        raise _illegal(workset, target.state, "nobody holds its lock")
    if owner is not None and check_name("owner", owner) != workset.holder:
        raise LockLost(workset.workset_id, workset.token, "stolen" if workset.holder else "unknown", workset.holder)
    return workset.token


def _start(commands: Commands, workset: Workset, target: Target, token: int) -> Workset:
    if workset.state is S.IN_PROGRESS:
        step = target.reason or ""
        return commands.progress(workset, token=token, step=step, cluster=target.cluster, metrics=target.metrics)
    return commands.start(workset, token=token, cluster=target.cluster, metrics=target.metrics)


def _complete(commands: Commands, workset: Workset, target: Target, token: int) -> Workset:
    return commands.complete(workset, token=token, metrics=target.metrics)


def _fail(commands: Commands, workset: Workset, target: Target, token: int) -> Workset:
    """`error` is for good, `failed` says that attempts are spent, `retrying` leaves it to the policy."""
    category = target.category or (ErrorCategory.PERMANENT if target.state is S.ERROR else ErrorCategory.TRANSIENT)
    if category.retryable is (target.state is S.ERROR):
        raise InvalidInput(f"a {category.value} failure does not lead to {target.state.value}; leave the category out")
    if target.state is S.FAILED:
        commands = commands.given(reason=target.reason)
        commands.policy = replace(commands.policy, max_attempts=1)
    details = target.error_details or target.reason or ""
    return commands.fail(
        workset,
        token=token,
        category=category,
        details=details,
        failed_step=target.failed_step,
        metrics=target.metrics,
    )


def _release(commands: Commands, workset: Workset, target: Target, token: int) -> Workset:
    if workset.state is S.IN_PROGRESS:
        raise _illegal(workset, target.state, "its run may still live; fail it, or release and requeue it")
    commands.release(workset, token=token)
    return commands.get(workset.workset_id)


def _requeue(commands: Commands, workset: Workset, target: Target) -> Workset:
    return commands.requeue(workset.workset_id, reason=target.reason or "")


def _ignore(commands: Commands, workset: Workset, target: Target) -> Workset:
    return commands.ignore(workset.workset_id, reason=target.reason)


def _archive(commands: Commands, workset: Workset, target: Target) -> Workset:
    return commands.archive(workset.workset_id, reason=target.reason)


def _delete(commands: Commands, workset: Workset, target: Target) -> Workset:
    return commands.delete(workset.workset_id, reason=target.reason)


def _illegal(workset: Workset, state: WorksetState, why: str) -> IllegalTransition:
    allowed = tuple(verb.value for verb in allowed_verbs(workset.state))
    return IllegalTransition(workset.workset_id, workset.state.value, f"a move to {state.value}", allowed, why)


_HOLDERS: Mapping[WorksetState, Callable[[Commands, Workset, Target, int], Workset]] = {
    S.IN_PROGRESS: _start,
    S.COMPLETE: _complete,
    S.ERROR: _fail,
    S.FAILED: _fail,
    S.RETRYING: _fail,
    S.READY: _release,
}
_OPERATORS: Mapping[WorksetState, Callable[[Commands, Workset, Target], Workset]] = {
    S.READY: _requeue,
    S.IGNORED: _ignore,
    S.ARCHIVED: _archive,
    S.DELETED: _delete,
}

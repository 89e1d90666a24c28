"""Every verb a caller or operator can say, each one decision and one atomic write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from wsmon.domain import holding, operating, reaping
from wsmon.domain.change import Change, Context, SlotClaim
from wsmon.domain.errors import (
    InvalidInput,
    LockHeld,
    LockLost,
    NotOwner,
    StaleWrite,
)
from wsmon.domain.roles import Role
from wsmon.domain.spec import Facts, check_name, check_reason
from wsmon.domain.states import ErrorCategory, Verb, WorksetPriority, WorksetState
from wsmon.domain.workset import Lease, LeaseMark, Row, RunRecord, Workset, row_of
from wsmon.services.paging import every_row
from wsmon.services.registering import Refusal as Refusal  # noqa: PLC0414  the faces read it from here
from wsmon.services.registering import Registering
from wsmon.services.writing import written

if TYPE_CHECKING:
    from wsmon.domain.queueing import Policy

HEADS = 25
OF_THE_FOLDER = frozenset({ErrorCategory.CONFIGURATION, ErrorCategory.DATA})
"""Failures that are mended in a workset's folder."""


class Commands(Registering):
    """The verbs, said by one actor to one store.

    Each raises NotFound, IllegalTransition and the store's errors; what else is said at each.
    """

    # making

    def make_store(self) -> Sequence[str]:
        """Make what is missing of the store; says what it did."""
        self.allow()
        return self.store.init()

    # reading

    def rows(self, state: WorksetState, priority: WorksetPriority | None = None) -> Iterator[Row]:
        """All rows in a state, in queue order, page by page."""
        return every_row(self.store, state, priority=priority)

    def next(self, policy: Policy | None = None) -> Row | None:
        """The head of the queue, as the scheduler orders it; whether it fits a cluster is not asked."""
        from wsmon.domain.queueing import Policy, in_order
        from wsmon.services.window import Window

        order = in_order(Window(self.store, self.clock, HEADS).read(), policy or Policy(), self.clock.now())
        for _, waiting in order:
            record = self.store.record(waiting.workset_id)
            if isinstance(record, Workset) and record.state is waiting.state:
                return row_of(record)
        return None

    # holding

    def acquire(
        self,
        workset_id: str,
        *,
        holder: str,
        seconds: float,
        dead: LeaseMark | None = None,
        claim: SlotClaim | None = None,
    ) -> Lease:
        """Take the lock for `seconds`. Raises LockHeld, NotDue, NoCapacity."""
        return self.take(workset_id, holder=holder, seconds=seconds, dead=dead, claim=claim)[1]

    def take(
        self,
        workset_id: str,
        *,
        holder: str,
        seconds: float,
        dead: LeaseMark | None = None,
        claim: SlotClaim | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> tuple[Workset, Lease]:
        """`acquire`, giving the locked workset as well; `detail` goes onto the event.

        `dead` is the mark of a lease the caller has proven dead. The lease's time is stamped
        before the call, so the holder's deadline is never later than the store's.
        """
        check_name("owner", holder)
        check_seconds(seconds)

        def decide(ws: Workset, ctx: Context) -> Change:
            return holding.acquire(ws, ctx, holder=holder, duration=seconds, dead=dead, claim=claim, detail=detail)

        try:
            change = self._write(workset_id, decide)
        except StaleWrite as stale:
            other = stale.lease.holder if stale.lease else None
            raise LockHeld(workset_id, other or "another", stale.lease) from None
        assert change is not None
        assert change.lease is not None
        return written(change), change.lease

    def refresh(self, workset_id: str, *, holder: str, token: int | None = None) -> Lease:
        """Renew a lock by its whole duration. Raises LockLost."""
        self.allow()
        now = self.clock.now()
        lease = self.store.lease(workset_id)
        if lease is None or lease.holder != holder or (token is not None and lease.token != token):
            workset = self.get(workset_id)
            self._lost(workset, token if token is not None else workset.token, holder)
        assert lease is not None
        renewed = lease.renewed(now)
        try:
            self.store.renew(renewed)
        except StaleWrite:
            self._lost(self.get(workset_id), lease.token, holder)
        return renewed

    def _lost(self, workset: Workset, token: int, holder: str) -> None:
        taken = workset.token > token or (workset.holder is not None and workset.holder != holder)
        forced = workset.token == token and workset.lock_ended == "unlock"
        reason = "stolen" if taken else "forced" if forced else "unknown"
        raise LockLost(workset.workset_id, token, reason, workset.holder)  # type: ignore[arg-type]

    def token_of(self, workset_id: str, holder: str) -> int:
        """The token under which `holder` holds the lock, or held the last one to its proper end. Raises NotOwner."""
        workset = self.get(workset_id)
        ended = workset.holder is None and workset.lock_ended not in {None, Verb.UNLOCK, Verb.EXPIRE}
        if workset.holder != holder and not (ended and self._last_holder(workset) == holder):
            raise NotOwner(workset_id, holder, workset.holder)
        return workset.token

    def _last_holder(self, workset: Workset) -> str | None:
        rows = (event.row for event in reversed(self.store.history(workset.workset_id)) if event.row is not None)
        return next((row.holder for row in rows if row.token == workset.token and row.holder is not None), None)

    def start(
        self,
        workset: Workset | str,
        *,
        token: int,
        run: RunRecord | None = None,
        cluster: str | None = None,
        metrics: Mapping[str, Any] | None = None,
    ) -> Workset:
        """Begin an attempt. Raises LockLost."""
        return self._held(workset, partial(holding.start, token=token, run=run, cluster=cluster, metrics=metrics))

    def progress(
        self,
        workset: Workset | str,
        *,
        token: int,
        step: str,
        cluster: str | None = None,
        metrics: Mapping[str, Any] | None = None,
    ) -> Workset:
        """Record the step a run has reached, and figures so far. Raises LockLost."""
        return self._held(workset, partial(holding.progress, token=token, step=step, cluster=cluster, metrics=metrics))

    def complete(self, workset: Workset | str, *, token: int, metrics: Mapping[str, Any] | None = None) -> Workset:
        """Record success. Raises LockLost."""
        return self._held(workset, lambda ws, ctx: holding.complete(ws, ctx, token=token, metrics=metrics))

    def fail(
        self,
        workset: Workset | str,
        *,
        token: int,
        category: ErrorCategory,
        details: str,
        failed_step: str | None = None,
        metrics: Mapping[str, Any] | None = None,
    ) -> Workset:
        """Record a failure; the result's state says whether it will be tried again. Raises LockLost."""

        def decide(ws: Workset, ctx: Context) -> Change:
            return holding.fail(
                ws,
                ctx,
                token=token,
                category=category,
                details=details,
                policy=self.policy,
                failed_step=failed_step,
                metrics=metrics,
            )

        return self._held(workset, decide)

    def release(self, workset: Workset | str, *, token: int) -> bool:
        """Give the lock back; False when this very lock had ended already. Raises LockLost."""
        return self._write(workset, lambda ws, ctx: holding.release(ws, ctx, token=token)) is not None

    def adopt(
        self, workset: Workset | str, *, holder: str, seconds: float, dead: LeaseMark | None = None
    ) -> tuple[Workset, Lease]:
        """Take over an unattended run. Raises LockHeld."""

        def decide(ws: Workset, ctx: Context) -> Change:
            return reaping.adopt(ws, ctx, holder=holder, duration=seconds, dead=dead)

        change = self._write(workset, decide)
        assert change is not None
        assert change.lease is not None
        return written(change), change.lease

    def cancelled(self, workset: Workset | str, *, token: int) -> Workset:
        """Record that a cancel was carried out. Raises LockLost."""
        return self._held(workset, lambda ws, ctx: holding.cancelled(ws, ctx, token=token))

    def expire(self, workset_id: str, *, dead: LeaseMark) -> Workset:
        """End a lock proven dead. Raises LockHeld, StaleWrite when it was not dead after all."""
        change = self._write(workset_id, lambda ws, ctx: reaping.expire(ws, ctx, dead=dead, policy=self.policy))
        assert change is not None
        return written(change)

    # operating

    def unlock(self, workset_id: str, *, reason: str, seen: int | None = None) -> Workset:
        """End somebody's lock by force; `seen` is the rev the operator looked at."""
        return self._operate(workset_id, holding.unlock, reason, seen, needed=True)

    def requeue(self, workset_id: str, *, reason: str, seen: int | None = None) -> Workset:
        """Ready again, attempts anew. What failed for its folder is given what that says now."""
        return self._operate(
            workset_id, lambda ws, ctx: operating.requeue(ws, ctx, facts=self._facts(ws)), reason, seen, needed=True
        )

    def _facts(self, workset: Workset) -> Facts | None:
        """What the folder of one that failed for what it is says now; None where that is not to be had."""
        failed = workset.failure is not None and workset.failure.category in OF_THE_FOLDER
        return self.reread(workset) if self.reread is not None and failed and "since" in workset.metadata else None

    def retry_now(self, workset_id: str, *, reason: str, seen: int | None = None) -> Workset:
        """Ready before the retry's moment; the attempts stay used."""
        return self._operate(workset_id, operating.retry_now, reason, seen, needed=True)

    def ignore(self, workset_id: str, *, reason: str | None = None, seen: int | None = None) -> Workset:
        """Take a workset out of the queue."""
        return self._operate(workset_id, operating.ignore, reason, seen)

    def cancel(self, workset_id: str, *, reason: str | None = None, seen: int | None = None) -> Workset:
        """Ask for the end of a held workset."""
        return self._operate(workset_id, operating.cancel, reason, seen)

    def set_priority(
        self, workset_id: str, priority: WorksetPriority, *, reason: str | None = None, seen: int | None = None
    ) -> Workset:
        """Move a workset to another tier."""
        return self._operate(workset_id, lambda ws, ctx: operating.set_priority(ws, ctx, priority), reason, seen)

    def set_affinity(
        self, workset_id: str, cluster: str | None, *, reason: str | None = None, seen: int | None = None
    ) -> Workset:
        """Tie a workset to a cluster, or untie it."""
        if cluster is not None:
            check_name("cluster", cluster)
        return self._operate(workset_id, lambda ws, ctx: operating.set_affinity(ws, ctx, cluster), reason, seen)

    def archive(self, workset_id: str, *, reason: str | None = None, seen: int | None = None) -> Workset:
        """Put a finished workset away."""
        return self._operate(workset_id, operating.archive, reason, seen)

    def restore(self, workset_id: str, *, reason: str | None = None, seen: int | None = None) -> Workset:
        """Bring an archived workset back."""
        return self._operate(workset_id, operating.restore, reason, seen)

    def delete(self, workset_id: str, *, reason: str | None = None, seen: int | None = None) -> Workset:
        """Mark a workset deleted."""
        return self._operate(workset_id, operating.delete, reason, seen)

    def purge(self, workset_id: str, *, reason: str | None = None, seen: int | None = None) -> None:
        """Take a deleted workset away for good; its events stay. Needs an admin."""
        self.allow(Role.ADMIN)
        self._write(workset_id, operating.purge, reason=check_reason(reason), seen=seen)


def check_seconds(seconds: float) -> float:
    """A lock's duration. Raises InvalidInput unless it lies in [0.1 s, 30 days]."""
    if not holding.MIN_LEASE_SECONDS <= seconds <= 30 * 86400:
        raise InvalidInput(f"a lock of {seconds} s is not possible; use 0.1 to 2,592,000 seconds")
    return seconds

"""The library's locks, and what their holder says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wsmon.domain.errors import LockHeld
from wsmon.domain.spec import check_name, parse_state
from wsmon.domain.states import ErrorCategory, WorksetState
from wsmon.domain.workset import Lease
from wsmon.library.base import Base, unless_refused
from wsmon.library.records import Record, Refusal
from wsmon.services.targets import Target, move


class Holding(Base):
    """Locks and the work under them.

    The object remembers each lock it took, so that what is said afterwards is fenced by its token:
    once the lock is another's, it is refused with LockLost.
    """

    def acquire_lock(self, workset_id: str, owner_id: str, force: bool = False) -> Lease | Refusal:
        """Take the lock for `lock_timeout_seconds`; of any number of callers one gets it.

        A lock that is proven dead is taken over. `force` ends a live one before anything started
        under it; the old holder is fenced out.
        """
        check_name("owner", owner_id)
        return unless_refused(lambda: self._take(workset_id, owner_id, force))

    def _take(self, workset_id: str, owner_id: str, force: bool) -> Lease:
        said, seconds = self.commands.acting_as(owner_id), float(self.lock_timeout_seconds)
        try:
            lease = self.locks.take(said, workset_id, holder=owner_id, seconds=seconds)
        except LockHeld:
            held = said.get(workset_id)
            if not force or held.state is not WorksetState.LOCKED:
                raise
            said.unlock(workset_id, reason=f"taken by force for {owner_id}", seen=held.rev)
            lease = self.locks.take(said, workset_id, holder=owner_id, seconds=seconds)
        self._remember(lease)
        return lease

    def refresh_lock(self, workset_id: str, owner_id: str) -> Lease | Refusal:
        """Renew the lock by its whole duration, as its holder must before it expires."""

        def renew() -> Lease:
            known = self._remembered(workset_id)
            token = known.token if known is not None and known.holder == owner_id else None
            lease = self.commands.acting_as(owner_id).refresh(workset_id, holder=owner_id, token=token)
            self._remember(lease)
            return lease

        return unless_refused(renew)

    def release_lock(self, workset_id: str, owner_id: str) -> bool | Refusal:
        """Give the lock back. A finished workset stays finished; in progress only the lock ends."""

        def release() -> bool:
            said, known = self.commands.acting_as(owner_id), self._remembered(workset_id)
            mine = known is not None and known.holder == owner_id
            token = known.token if known is not None and mine else said.token_of(workset_id, owner_id)
            said.release(workset_id, token=token)
            self.locks.forget(workset_id)
            return True

        return unless_refused(release)

    def update_state(
        self,
        workset_id: str,
        new_state: WorksetState | str,
        reason: str,
        error_details: str | None = None,
        cluster_name: str | None = None,
        metrics: Mapping[str, Any] | None = None,
    ) -> Record:
        """Move a workset to a state by the verb that leads there.

        Raises IllegalTransition where none does, LockLost for a robbed holder, NotFound. What this
        object holds no lock for goes by whoever does.
        """
        target = Target(
            parse_state(new_state), reason, error_details=error_details, cluster=cluster_name, metrics=metrics or {}
        )
        return self._moved(workset_id, target)

    def update_progress(self, workset_id: str, current_step: str) -> Record:
        """Record the step a run has reached. Raises as `update_state`."""
        lease = self._remembered(workset_id)
        said = self._said_by(lease)
        token = lease.token if lease is not None else said.get(workset_id).token
        return self._record(said.progress(workset_id, token=token, step=current_step))

    def record_failure(
        self,
        workset_id: str,
        error_details: str,
        error_category: ErrorCategory | str = ErrorCategory.TRANSIENT,
        failed_step: str | None = None,
    ) -> bool:
        """Record a failure; whether it will be tried again. Raises as `update_state`."""
        category = ErrorCategory(error_category)
        state = WorksetState.RETRYING if category.retryable else WorksetState.ERROR
        target = Target(state, error_details=error_details, category=category, failed_step=failed_step)
        return bool(self._moved(workset_id, target)["state"] == WorksetState.RETRYING)

    def _moved(self, workset_id: str, target: Target) -> Record:
        lease = self._remembered(workset_id)
        token = lease.token if lease is not None else None
        return self._record(move(self._said_by(lease), workset_id, target, token=token))

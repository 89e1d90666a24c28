"""One way to write: read, decide, commit, and decide again where somebody was faster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from wsmon.domain.change import Change, Context
from wsmon.domain.errors import NotFound, ReadOnly, StaleWrite
from wsmon.domain.spec import check_name, check_reason
from wsmon.domain.workset import RetryPolicy, Workset
from wsmon.ports import Clock, StateStore
from wsmon.services.chance import Chance

Decide = Callable[[Workset, Context], Change | None]
MAX_DECISIONS = 8


class Writer:
    """Decisions of one actor, each written to one store as one atomic change.

    `writable` False refuses every change with ReadOnly: the gate lies here, not in a face.
    """

    def __init__(
        self,
        store: StateStore,
        clock: Clock,
        actor: str,
        *,
        policy: RetryPolicy | None = None,
        writable: bool = True,
        chance: Chance | None = None,
    ) -> None:
        self.store = store
        self.clock = clock
        self.actor = check_name("actor", actor)
        self.policy = policy or RetryPolicy()
        self.writable = writable
        self.chance = chance or Chance()

    def get(self, workset_id: str) -> Workset:
        """The workset, read consistently."""
        record = self.store.record(workset_id)
        if not isinstance(record, Workset):
            raise NotFound(workset_id)
        return record

    def _operate(
        self, workset_id: str, decide: Decide, reason: str | None, seen: int | None, *, needed: bool = False
    ) -> Workset:
        change = self._write(workset_id, decide, reason=check_reason(reason, needed=needed), seen=seen)
        assert change is not None
        return written(change)

    def _held(self, workset: Workset | str, decide: Decide) -> Workset:
        change = self._write(workset, decide)
        assert change is not None
        return written(change)

    def _write(
        self,
        workset: Workset | str,
        decide: Decide,
        *,
        reason: str | None = None,
        seen: int | None = None,
    ) -> Change | None:
        """Decide on the record and commit; decide again on the winner where that is safe.

        It is safe where the decision reads all it rests on from the record: a holder's is fenced
        by its token, an acquisition finds the lock held. Whoever named a version (`seen`) or an
        observed lease hears of the change instead.
        """
        self._gate()
        current = self.get(workset) if isinstance(workset, str) else workset
        for _ in range(MAX_DECISIONS):
            if seen is not None and current.rev != seen:
                raise StaleWrite(current.workset_id, current)
            change = decide(current, self._context(reason))
            if change is None:
                return None
            try:
                self.store.commit(change)
            except StaleWrite as stale:
                if not isinstance(stale.current, Workset):
                    raise NotFound(current.workset_id) from None
                if change.lease_seen is not None or seen is not None:
                    raise
                current = stale.current
                continue
            return change
        raise StaleWrite(current.workset_id, current)

    def _context(self, reason: str | None = None) -> Context:
        return Context(self.clock.now(), self.actor, self.chance.change_id(), reason, self.chance.jitter())

    def _gate(self) -> None:
        if not self.writable:
            raise ReadOnly("this session is read-only; nothing was changed")

    def acting_as(self, actor: str) -> Self:
        """The same commands, said by somebody else."""
        return type(self)(self.store, self.clock, actor, policy=self.policy, writable=self.writable, chance=self.chance)


def written(change: Change) -> Workset:
    """The workset as the change left it."""
    assert isinstance(change.after, Workset)
    return change.after

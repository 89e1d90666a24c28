"""One way to write: read, decide, commit, and decide again where somebody was faster."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Self

from wsmon.domain.change import Change, Context
from wsmon.domain.errors import NotAllowed, NotFound, ReadOnly, StaleWrite
from wsmon.domain.roles import Role
from wsmon.domain.spec import Facts, check_name, check_reason
from wsmon.domain.workset import RetryPolicy, Workset
from wsmon.ports import Clock, StateStore
from wsmon.services.arming import Gate
from wsmon.services.chance import Chance

Decide = Callable[[Workset, Context], Change | None]
MAX_DECISIONS = 8


class Writer:
    """Decisions of one actor, each written to one store as one atomic change.

    `writable` False refuses every change with ReadOnly, and a `role` what it does not cover with
    NotAllowed; a `gate` that is not armed refuses with NotArmed. It is decided here, not in a face.
    """

    def __init__(
        self,
        store: StateStore,
        clock: Clock,
        actor: str,
        *,
        policy: RetryPolicy | None = None,
        writable: bool = True,
        role: Role = Role.ADMIN,
        chance: Chance | None = None,
        gate: Gate | None = None,
    ) -> None:
        self.store = store
        self.clock = clock
        self.actor = check_name("actor", actor)
        self.policy = policy or RetryPolicy()
        self.writable = writable
        self.chance = chance or Chance()
        self.role = role
        self.gate = gate
        self.reread: Callable[[Workset], Facts | None] | None = None
        """What a workset's folder says now, where folders can be looked into."""
        self.default_reason: str | None = None
        self.expected_rev: int | None = None

    def get(self, workset_id: str) -> Workset:
        """The workset, read consistently."""
        record = self.store.record(check_name("workset id", workset_id))
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
        self.allow()
        seen = self.expected_rev if seen is None else seen
        current = self.get(workset) if isinstance(workset, str) else workset
        for _ in range(MAX_DECISIONS):
            if seen is not None and current.rev != seen:
                raise StaleWrite(current.workset_id, current)
            change = decide(current, self.context(reason))
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

    def context(self, reason: str | None = None) -> Context:
        """What a decision of this actor needs, with a change id of its own."""
        reason = reason or self.default_reason
        return Context(self.clock.now(), self.actor, self.chance.change_id(), reason, self.chance.jitter())

    def allow(self, needed: Role = Role.OPERATOR) -> None:
        """Raise ReadOnly or NotAllowed unless this actor may do what `needed` may."""
        if needed is not Role.READER and not self.writable:
            raise ReadOnly("this session is read-only; nothing was changed")
        if not self.role.covers(needed):
            raise NotAllowed(f"{self.actor!r} is {self.role.value}; this needs {needed.value}, and nothing was changed")
        if needed is not Role.READER and self.gate is not None:
            self.gate.check(self.clock)

    def arm(self) -> None:
        """Open the gate for its while. Raises ReadOnly or NotAllowed for whoever may not write at all."""
        gate, self.gate = self.gate, None
        try:
            self.allow()
        finally:
            self.gate = gate
        if gate is not None:
            gate.arm(self.clock)

    def acting_as(self, actor: str, role: Role | None = None) -> Self:
        """The same commands, said by somebody else."""
        other = copy.copy(self)
        other.actor = check_name("actor", actor)
        other.role = self.role if role is None else role
        return other

    def given(self, *, reason: str | None = None, seen: int | None = None) -> Self:
        """The same commands, each with this reason, and refused unless the workset stands at rev `seen`."""
        other = copy.copy(self)
        other.default_reason, other.expected_rev = check_reason(reason), seen
        return other


def written(change: Change) -> Workset:
    """The workset as the change left it."""
    assert isinstance(change.after, Workset)
    return change.after

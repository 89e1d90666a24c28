"""The store's own side of the wire: the real engine, the items in flight, and the checks on what is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from tests.simulation.clocks import SimClock
from tests.simulation.faults import Faults, Kind
from tests.simulation.index import Index
from tests.simulation.kernel import Kernel, Process, Violation
from tests.simulation.ledger import Ledger
from tests.simulation.lives import Lives
from tests.simulation.model import Asked
from tests.simulation.oracle import Oracle
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.change import Change
from wsmon.domain.errors import NoCapacity, StaleWrite
from wsmon.domain.lives import LifeChange
from wsmon.domain.times import micros
from wsmon.domain.workset import Lease, LeaseMark


@dataclass(slots=True)
class Session:
    """One process's side of the wire."""

    process: Process
    actor: str
    clock: SimClock
    chance: Random
    crash: Callable[[], None] | None = None
    """Ends the process here and now; None where it may not."""
    pause: Callable[[float], None] | None = None
    timeout: float | None = None
    """The longest a run may last, where it is a monitor's."""
    dark_until: int = 0
    """True moment until which it is cut off."""
    troubled_at: int = 0
    """When a call of it went wrong last."""
    paged_at: dict[tuple[str, str], int] = field(default_factory=dict)
    """When the last look at each part of the queue, a state and a tier, began."""
    due: int = 0
    """The moment of its own wall clock up to which the last look asked for what is due again."""


@dataclass(slots=True)
class Server:
    """The store's own side: the real engine, the items in flight, and the checks on what is written."""

    kernel: Kernel
    faults: Faults
    base: SqliteStore
    index: Index
    oracle: Oracle
    ledger: Ledger
    lives: Lives
    after: list[Callable[[Session, Change], None]] = field(default_factory=list)
    """More checks, each called with what was just accepted."""
    looked: list[Callable[[Session], None]] = field(default_factory=list)
    """Called when a process has looked at a part of the queue."""
    beating: list[Callable[[Session], None]] = field(default_factory=list)
    """Called at each heartbeat of a monitor."""
    marked: list[Callable[[Sequence[tuple[str, int]]], None]] = field(default_factory=list)
    """More checks, each called with what is taken off the outbox."""
    down_until: int = 0
    throttled_until: int = 0
    _busy: dict[str, int] = field(default_factory=dict)

    def conflicts(self, items: Sequence[str], seconds: float) -> bool:
        """Whether another transaction is at one of the items; else they are this one's for a moment."""
        now = self.kernel.now
        if any(self._busy.get(item, 0) > now for item in items):
            self.faults.counts[Kind.CONFLICT] += 1
            return True
        if self.faults.has(Kind.CONFLICT):
            self._busy.update(dict.fromkeys(items, now + micros(seconds)))
        return False

    def commit(self, session: Session, change: Change, asked: Asked) -> None:
        """One transaction arrives."""
        if self._is_new(session, change, lambda: self.base.commit(change), lambda: self._is_current(change)):
            self.accepted(session, change, asked)

    def _is_current(self, change: Change) -> bool:
        """Whether it was decided by what stands."""
        stands, before = self.oracle.records.get(change.workset_id), change.before
        if (stands.rev if stands else None) != (before.rev if before else None):
            return False
        lease = self.base.lease(change.workset_id)
        return change.lease_seen is None or (lease is not None and lease.mark == change.lease_seen)

    def _is_new(
        self, session: Session, change: Change | LifeChange, write: Callable[[], None], current: Callable[[], bool]
    ) -> bool:
        """Carry a transaction out; whether it was not written before."""
        event = change.event
        told, known = f"{event.verb} {event.workset_id} seq {event.seq}", event.change_id in self.oracle.ids
        with self.ledger.one_transaction():
            try:
                write()
            except NoCapacity as error:
                if isinstance(change, Change) and self.ledger.fits(change) and not self.lives.is_closed(change):
                    raise Violation("a claim that fits is not refused", f"{told}: {error}") from None
                raise
            except StaleWrite:
                if known:
                    raise Violation("what was accepted is not refused later", told) from None
                if current():
                    raise Violation("nothing is refused that was decided by what stands", told) from None
                raise
        if known:
            self.kernel.note(session.actor, f"stands {told}")
        return not known

    def commit_life(self, session: Session, change: LifeChange) -> None:
        """One transaction about a cluster arrives."""
        event = change.event
        if self._is_new(session, change, lambda: self.base.commit_life(change), lambda: self.lives.is_current(change)):
            self.kernel.note(session.actor, f"{event.verb} {event.workset_id} seq {event.seq}")
            self.oracle.ids.add(event.change_id)
            self.oracle.events += 1
            self.lives.accepted(change)
            self.index.add_event(event)

    def wake(self, session: Session, workset_id: str, token: int) -> None:
        """Now and then a holder that stood still goes on right when its lock, proven dead, is being taken."""
        owner = self.oracle.holders.get((workset_id, token))
        if isinstance(owner, Process) and owner.paused_until > self.kernel.now and session.chance.random() < 0.5:
            self.kernel.wake(owner)
            self.kernel.sleep(session.chance.uniform(0, 0.2))

    def accepted(self, session: Session, change: Change, asked: Asked) -> None:
        """It was written: hold it against every rule."""
        event = change.event
        after = event.after.value if event.after else "purged"
        self.kernel.note(
            session.actor, f"{event.verb} {event.workset_id} seq {event.seq} token {event.token} -> {after}"
        )
        for check in self.after:
            check(session, change)
        self.oracle.accept(session, change, asked, self.kernel.now)
        self.index.add(change)
        self.ledger.written(change)

    def mark(self, session: Session, events: Sequence[tuple[str, int]]) -> None:
        """Events are taken off the outbox."""
        self.kernel.note(session.actor, f"delivered {' '.join(f'{name}:{seq}' for name, seq in events)}")
        for check in self.marked:
            check(events)
        self.base.mark_delivered(events)
        self.index.delivered(events)

    def duty(self, session: Session, lease: Lease, seen: LeaseMark | None, asked: Asked) -> None:
        """The lease of a duty arrives."""
        stands = self.base.duty(lease.workset_id)
        self.base.put_duty(lease, seen)
        if stands != lease:
            self.kernel.note(session.actor, f"duty {lease.workset_id} token {lease.token}.{lease.renewal}")
            self.oracle.on_duty(session, lease, stands, asked, self.kernel.now)

    def renew(self, session: Session, lease: Lease, asked: Asked) -> None:
        """A renewal arrives."""
        self.base.renew(lease)
        self.oracle.renewed(session, lease, asked)

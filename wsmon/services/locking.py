"""Locks of callers that renew them by themselves: library and REST."""

from __future__ import annotations

import threading

from wsmon.domain.errors import LockHeld
from wsmon.domain.observing import LeaseWatch
from wsmon.domain.workset import Lease, LeaseMark
from wsmon.ports import Clock
from wsmon.services.commands import Commands


class Locks:
    """Takes locks, those proven dead included; one object serves many threads and actors.

    What it saw of other holders' leases it remembers, so that a dead lock is proven on its own
    monotonic clock, whatever the wall clocks say.
    """

    def __init__(self, clock: Clock, *, skew: float = 60.0) -> None:
        self._clock = clock
        self._watch = LeaseWatch(skew)
        self._mutex = threading.Lock()

    def take(self, commands: Commands, workset_id: str, *, holder: str, seconds: float) -> Lease:
        """Take the lock. Raises LockHeld while it is not proven dead, NotDue, IllegalTransition."""
        try:
            lease = commands.acquire(workset_id, holder=holder, seconds=seconds)
        except LockHeld as held:
            dead = self.dead(commands.store.lease(workset_id))
            if dead is None:
                raise
            try:
                lease = commands.acquire(workset_id, holder=holder, seconds=seconds, dead=dead)
            except LockHeld:
                raise held from None
        with self._mutex:
            self._watch.note(lease, self._clock.monotonic())
        return lease

    def dead(self, lease: Lease | None) -> LeaseMark | None:
        """The mark of a lease, just read, that is proven dead."""
        if lease is None:
            return None
        with self._mutex:
            moment = self._clock.monotonic()
            self._watch.note(lease, moment)
            return self._watch.dead(lease, self._clock.now(), moment)

    def forget(self, workset_id: str) -> None:
        """The lock has ended."""
        with self._mutex:
            self._watch.forget(workset_id)

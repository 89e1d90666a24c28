"""A duty that one monitor at a time does, under a lock of the same kind as a workset's."""

from __future__ import annotations

from dataclasses import replace

from wsmon.domain.errors import StaleWrite
from wsmon.domain.observing import LeaseWatch
from wsmon.domain.times import micros
from wsmon.domain.workset import Lease
from wsmon.ports import Clock, StateStore


class Duty:
    """Takes a duty when nobody does it, keeps it, gives it back. Raises StoreError."""

    def __init__(self, store: StateStore, clock: Clock, name: str, holder: str, *, seconds: float, skew: float) -> None:
        self._store, self._clock = store, clock
        self.name, self._holder, self._seconds = name, holder, seconds
        self._watch = LeaseWatch(skew)
        self._due = 0.0
        """Monotonic seconds of the next renewal, or of the next look at who holds it."""
        self.lease: Lease | None = None

    def hold(self) -> bool:
        """Take the duty where it is free, renew it where that is due; whether it is ours."""
        moment = self._clock.monotonic()
        if moment < self._due:
            return self.lease is not None
        held = self.lease
        if held is None:
            self._due = moment + self._seconds / 3
            self._try_to_take()
        else:
            self._put(held.renewed(self._clock.now()), held)
            self._due = moment + self._seconds / 3
        return self.lease is not None

    def _try_to_take(self) -> None:
        stands = self._store.duty(self.name)
        now, moment = self._clock.now(), self._clock.monotonic()
        self._watch.observe([stands] if stands is not None else [], moment)
        if stands is not None and self._watch.dead(stands, now, moment) is None:
            return
        token = stands.token + 1 if stands is not None else 1
        wanted = Lease(self.name, self._holder, token, 0, self._seconds, now, now + micros(self._seconds))
        self._put(wanted, stands)

    def _put(self, lease: Lease, seen: Lease | None) -> None:
        try:
            self._store.put_duty(lease, seen.mark if seen is not None else None)
        except StaleWrite:
            self.lease = None
        else:
            self.lease = lease

    def lost(self) -> None:
        """The store said that it is somebody else's."""
        self.lease = None

    def recheck(self) -> None:
        """Look at once whether it is still ours."""
        self._due = 0.0

    def give_back(self) -> None:
        """Let another take it at once."""
        held, self.lease, self._due = self.lease, None, 0.0
        if held is not None:
            self._put(replace(held, renewal=held.renewal + 1, expires_at=0), held)
            self.lease = None

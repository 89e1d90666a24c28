"""Keeps the locks of a holder alive, and tells when one was lost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from wsmon.domain.errors import StaleWrite, StoreError
from wsmon.domain.workset import Lease
from wsmon.ports import Clock, Joinable, Log, StartBeside, StateStore


def start_thread(name: str, work: Callable[[], None]) -> Joinable:
    """Work on a daemon thread."""
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread


@dataclass(slots=True)
class _Kept:
    lease: Lease
    due: float
    """Monotonic seconds of the next renewal."""


class LeaseKeeper:
    """Renews each lease every `period` seconds.

    `renew_due` makes one pass; `start` makes them beside the caller, so that neither a slow
    place nor a slow queue page costs a lock. A lease that could not be renewed because the
    store is away is tried again; only the store's word that it is somebody else's loses it.
    """

    def __init__(
        self, store: StateStore, clock: Clock, log: Log, period: float, beside: StartBeside = start_thread
    ) -> None:
        self._store, self._clock, self._log, self._period = store, clock, log, period
        self._beside = beside
        self._kept: dict[str, _Kept] = {}
        self._lost: dict[str, int] = {}
        self._mutex = threading.Lock()
        self._ended = threading.Event()
        self._loop: Joinable | None = None

    def hold(self, lease: Lease) -> None:
        """Keep a lease from now on."""
        with self._mutex:
            self._kept[lease.workset_id] = _Kept(lease, self._clock.monotonic() + self._period)
            self._lost.pop(lease.workset_id, None)

    def drop(self, workset_id: str) -> None:
        """Keep it no longer."""
        with self._mutex:
            self._kept.pop(workset_id, None)
            self._lost.pop(workset_id, None)

    def lost(self) -> dict[str, int]:
        """The locks lost since the last call: workset id -> token."""
        with self._mutex:
            lost, self._lost = self._lost, {}
        return lost

    def renew_due(self) -> None:
        """One pass over the leases whose renewal is due."""
        moment = self._clock.monotonic()
        with self._mutex:
            due = [kept for kept in self._kept.values() if kept.due <= moment]
        for kept in due:
            self._renew(kept)

    def _renew(self, kept: _Kept) -> None:
        lease, moment = kept.lease, self._clock.monotonic()
        renewed = lease.renewed(self._clock.now())
        try:
            self._store.renew(renewed)
        except StaleWrite as stale:
            self._let_go(kept, stale.lease)
        except StoreError as error:
            self._log.warning("renewal failed", workset_id=lease.workset_id, error=str(error))
            with self._mutex:
                kept.due = moment + self._period / 4
        except Exception as error:
            # Whatever it is, a keeper that ended over one lease would lose them all.
            self._log.error("renewal failed", workset_id=lease.workset_id, error=f"{type(error).__name__}: {error}")
            with self._mutex:
                kept.due = moment + self._period / 4
        else:
            with self._mutex:
                kept.lease, kept.due = renewed, moment + self._period

    def _let_go(self, kept: _Kept, stands: Lease | None) -> None:
        """The store shows another lease; where it is ours after a lost reply, go on from it."""
        lease = kept.lease
        ours = stands is not None and (stands.token, stands.holder) == (lease.token, lease.holder)
        with self._mutex:
            if ours and stands is not None:
                kept.lease = replace(lease, renewal=stands.renewal, expires_at=stands.expires_at)
            elif self._kept.get(lease.workset_id) is kept:
                del self._kept[lease.workset_id]
                self._lost[lease.workset_id] = lease.token

    def start(self) -> None:
        """Renew beside the caller until `stop`."""
        self._ended.clear()
        self._loop = self._beside("lease-keeper", self._keep)

    def _keep(self) -> None:
        while not self._clock.wait(self._ended, self._pause()):
            self.renew_due()

    def _pause(self) -> float:
        """Seconds to the next renewal; never so long that a lease held meanwhile would be late."""
        moment = self._clock.monotonic()
        with self._mutex:
            due = min((kept.due for kept in self._kept.values()), default=moment + self._period)
        return min(self._period / 4, max(0.01, due - moment))

    def stop(self) -> None:
        """End the renewals; leases are left as they are."""
        self._ended.set()
        if self._loop is not None:
            self._loop.join(timeout=5)
            self._loop = None

"""What the parts of the library share: the commands, and the locks this object took."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from wsmon.domain.errors import Conflict, NotAllowed, NotFound, Refused
from wsmon.domain.workset import Lease, Row, Workset
from wsmon.library.records import Record, Refusal
from wsmon.services.commands import Commands
from wsmon.services.locking import Locks

T = TypeVar("T")


class Base:
    """One object on one store; safe for several threads."""

    commands: Commands
    locks: Locks
    lock_timeout_seconds: float

    def _begin(self, commands: Commands, locks: Locks, lock_timeout_seconds: float) -> None:
        self.commands, self.locks, self.lock_timeout_seconds = commands, locks, lock_timeout_seconds
        self._taken: dict[str, Lease] = {}
        self._mutex = threading.Lock()

    def _remember(self, lease: Lease) -> None:
        with self._mutex:
            self._taken[lease.workset_id] = lease

    def _remembered(self, workset_id: str) -> Lease | None:
        with self._mutex:
            return self._taken.get(workset_id)

    def _said_by(self, lease: Lease | None) -> Commands:
        return self.commands if lease is None else self.commands.acting_as(lease.holder)

    def _record(self, found: Workset | Row) -> Record:
        return Record(found, self.commands.store.history)


def unless_refused(work: Callable[[], T]) -> T | Refusal:
    """What `work` gives, or why it was refused. Unusable input and a store that is away are raised all the same."""
    try:
        return work()
    except (NotFound, Refused, Conflict, NotAllowed) as error:
        return Refusal(error)

"""The queue: the most pressing tier first, the oldest of a tier first, retries when they are due."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from wsmon.domain.states import WorksetPriority, WorksetState
from wsmon.domain.workset import Row
from wsmon.ports import Clock, StateStore

HEADS = 25


class Queue:
    """The heads of the queue; `choose(n)` draws evenly from range(n)."""

    def __init__(self, store: StateStore, clock: Clock, choose: Callable[[int], int] = lambda _: 0) -> None:
        self._store, self._clock, self._choose = store, clock, choose

    def order(self) -> Iterator[Row]:
        """The first HEADS of each tier and state, as they should be claimed."""
        for priority in WorksetPriority:
            yield from self._heads(priority)

    def draw(self, claimers: int) -> Iterator[Row]:
        """The same, but each time one of the first `claimers` by chance, so that they do not fight over one head."""
        for priority in WorksetPriority:
            heads = self._heads(priority)
            while heads:
                yield heads.pop(self._choose(min(claimers, len(heads))))

    def _heads(self, priority: WorksetPriority) -> list[Row]:
        ready = self._store.page(WorksetState.READY, priority=priority, limit=HEADS).rows
        due = self._store.page(WorksetState.RETRYING, priority=priority, limit=HEADS, due=self._clock.now()).rows
        return sorted([*ready, *due], key=lambda row: (row.retry_after or row.queued_at, row.workset_id))

"""The library's looks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import overload

from wsmon.domain.errors import InvalidInput, NotFound
from wsmon.domain.spec import parse_priority, parse_state
from wsmon.domain.states import WorksetPriority, WorksetState
from wsmon.domain.workset import Row
from wsmon.library.base import Base
from wsmon.library.records import Record
from wsmon.services.listing import Query, everything
from wsmon.services.paging import every_row

BATCH = 100
Limit = int | None


class Reading(Base):
    """Everything that changes nothing."""

    def get_workset(self, workset_id: str) -> Record | None:
        """A workset, read consistently; None where there is none."""
        try:
            return self._record(self.commands.get(workset_id))
        except NotFound:
            return None

    @overload
    def list_worksets_by_state(
        self, state: WorksetState | str, priority: WorksetPriority | str | None = ..., *, limit: None
    ) -> Iterator[Record]: ...
    @overload
    def list_worksets_by_state(
        self, state: WorksetState | str, priority: WorksetPriority | str | None = ..., limit: int = ...
    ) -> list[Record]: ...
    def list_worksets_by_state(
        self, state: WorksetState | str, priority: WorksetPriority | str | None = None, limit: Limit = 100
    ) -> list[Record] | Iterator[Record]:
        """The first `limit` worksets of a state in queue order; with None an iterator over all of them."""
        tier = parse_priority(priority) if priority is not None else None
        return self._listed(everything(self.commands.store, Query(parse_state(state), tier)), limit)

    @overload
    def get_ready_worksets_prioritized(self, limit: None) -> Iterator[Record]: ...
    @overload
    def get_ready_worksets_prioritized(self, limit: int = ...) -> list[Record]: ...
    def get_ready_worksets_prioritized(self, limit: Limit = 100) -> list[Record] | Iterator[Record]:
        """Ready worksets, the most pressing tier first, the oldest of a tier first."""
        return self._listed(everything(self.commands.store, Query(WorksetState.READY)), limit)

    def get_retryable_worksets(self) -> list[Record]:
        """Worksets whose retry is due, in the order in which they are."""
        due = every_row(self.commands.store, WorksetState.RETRYING, due=self.commands.clock.now())
        return list(self._whole(due))

    def get_worksets_by_cluster(self, cluster_name: str) -> list[Record]:
        """All worksets that run, or ran last, on a cluster. Looks at every workset."""
        return list(self._whole(everything(self.commands.store, Query(cluster=cluster_name))))

    @overload
    def list_locked_worksets(self, limit: None) -> Iterator[Record]: ...
    @overload
    def list_locked_worksets(self, limit: int = ...) -> list[Record]: ...
    def list_locked_worksets(self, limit: Limit = 100) -> list[Record] | Iterator[Record]:
        """Worksets whose lock somebody holds."""
        ids = [lease.workset_id for lease in self.commands.store.leases()]
        return _first((one for one in self._by_id(ids) if one["lock_owner"] is not None), limit)

    @overload
    def list_archived_worksets(self, limit: None) -> Iterator[Record]: ...
    @overload
    def list_archived_worksets(self, limit: int = ...) -> list[Record]: ...
    def list_archived_worksets(self, limit: Limit = 100) -> list[Record] | Iterator[Record]:
        """Archived worksets, the oldest first."""
        return self.list_worksets_by_state(WorksetState.ARCHIVED, limit=limit)

    def get_queue_depth(self) -> dict[str, int]:
        """How many worksets stand in each state; exact, and every state is a key."""
        return {state.value: count for state, count in self.commands.store.tallies().items()}

    def get_concurrent_worksets_count(self) -> int:
        """How many are locked or in progress."""
        depth = self.commands.store.tallies()
        return depth[WorksetState.LOCKED] + depth[WorksetState.IN_PROGRESS]

    def can_start_new_workset(self, max_concurrent: int) -> bool:
        """Whether fewer than `max_concurrent` are locked or in progress."""
        return self.get_concurrent_worksets_count() < max_concurrent

    def get_next_workset_with_affinity(
        self, cluster_name: str, priority: WorksetPriority | str | None = None
    ) -> Record | None:
        """The first ready workset tied to a cluster, else the first that is tied to none."""
        tier = parse_priority(priority) if priority is not None else None
        free: Row | None = None
        for row in everything(self.commands.store, Query(WorksetState.READY, tier)):
            if row.affinity == cluster_name:
                return self.get_workset(row.workset_id)
            if row.affinity is None and free is None:
                free = row
        return self.get_workset(free.workset_id) if free is not None else None

    def _listed(self, rows: Iterator[Row], limit: Limit) -> list[Record] | Iterator[Record]:
        return _first(self._whole(rows if limit is None else islice(rows, max(0, limit))), limit)

    def _whole(self, rows: Iterable[Row]) -> Iterator[Record]:
        """Whole records of rows, some at a time; the row itself where the record cannot be read."""
        rest = iter(rows)
        while batch := list(islice(rest, BATCH)):
            found = self.commands.store.records([row.workset_id for row in batch])
            for row in batch:
                yield self._record(found.get(row.workset_id, row))

    def _by_id(self, ids: list[str]) -> Iterator[Record]:
        for first in range(0, len(ids), BATCH):
            batch = ids[first : first + BATCH]
            found = self.commands.store.records(batch)
            yield from (self._record(found[one]) for one in batch if one in found)


def _first(records: Iterator[Record], limit: Limit) -> list[Record] | Iterator[Record]:
    """So many of them; None: all, one after the other. Raises InvalidInput."""
    if limit is None:
        return records
    if limit < 0:
        raise InvalidInput(f"a limit of {limit} is not possible; use 0 or more, or None for all")
    return list(islice(records, limit))

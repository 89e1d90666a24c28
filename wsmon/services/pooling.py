"""The pool in figures, as the store knows it."""

from __future__ import annotations

from typing import Any

from wsmon.domain.queueing import Policy
from wsmon.domain.states import WAITING
from wsmon.domain.workset import Workset
from wsmon.services.commands import Commands
from wsmon.services.documents import record_document
from wsmon.services.scheduler import Scheduler

HEADS = 5
"""So many starts are looked at: an index may lag behind what has been claimed already."""


class StorePool:
    """What the API's scheduler routes show where the pool in the store is the scheduler's."""

    def __init__(self, commands: Commands, policy: Policy) -> None:
        self._commands, self._policy = commands, policy
        self._scheduler = Scheduler(commands.store, commands.clock, policy)

    def get_next_workset(self) -> dict[str, Any] | None:
        """What a monitor would start next on these clusters; where nothing can start, what leads the queue."""
        starts = self._scheduler.outlook().starts()
        found = [self._commands.store.record(decision.workset_id) for decision in starts[:HEADS]]
        waiting = (one for one in found if isinstance(one, Workset) and one.state in WAITING)
        if (first := next(waiting, None)) is not None:
            return record_document(first)
        row = self._commands.next(self._policy)
        return record_document(self._commands.get(row.workset_id)) if row is not None else None

    def get_scheduling_stats(self) -> dict[str, Any]:
        """Clusters, their vCPUs, what worksets take of them, and how many run there."""
        store = self._commands.store
        clusters = store.clusters()
        capacity = sum(cluster.vcpus for cluster in clusters)
        used = sum(cluster.vcpus_used for cluster in clusters)
        return {
            "total_clusters": len(clusters),
            "total_vcpu_capacity": capacity,
            "total_vcpus_used": used,
            "vcpu_utilization_percent": round(100.0 * used / capacity, 1) if capacity else 0.0,
            "total_active_worksets": sum(len(cluster.claims) for cluster in clusters),
            "queue_depth": {state.value: count for state, count in store.tallies().items()},
        }

"""The pool in figures, as the store knows it."""

from __future__ import annotations

from typing import Any

from wsmon.domain.scheduling import Policy
from wsmon.services.commands import Commands
from wsmon.services.documents import record_document


class StorePool:
    """What the API's scheduler routes show where the pool in the store is the scheduler's."""

    def __init__(self, commands: Commands, policy: Policy) -> None:
        self._commands, self._policy = commands, policy

    def get_next_workset(self) -> dict[str, Any] | None:
        """The head of the queue as a document."""
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

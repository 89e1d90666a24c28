"""The scheduler as the Daylily package had it, over the same pure function as everything else here.

>>> capacity = ClusterCapacity("c1", "us-west-2d", 96, 48, 384.0, 100.0, 1, 3, 0.04)
>>> (capacity.cluster_name, capacity.max_concurrent_worksets)
('c1', 3)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wsmon.domain.fitting import Fit
from wsmon.domain.needs import Needs, microdollars, needs_of
from wsmon.domain.pool import ClusterRecord, Held
from wsmon.domain.queueing import Policy, Waiting, in_order
from wsmon.domain.scheduling import Action, Decision, plan
from wsmon.domain.states import WorksetPriority
from wsmon.domain.times import Instant

if TYPE_CHECKING:
    from wsmon.library.records import Record
    from wsmon.workset_state_db import WorksetStateDB

__all__ = ["ClusterCapacity", "SchedulingDecision", "WorksetRequirements", "WorksetScheduler"]

WINDOW = 100
USUAL_MINUTES = 120
CREATION_MINUTES = 15
_MIB = 1024


@dataclass
class WorksetRequirements:
    """What a workset needs; what is None is not asked for."""

    estimated_vcpu_hours: float | None = None
    estimated_memory_gb: float | None = None
    estimated_storage_gb: float | None = None
    estimated_cost_usd: float | None = None
    estimated_duration_minutes: int | None = None
    preferred_instance_types: list[str] | None = None
    preferred_availability_zone: str | None = None

    def needs(self) -> Needs:
        """The same for the scheduler: vCPUs are hours of them over hours; a zone asked for is a zone needed."""
        minutes = self.estimated_duration_minutes
        vcpus = 0
        if self.estimated_vcpu_hours and minutes:
            vcpus = math.ceil(self.estimated_vcpu_hours * 60 / minutes)
        cost = self.estimated_cost_usd
        return Needs(
            vcpus=vcpus,
            memory_mib=math.ceil((self.estimated_memory_gb or 0) * _MIB),
            storage_gib=math.ceil(self.estimated_storage_gb or 0),
            zone=self.preferred_availability_zone or None,
            zone_required=bool(self.preferred_availability_zone),
            minutes=float(minutes) if minutes else None,
            cost=None if cost is None else microdollars(cost),
        )


@dataclass
class ClusterCapacity:
    """What a cluster has, and what is taken of it."""

    cluster_name: str
    availability_zone: str
    max_vcpus: int
    current_vcpus_used: int
    max_memory_gb: float
    current_memory_gb_used: float
    active_worksets: int
    max_concurrent_worksets: int
    cost_per_vcpu_hour: float

    def record(self, now: Instant) -> ClusterRecord:
        """The same for the scheduler; what is taken is one claim's beside those that hold their slot alone."""
        count = max(0, self.active_worksets)
        memory = math.ceil(self.current_memory_gb_used * _MIB)
        claims = {f"active {n}": Held(0) for n in range(count)}
        slots = self.max_concurrent_worksets
        if self.current_vcpus_used or memory:
            # Somebody may use vCPUs there without being one of its worksets.
            slots += int(not count)
            claims["active 0"] = Held(0, self.current_vcpus_used, memory)
        return ClusterRecord(
            self.cluster_name,
            slots,
            now,
            vcpus=self.max_vcpus,
            memory_mib=math.ceil(self.max_memory_gb * _MIB),
            claims=claims,
            zone=self.availability_zone,
            cost_per_vcpu_hour=self.cost_per_vcpu_hour,
        )


@dataclass
class SchedulingDecision:
    """Where a workset goes, or whether it wants a new cluster; and why."""

    workset_id: str
    cluster_name: str | None
    should_create_cluster: bool
    estimated_start_delay_minutes: int
    reason: str


class WorksetScheduler:
    """Decides on clusters that its caller registers; it starts nothing."""

    def __init__(
        self,
        state_db: WorksetStateDB,
        max_concurrent_worksets_per_cluster: int = 3,
        cost_optimization_enabled: bool = True,
    ) -> None:
        self.state_db = state_db
        self.max_concurrent_worksets_per_cluster = max_concurrent_worksets_per_cluster
        self.cost_optimization_enabled = cost_optimization_enabled
        self.cluster_capacities: dict[str, ClusterCapacity] = {}

    @property
    def _policy(self) -> Policy:
        return Policy(max_wait=None, cost_order=self.cost_optimization_enabled)

    def _now(self) -> Instant:
        return self.state_db.engine.clock.now()

    def register_cluster(self, capacity: ClusterCapacity) -> None:
        """Make a cluster known, or replace what was known of it."""
        self.cluster_capacities[capacity.cluster_name] = capacity

    def update_cluster_utilization(
        self, cluster_name: str, vcpus_used: int, memory_gb_used: float, active_worksets: int
    ) -> None:
        """What is taken of a cluster now; one that is not registered is passed over."""
        capacity = self.cluster_capacities.get(cluster_name)
        if capacity is not None:
            capacity.current_vcpus_used = vcpus_used
            capacity.current_memory_gb_used = memory_gb_used
            capacity.active_worksets = active_worksets

    def get_next_workset(self) -> Record | None:
        """The workset that should run next: by tier, then (with cost optimization) the cheapest, then the oldest."""
        found = {record["workset_id"]: record for record in self.state_db.get_ready_worksets_prioritized(limit=WINDOW)}
        waiting = [
            Waiting(
                record.workset_id,
                WorksetPriority(record["priority"]),
                place,  # they come in order of age
                needs_of({}, record["metadata"] or {}),
            )
            for place, record in enumerate(found.values())
        ]
        order = in_order(waiting, self._policy, self._now())
        return found[order[0][1].workset_id] if order else None

    def schedule_workset(self, workset_id: str, requirements: WorksetRequirements | None = None) -> SchedulingDecision:
        """The cluster for a workset, when it could start there, or that it wants a new one."""
        now = self._now()
        needs = requirements.needs() if requirements else Needs()
        records = [self._limited(capacity).record(now) for capacity in self.cluster_capacities.values()]
        one = Waiting(workset_id, WorksetPriority.NORMAL, now, needs)
        (decision,) = plan([one], records, self._policy, now)
        if decision.action is Action.START:
            reason = f"Scheduled on existing cluster {decision.cluster}"
            return SchedulingDecision(workset_id, decision.cluster, False, 0, reason)
        return self._later(decision)

    def _limited(self, capacity: ClusterCapacity) -> ClusterCapacity:
        """A capacity that names no bound of its own has the scheduler's."""
        if capacity.max_concurrent_worksets > 0:
            return capacity
        return ClusterCapacity(
            **{**vars(capacity), "max_concurrent_worksets": self.max_concurrent_worksets_per_cluster}
        )

    def _later(self, decision: Decision) -> SchedulingDecision:
        full = [one.cluster for one in decision.clusters if one.verdict is Fit.FULL]
        if not full:
            said = "; ".join(f"{one.cluster}: {', '.join(one.reasons)}" for one in decision.clusters)
            reason = "No suitable cluster available, will create new cluster" + (f" ({said})" if said else "")
            return SchedulingDecision(decision.workset_id, None, True, CREATION_MINUTES, reason)
        best = min(full, key=lambda name: (self.cluster_capacities[name].active_worksets, name))
        busy = max(1, self.cluster_capacities[best].active_worksets)
        reason = f"Queued for cluster {best} (at capacity)"
        return SchedulingDecision(decision.workset_id, best, False, USUAL_MINUTES // busy, reason)

    def get_scheduling_stats(self) -> dict[str, Any]:
        """The figures of the registered clusters, and how many worksets stand in each state."""
        capacities = self.cluster_capacities.values()
        total = sum(capacity.max_vcpus for capacity in capacities)
        used = sum(capacity.current_vcpus_used for capacity in capacities)
        return {
            "total_clusters": len(self.cluster_capacities),
            "total_vcpu_capacity": total,
            "total_vcpus_used": used,
            "vcpu_utilization_percent": used / total * 100 if total > 0 else 0,
            "total_active_worksets": sum(capacity.active_worksets for capacity in capacities),
            "queue_depth": self.state_db.get_queue_depth(),
        }

"""The predecessor's scheduler, called as its callers call it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wsmon.workset_scheduler import ClusterCapacity, SchedulingDecision, WorksetRequirements, WorksetScheduler
from wsmon.workset_state_db import WorksetPriority, WorksetState, WorksetStateDB


def capacity(name: str = "c1", **changes: Any) -> ClusterCapacity:
    fields: dict[str, Any] = {
        "cluster_name": name,
        "availability_zone": "us-west-2d",
        "max_vcpus": 100,
        "current_vcpus_used": 50,
        "max_memory_gb": 400.0,
        "current_memory_gb_used": 0.0,
        "active_worksets": 1,
        "max_concurrent_worksets": 3,
        "cost_per_vcpu_hour": 0.05,
    }
    return ClusterCapacity(**{**fields, **changes})


@pytest.fixture
def db(tmp_path: Path) -> Iterator[WorksetStateDB]:
    """One engine is enough: the library's own tests have both."""
    made = WorksetStateDB(f"sqlite:{tmp_path / 'w.db'}")
    yield made
    made.close()


@pytest.fixture
def scheduler(db: WorksetStateDB) -> WorksetScheduler:
    return WorksetScheduler(db)


def test_next_is_by_tier_then_cost_then_age(db: WorksetStateDB, scheduler: WorksetScheduler) -> None:
    assert scheduler.get_next_workset() is None
    for name, priority, cost in (("a", "normal", 9.0), ("b", "normal", 2.0), ("c", "normal", None), ("d", "low", 0.1)):
        metadata = {} if cost is None else {"estimated_cost_usd": cost}
        db.register_workset(name, "b", f"p/{name}", WorksetPriority(priority), metadata=metadata)
    found = scheduler.get_next_workset()
    assert found is not None
    assert (found["workset_id"], found.state) == ("b", WorksetState.READY)
    plain = WorksetScheduler(db, cost_optimization_enabled=False).get_next_workset()
    assert plain is not None
    assert plain["workset_id"] == "a"
    db.register_workset("u", "b", "p/u", WorksetPriority.URGENT)
    urgent = scheduler.get_next_workset()
    assert urgent is not None
    assert urgent["workset_id"] == "u"


def test_decisions(scheduler: WorksetScheduler) -> None:
    assert scheduler.schedule_workset("w") == SchedulingDecision(
        "w", None, True, 15, "No suitable cluster available, will create new cluster"
    )
    scheduler.register_cluster(capacity("dear", cost_per_vcpu_hour=0.5))
    scheduler.register_cluster(capacity("cheap"))
    found = scheduler.schedule_workset("w")
    assert (found.cluster_name, found.should_create_cluster, found.estimated_start_delay_minutes) == ("cheap", False, 0)
    scheduler.update_cluster_utilization("cheap", 50, 10.0, 3)
    scheduler.update_cluster_utilization("nobody", 50, 10.0, 3)
    assert scheduler.schedule_workset("w").cluster_name == "dear"
    scheduler.update_cluster_utilization("dear", 50, 10.0, 3)
    queued = scheduler.schedule_workset("w")
    assert (queued.cluster_name, queued.should_create_cluster, queued.estimated_start_delay_minutes) == (
        "cheap",
        False,
        40,
    )
    assert "at capacity" in queued.reason


@pytest.mark.parametrize(
    ("requirements", "fits"),
    [
        (WorksetRequirements(), True),
        (WorksetRequirements(preferred_availability_zone="us-west-2d"), True),
        (WorksetRequirements(preferred_availability_zone="us-east-1a"), False),
        (WorksetRequirements(estimated_memory_gb=401), False),
        (WorksetRequirements(estimated_vcpu_hours=50, estimated_duration_minutes=60), True),
        (WorksetRequirements(estimated_vcpu_hours=101, estimated_duration_minutes=60), False),
    ],
)
def test_requirements(scheduler: WorksetScheduler, requirements: WorksetRequirements, fits: bool) -> None:
    scheduler.register_cluster(capacity())
    found = scheduler.schedule_workset("w", requirements)
    assert (found.cluster_name == "c1", found.should_create_cluster) == (fits, not fits)


def test_stats(db: WorksetStateDB, scheduler: WorksetScheduler) -> None:
    assert scheduler.get_scheduling_stats()["vcpu_utilization_percent"] == 0
    scheduler.register_cluster(capacity())
    scheduler.register_cluster(capacity("c2", current_vcpus_used=0, active_worksets=0))
    db.register_workset("a", "b", "p")
    stats = scheduler.get_scheduling_stats()
    assert stats.pop("queue_depth")["ready"] == 1
    assert stats == {
        "total_clusters": 2,
        "total_vcpu_capacity": 200,
        "total_vcpus_used": 50,
        "vcpu_utilization_percent": 25.0,
        "total_active_worksets": 1,
    }

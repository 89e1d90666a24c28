"""Pools and queues for the scheduler's tests."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from wsmon.domain.needs import Needs, microdollars
from wsmon.domain.pool import ClusterRecord, Held
from wsmon.domain.queueing import Policy, Waiting
from wsmon.domain.states import WorksetPriority

EXAMPLES = settings(max_examples=int(os.environ.get("WSMON_PLAN_EXAMPLES", "25")), deadline=None)
"""Few in `make test`; CI and soak raise it."""
NOW = 1_800_000_000_000_000
SECOND = 1_000_000
HOUR = 3600 * SECOND


def cluster(name: str = "c1", slots: int = 3, **fields: Any) -> ClusterRecord:
    return ClusterRecord(name, slots, fields.pop("updated_at", NOW), **fields)


def waiting(workset_id: str = "w1", priority: str = "normal", hours: float = 0.0, **needs: Any) -> Waiting:
    """A workset that has waited for `hours`."""
    affinity = needs.pop("affinity", None)
    cost = needs.pop("usd", None)
    wanted = Needs(**needs, cost=None if cost is None else microdollars(cost))
    return Waiting(workset_id, WorksetPriority(priority), NOW - round(hours * HOUR), wanted, affinity)


ZONES = st.sampled_from(["", "a", "b"])
HELD = st.builds(
    Held,
    st.just(1),
    st.integers(0, 8),
    st.integers(0, 64),
    st.none() | st.integers(NOW - HOUR, NOW + 9 * HOUR),
)


@st.composite
def pools(draw: st.DrawFn) -> list[ClusterRecord]:
    """Up to five clusters, some of them full, ill, drained or silent."""
    found = []
    for n in range(draw(st.integers(0, 5))):
        slots = draw(st.integers(0, 4))
        claims = {f"run{n}.{i}": draw(HELD) for i in range(draw(st.integers(0, slots)))}
        found.append(
            cluster(
                f"c{n}",
                slots,
                updated_at=draw(st.sampled_from([NOW, NOW - HOUR])),
                health=draw(st.sampled_from(["running", "running", "degraded", "failed"])),
                vcpus=draw(st.sampled_from([0, 8, 32])),
                memory_mib=draw(st.sampled_from([0, 64, 256])),
                claims=claims,
                zone=draw(ZONES),
                instance_types=draw(st.sampled_from([(), ("big",), ("big", "small")])),
                cost_per_vcpu_hour=draw(st.sampled_from([0.0, 0.02, 0.05])),
                refused_at=draw(st.sampled_from([None, NOW - SECOND, NOW - 9 * HOUR])),
                drained=draw(st.sampled_from(["", "", "by ann"])),
            )
        )
    return found


@st.composite
def queues(draw: st.DrawFn) -> list[Waiting]:
    """Up to 25 worksets of every kind."""
    return [
        waiting(
            f"w{n:02}",
            draw(st.sampled_from(list(WorksetPriority))),
            draw(st.sampled_from([0.0, 0.5, 1.0, 30.0, 100.0])),
            vcpus=draw(st.sampled_from([0, 1, 4, 16, 40])),
            memory_mib=draw(st.sampled_from([0, 32, 200])),
            zone=draw(st.sampled_from([None, "a", "b"])),
            zone_required=draw(st.booleans()),
            instance_type=draw(st.sampled_from([None, None, "small"])),
            minutes=draw(st.sampled_from([None, 30.0, 600.0])),
            usd=draw(st.sampled_from([None, 1.0, 25.0, 400.0])),
            affinity=draw(st.sampled_from([None, None, None, "c0", "elsewhere"])),
        )
        for n in range(draw(st.integers(0, 25)))
    ]


POLICIES = st.builds(
    Policy,
    max_wait=st.sampled_from([None, 3600.0, 86_400.0]),
    cost_order=st.booleans(),
    budget=st.sampled_from([None, microdollars(30), microdollars(500)]),
    spent=st.sampled_from([0, microdollars(29), microdollars(500)]),
)


def crowd(count: int = 4000, kinds: int = 50) -> tuple[list[Waiting], list[ClusterRecord]]:
    """A queue of so many kinds of needs before 100 clusters, most of them nearly full."""
    queue = [
        waiting(
            f"w{n}",
            ("urgent", "normal", "low")[n % 3],
            n % 40,
            vcpus=n % 50,
            memory_mib=n % kinds,
            usd=n % 7,
            minutes=30.0,
        )
        for n in range(count)
    ]
    pool = [
        cluster(f"c{n}", 4, vcpus=64, claims={f"r{n}.{i}": Held(1, 8, 0, NOW + n * SECOND) for i in range(n % 5)})
        for n in range(100)
    ]
    return queue, pool

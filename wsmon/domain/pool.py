"""Clusters: what they have, how they are, and what is taken of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from wsmon.domain.needs import Microdollars
from wsmon.domain.times import Instant

if TYPE_CHECKING:
    from wsmon.domain.lives import Life


class Health(StrEnum):
    """How a cluster is; only a running or degraded one is given work."""

    CREATING = "creating"
    RUNNING = "running"
    DEGRADED = "degraded"
    DRAINING = "draining"
    STOPPED = "stopped"
    FAILED = "failed"
    UNREACHABLE = "unreachable"


USABLE = frozenset({Health.RUNNING, Health.DEGRADED})


@dataclass(frozen=True, slots=True)
class Held:
    """What one workset holds of a cluster besides its slot."""

    token: int
    vcpus: int = 0
    memory_mib: int = 0
    until: Instant | None = None
    """When it is expected to end; None where nobody said."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a claim took, kept on the workset until it is given back."""

    vcpus: int = 0
    memory_mib: int = 0
    cost: Microdollars = 0
    """The estimate that was booked."""
    day: str = ""
    """The UTC day it was booked on."""
    until: Instant | None = None
    price: float = 0.0
    """Dollars a vCPU hour there."""

    def cost_usd(self, seconds: float) -> float | None:
        """What a run of so many seconds did cost; None where vCPUs or price are not known."""
        if not self.vcpus or not self.price:
            return None
        return round(self.vcpus * seconds / 3600 * self.price, 6)


@dataclass(frozen=True, slots=True)
class ClusterRecord:
    """A cluster of the pool and what it reported last. A capacity of 0 is unknown and limits nothing."""

    name: str
    slots: int
    updated_at: Instant
    health: str = "running"
    vcpus: int = 0
    memory_mib: int = 0
    load: float = 0.0
    """One-minute load average."""
    cpu_percent: float = 0.0
    memory_percent: float = 0.0
    claims: Mapping[str, Held] = field(default_factory=dict)
    """workset id -> what it holds; kept by the store's commits, not by whoever reports."""
    kind: str = "local"
    """`local`, `settings`, `parallelcluster` or `slurm`: who reports it."""
    storage_gib: int = 0
    """Free storage."""
    zone: str = ""
    instance_types: tuple[str, ...] = ()
    cost_per_vcpu_hour: float = 0.0
    refused_at: Instant | None = None
    """When it last refused to grow for want of capacity."""
    note: str = ""
    """Why its health is what it is."""
    drained: str = ""
    """Why nothing new may start there: the operator who said so and why, or that it is taken down; kept by the store."""
    life: Life | None = None
    """What was decided about it, kept by the store; None where nothing ever was."""

    @property
    def vcpus_used(self) -> int:
        """How many vCPUs the claims take."""
        return sum(held.vcpus for held in self.claims.values())

    @property
    def memory_used_mib(self) -> int:
        """How much memory the claims take."""
        return sum(held.memory_mib for held in self.claims.values())

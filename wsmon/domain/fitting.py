"""Whether a workset fits a cluster, with the numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from wsmon.domain.needs import Needs
from wsmon.domain.pool import USABLE, ClusterRecord, Health
from wsmon.domain.times import Instant, age, micros


class Fit(StrEnum):
    """One word for how a cluster stands to a workset."""

    FITS = "fits"
    FULL = "full"
    """It would fit, once others have ended."""
    HELD = "held"
    """Room is kept for one that has waited too long."""
    BUDGET = "budget"
    """It would fit, but the day's dollars are spent."""
    TOO_SMALL = "too small"
    ZONE = "other zone"
    AFFINITY = "affinity"
    INSTANCE_TYPE = "instance type"
    UNHEALTHY = "unhealthy"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one cluster says to one workset; `score` only where it could start there now."""

    cluster: str
    verdict: Fit
    reasons: tuple[str, ...]
    score: float | None = None


@dataclass(slots=True, eq=False)
class Room:
    """A cluster while a plan is made: what is free, and for whom it is kept."""

    record: ClusterRecord
    slots: int
    vcpus: int
    memory_mib: int
    kept_for: str = ""
    ends: list[Instant] = field(default_factory=list)
    """When what runs is expected to end, a heap; what nobody knows is left out."""

    @classmethod
    def of(cls, record: ClusterRecord) -> Room:
        """The room as the claims leave it."""
        held = record.claims.values()
        return cls(
            record,
            record.slots - len(held),
            record.vcpus - sum(one.vcpus for one in held),
            record.memory_mib - sum(one.memory_mib for one in held),
            ends=sorted(one.until for one in held if one.until is not None),
        )

    @property
    def utilisation(self) -> float:
        """The share taken: of the vCPUs where they are known and claimed, else of the slots."""
        if self.record.vcpus and self.vcpus != self.record.vcpus:
            return 1 - self.vcpus / self.record.vcpus
        return 1 - self.slots / self.record.slots if self.record.slots else 1.0

    @property
    def score(self) -> float:
        """`10 * cost_per_vcpu_hour + |0.6 - utilisation|`; the lowest is best."""
        return round(10 * self.record.cost_per_vcpu_hour + abs(0.6 - self.utilisation), 6)


def ruled_out(needs: Needs, affinity: str | None, record: ClusterRecord, now: Instant, silent: float) -> Verdict | None:
    """Why the workset cannot run there even with nothing else on it, or None."""
    checks = (
        (Fit.AFFINITY, _affinity(affinity, record)),
        (Fit.UNHEALTHY, _health(record)),
        (Fit.SILENT, _silence(record, now, silent)),
        (Fit.ZONE, _zone(needs, record)),
        (Fit.INSTANCE_TYPE, _instance_type(needs, record)),
        (Fit.TOO_SMALL, _size(needs, record)),
    )
    found = [(fit, reason) for fit, reason in checks if reason]
    if not found:
        return None
    return Verdict(record.name, found[0][0], tuple(reason for _, reason in found))


def _affinity(affinity: str | None, record: ClusterRecord) -> str:
    return f"it is tied to {affinity}" if affinity and affinity != record.name else ""


def _health(record: ClusterRecord) -> str:
    if record.drained:
        return f"it is being drained: {record.drained}"
    note = f": {record.note}" if record.note else ""
    return "" if record.health in USABLE else f"the cluster is {record.health}{note}"


def _silence(record: ClusterRecord, now: Instant, silent: float) -> str:
    quiet = (now - record.updated_at) / 1e6
    return f"nobody has reported it for {age(quiet)}" if quiet > silent else ""


def _zone(needs: Needs, record: ClusterRecord) -> str:
    if needs.zone_required and needs.zone and needs.zone != record.zone:
        return f"needs zone {needs.zone}, it lies in {record.zone or 'an unknown one'}"
    return ""


def _instance_type(needs: Needs, record: ClusterRecord) -> str:
    if needs.instance_type and record.instance_types and needs.instance_type not in record.instance_types:
        return f"needs {needs.instance_type}, it has {', '.join(record.instance_types)}"
    return ""


def _size(needs: Needs, record: ClusterRecord) -> str:
    for what, need, has in (
        ("vCPUs", needs.vcpus, record.vcpus),
        ("MiB of memory", needs.memory_mib, record.memory_mib),
        ("GiB of free storage", needs.storage_gib, record.storage_gib),
    ):
        if has and need > has:
            return f"needs {need:,} {what}, it has {has:,}"
    return "" if record.slots > 0 else "it has no slots"


def lacking(needs: Needs, room: Room) -> float:
    """The largest share of the cluster that must come free before it fits; 0: it fits now."""
    record = room.record
    shares = [(1 - room.slots) / record.slots]
    if record.vcpus:
        shares.append((needs.vcpus - room.vcpus) / record.vcpus)
    if record.memory_mib:
        shares.append((needs.memory_mib - room.memory_mib) / record.memory_mib)
    return max(0.0, *shares)


def short(needs: Needs, room: Room) -> bool:
    """Whether it lacks vCPU or memory there, and not only a slot."""
    record = room.record
    return bool(
        (record.vcpus and needs.vcpus > room.vcpus) or (record.memory_mib and needs.memory_mib > room.memory_mib)
    )


def verdict(needs: Needs, room: Room) -> Verdict:
    """How the room stands to a workset that is not ruled out."""
    record = room.record
    reasons = []
    if room.slots < 1:
        reasons.append(f"{record.slots - room.slots} of {record.slots} slots are taken")
    if record.vcpus and needs.vcpus > room.vcpus:
        reasons.append(f"needs {needs.vcpus:,} vCPUs, {max(0, room.vcpus):,} of {record.vcpus:,} are free")
    if record.memory_mib and needs.memory_mib > room.memory_mib:
        reasons.append(
            f"needs {needs.memory_mib:,} MiB of memory, {max(0, room.memory_mib):,} of {record.memory_mib:,} are free"
        )
    if reasons:
        return Verdict(record.name, Fit.FULL, tuple(reasons))
    if room.kept_for:
        return Verdict(record.name, Fit.HELD, (f"kept free for {room.kept_for}, which has waited too long",))
    free = f"{room.slots} of {record.slots} slots free"
    if record.vcpus:
        free += f", {room.vcpus:,} of {record.vcpus:,} vCPUs"
    return Verdict(record.name, Fit.FITS, (free,), room.score)


def rank(needs: Needs, room: Room, now: Instant, refusal: float) -> tuple[int, int, int, float, str]:
    """What orders the clusters that fit: refusals, health and zone before the score, then the name."""
    record = room.record
    refused = record.refused_at is not None and now - record.refused_at < micros(refusal)
    return (
        int(refused),
        int(record.health == Health.DEGRADED),
        int(bool(needs.zone) and needs.zone != record.zone),
        room.score,
        record.name,
    )

"""Slurm, asked through its own commands at the head node, in delimited text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from wsmon.domain.errors import OutsideError
from wsmon.domain.pool import ClusterRecord, Health
from wsmon.domain.times import Instant, micros

# A command over SSH has no login shell's PATH, and ParallelCluster puts Slurm on that alone.
_PATH = 'env PATH="$PATH:/opt/slurm/bin:/usr/local/bin"'
SINFO = f"{_PATH} sinfo -h -N -o '%N|%T|%c|%m|%E'"
SQUEUE = f"{_PATH} squeue -h -o '%i|%T|%C|%j'"
FRESH_SECONDS = 15.0
# Base states that can run a job now or after a power-up; everything else is no capacity.
_USABLE = frozenset({"idle", "mixed", "allocated", "completing", "planned", "blocked"})
_PROMISED, _POWERING_UP = "~", "#"
_FLAGS = "*~#!%$@^-+"
_REFUSALS = (
    "insufficientinstancecapacity",
    "insufficient capacity",
    "insufficienthostcapacity",
    "unfulfillablecapacity",
)


@dataclass(frozen=True, slots=True)
class Node:
    """A node as sinfo told of it."""

    name: str
    state: str
    """Without its flags, lower case."""
    flags: str
    vcpus: int
    memory_mib: int
    reason: str

    @property
    def usable(self) -> bool:
        """Whether it is capacity: up, or promised to come up. `down#` is not, nor is what does not answer (`*`)."""
        return self.state in _USABLE and "*" not in self.flags and "$" not in self.flags

    @property
    def promised(self) -> bool:
        """Whether it is switched off and comes when it is needed."""
        return self.usable and (_PROMISED in self.flags or _POWERING_UP in self.flags)

    @property
    def refused(self) -> bool:
        """Whether the cloud had none of it to give."""
        reason = self.reason.replace(" ", "").lower()
        return any(word.replace(" ", "") in reason for word in _REFUSALS)


@dataclass(frozen=True, slots=True)
class Jobs:
    """What the queue holds."""

    running: int
    pending: int
    vcpus_running: int


def read_sinfo(text: str) -> list[Node]:
    """The nodes of `sinfo -h -N -o '%N|%T|%c|%m|%E'`, each once; lines that are none are passed over."""
    nodes: dict[str, Node] = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split("|", 4)]
        if len(cells) < 4 or not cells[0]:
            continue
        name, told, vcpus, memory = cells[:4]
        state = told.lower().rstrip(_FLAGS)
        reason = cells[4] if len(cells) > 4 and cells[4].lower() != "none" else ""
        # A node stands once for each partition it is in.
        nodes[name] = Node(name, state, told[len(state) :], _whole(vcpus), _whole(memory), reason)
    return list(nodes.values())


def read_squeue(text: str) -> Jobs:
    """The jobs of `squeue -h -o '%i|%T|%C|%j'`."""
    running = pending = vcpus = 0
    for line in text.splitlines():
        cells = line.split("|", 3)
        if len(cells) < 3:
            continue
        if cells[1].strip() in {"RUNNING", "COMPLETING", "CONFIGURING"}:
            running, vcpus = running + 1, vcpus + _whole(cells[2])
        elif cells[1].strip() == "PENDING":
            pending += 1
    return Jobs(running, pending, vcpus)


def _whole(text: str) -> int:
    """A number as Slurm writes it, such as `4+`."""
    digits = "".join(character for character in text.strip() if character.isdigit())
    return int(digits) if digits else 0


def with_nodes(cluster: ClusterRecord, nodes: Iterable[Node], jobs: Jobs, now: Instant) -> ClusterRecord:
    """The cluster with what its Slurm has; a capacity that the settings name stands."""
    every = list(nodes)
    usable = [node for node in every if node.usable]
    promised = [node for node in usable if node.promised]
    health = Health.RUNNING
    if not usable:
        health = Health.FAILED
    elif any(not node.usable for node in every):
        health = Health.DEGRADED
    notes = [
        f"{len(usable)} of {len(every)} nodes",
        f"{len(promised)} switched off until needed" if promised else "",
        f"{jobs.running} jobs running, {jobs.pending} pending" if jobs.running or jobs.pending else "",
        next((f"{node.name}: {node.reason}" for node in every if not node.usable and node.reason), ""),
    ]
    return replace(
        cluster,
        kind="slurm",
        health=health.value,
        vcpus=cluster.vcpus or sum(node.vcpus for node in usable),
        memory_mib=cluster.memory_mib or sum(node.memory_mib for node in usable),
        load=float(jobs.vcpus_running),
        refused_at=now if any(node.refused for node in every) else cluster.refused_at,
        note="; ".join(filter(None, notes))[:500],
    )


class SlurmView:
    """One cluster's Slurm, asked at most every fifteen seconds. `shell` does a command line at the head node."""

    def __init__(self, shell: Callable[[str], str]) -> None:
        self._shell = shell
        self._asked = 0
        self._nodes: list[Node] = []
        self._jobs = Jobs(0, 0, 0)

    def seen(self, cluster: ClusterRecord, now: Instant) -> ClusterRecord:
        """The cluster with what its Slurm says; degraded where Slurm does not answer."""
        if now - self._asked >= micros(FRESH_SECONDS):
            try:
                self._nodes, self._jobs = read_sinfo(self._shell(SINFO)), read_squeue(self._shell(SQUEUE))
            except OutsideError as error:
                return replace(cluster, kind="slurm", health=Health.FAILED.value, note=f"Slurm: {error}"[:500])
            self._asked = now
        return with_nodes(cluster, self._nodes, self._jobs, now)

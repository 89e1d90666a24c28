"""The settings of the pool, of the scheduler that fills it and of the catalog that feeds it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, field_validator, model_validator

from wsmon.domain.errors import SettingsError
from wsmon.settings.section import HUGE, LONGEST, MANY, YEAR, Section

if TYPE_CHECKING:
    from wsmon.domain.queueing import Policy


class SchedulerSettings(Section):
    """In which order worksets start, and what a day may cost."""

    max_wait_seconds: float = Field(
        86_400.0,
        ge=0,
        le=YEAR,
        description="After so long a waiting workset rises one tier, and again; 0: never.",
    )
    cost_order: bool = Field(False, description="Within a tier the cheapest first, by estimated cost; else the oldest.")
    daily_budget_usd: float | None = Field(
        None,
        gt=0,
        le=1e9,
        description="What a UTC day may cost by estimates and results; beyond it only urgent ones start.",
    )
    silent_seconds: float = Field(
        300.0, gt=0, le=LONGEST, description="A cluster that nobody has reported for so long is given nothing."
    )
    refusal_seconds: float = Field(
        1800.0, ge=0, le=LONGEST, description="How long a cluster that could not grow ranks behind the others."
    )

    def policy(self) -> Policy:
        """What the scheduler is told."""
        from wsmon.domain.queueing import policy_of  # most commands plan nothing

        return policy_of(**self.model_dump())


class CatalogSettings(Section):
    """A bucket where workset folders are dropped."""

    bucket: str | None = Field(None, description="The bucket; without one nothing is watched.")
    prefix: str = Field("", description="The folder in it that holds the workset folders.")
    poll_seconds: float = Field(60.0, gt=0, le=LONGEST, description="How often it is listed.")
    mirror_sentinels: bool = Field(
        False, description="Write daylily.* sentinels back on each transition, for tools that still read them."
    )
    validate_before_run: bool = Field(
        True, description="Look into a workset's folder, and for what it refers to, before its run starts."
    )
    endpoint_url: str | None = Field(None, description="Another endpoint that speaks S3.")


class ClusterSettings(Section):
    """A cluster whose head node is reached over SSH."""

    host: str = Field(min_length=1, description="The head node, as ssh knows it.")
    user: str = Field("", description="Who to log in as; else as ssh_config says.")
    port: int | None = Field(None, gt=0, lt=65536, description="Its port; else as ssh_config says.")
    identity_file: str = Field("", description="The private key; else as ssh_config says.")
    jump: str = Field("", description="A jump host, as for ssh -J.")
    known_hosts: str = Field("", description="Another known_hosts file.")
    host_key_checking: Literal["yes", "accept-new", "no"] = Field(
        "yes", description="Whether an unknown host key is refused, taken the first time, or never looked at."
    )
    connect_seconds: int = Field(10, gt=0, le=3600, description="How long a connection may take.")
    root: str = Field("~/.wsmon/runs", description="Where run folders lie there, on a disk of its own.")
    python: str = Field("python3", description="A Python of 3.7 or newer there.")
    detach: Literal["auto", "tmux", "setsid"] = Field(
        "auto", description="How a run is cut loose: by tmux where it is there, else by setsid."
    )
    slots: int = Field(3, gt=0, le=MANY, description="How many worksets run there at once, all monitors together.")
    vcpus: int = Field(0, ge=0, le=HUGE, description="Its vCPUs; 0: unknown, nothing is held against it.")
    memory_mib: int = Field(0, ge=0, le=HUGE, description="Its memory; 0: unknown.")
    storage_gib: int = Field(0, ge=0, le=HUGE, description="Its free storage; 0: unknown.")
    zone: str = Field("", description="Its availability zone.")
    instance_types: list[str] = Field([], description="What its nodes are.")
    cost_per_vcpu_hour: float = Field(
        0.0, ge=0, le=1e6, description="Dollars a vCPU hour; the score and a run's cost go by it."
    )
    slurm: bool = Field(False, description="Whether its Slurm tells nodes and health (sinfo, squeue at the head node).")


class ParallelClusterSettings(Section):
    """Clusters of AWS ParallelCluster, found by their stacks and instances."""

    enabled: bool = Field(False, description="Whether they are looked for, with the store's region and profile.")
    region: str | None = Field(None, description="Another region than the store's.")
    names: list[str] = Field([], description="Only these clusters; empty: all.")
    connect: Literal["private", "public"] = Field("private", description="Which of a head node's addresses is used.")
    user: str = Field("ubuntu", description="Who to log in as.")
    identity_file: str = Field("", description="The private key; else as ssh_config says.")
    jump: str = Field("", description="A jump host, as for ssh -J.")
    known_hosts: str = Field("", description="Another known_hosts file.")
    host_key_checking: Literal["yes", "accept-new", "no"] = Field(
        "accept-new", description="Head nodes are new ones each time, so their first key is taken."
    )
    root: str = Field("~/.wsmon/runs", description="Where run folders lie there, on a disk of its own.")
    slots: int = Field(3, gt=0, le=MANY, description="How many worksets run on each at once, all monitors together.")
    cost_per_vcpu_hour: float = Field(0.0, ge=0, le=1e6, description="Dollars a vCPU hour.")
    slurm: bool = Field(True, description="Whether each one's Slurm tells nodes and health.")


class KindSettings(Section):
    """A further kind of cluster that may be made; what a kind does not say is as [creation] says it."""

    create: list[str] = Field([], description="The command that makes one of this kind.")
    usd_per_hour: float | None = Field(None, gt=0, le=1e6, description="What an hour of one costs.")
    slots: int | None = Field(None, gt=0, le=MANY, description="How many worksets would run on it at once.")
    vcpus: int | None = Field(None, ge=0, le=HUGE, description="Its vCPUs.")
    memory_mib: int | None = Field(None, ge=0, le=HUGE, description="Its memory.")
    storage_gib: int | None = Field(None, ge=0, le=HUGE, description="Its storage.")
    zone: str | None = Field(None, description="Its availability zone.")
    instance_types: list[str] | None = Field(None, description="What its nodes are.")

    @field_validator("create")
    @classmethod
    def _template(cls, value: list[str]) -> list[str]:
        return _checked(value)


def _checked(value: list[str]) -> list[str]:
    from wsmon.domain.creating import check_template  # most commands make none

    try:
        return list(check_template(value))
    except SettingsError as error:
        raise ValueError(str(error)) from None


class CreationSettings(Section):
    """Clusters that monitors make when work waits for one, and take down when they are idle."""

    enabled: bool = Field(False, description="Whether clusters are made and taken down at all.")
    create: list[str] = Field(
        [],
        description="The command that makes one, an argument list; {cluster} is its name, as the pool's source reports it.",
    )
    delete: list[str] = Field([], description="The command that takes one down.")
    prefix: str = Field("wsmon", description="What the names of new clusters begin with.")
    max_clusters: int = Field(1, gt=0, le=MANY, description="How many that wsmon made may be there at once.")
    usd_per_hour: float | None = Field(None, gt=0, le=1e6, description="What an hour of one costs.")
    max_usd_per_day: float | None = Field(
        None, gt=0, le=1e9, description="What those that wsmon made may cost a UTC day; beyond it none is made."
    )
    least_hours: float = Field(
        1.0, ge=0, le=24, description="A new one is counted with so many hours of its cost at once."
    )
    cooldown_seconds: float = Field(
        600.0,
        ge=0,
        le=LONGEST,
        description="The least between two creations; twice as long after each failure in a row.",
    )
    idle_seconds: float = Field(
        1800.0, ge=0, le=LONGEST, description="How long one has no work before it is taken down."
    )
    create_seconds: float = Field(
        3600.0, gt=0, le=LONGEST, description="How long until a new one is reported as running; else it failed."
    )
    delete_seconds: float = Field(
        3600.0, gt=0, le=LONGEST, description="How long until one is reported no more; else its deletion failed."
    )
    lead_seconds: float = Field(
        900.0,
        ge=0,
        le=LONGEST,
        description="How long making one usually takes: it must bring something's start forward.",
    )
    delete_others: bool = Field(
        False, description="Whether ParallelClusters that somebody else made are taken down when idle."
    )
    slots: int = Field(3, gt=0, le=MANY, description="How many worksets would run on a new one at once.")
    vcpus: int = Field(0, ge=0, le=HUGE, description="Its vCPUs; 0: unknown, nothing is held against it.")
    memory_mib: int = Field(0, ge=0, le=HUGE, description="Its memory; 0: unknown.")
    storage_gib: int = Field(0, ge=0, le=HUGE, description="Its storage; 0: unknown.")
    zone: str = Field("", description="Its availability zone.")
    instance_types: list[str] = Field([], description="What its nodes are.")
    kinds: dict[str, KindSettings] = Field(
        default_factory=dict,
        description="Further kinds of clusters, a table each: [creation.kinds.NAME]. The cheapest that would do is made.",
    )

    @field_validator("prefix")
    @classmethod
    def _short(cls, value: str) -> str:
        if not re.fullmatch("[A-Za-z][A-Za-z0-9-]{0,30}", value):
            raise ValueError(
                "a letter, then at most 30 letters, digits and hyphens, as ParallelCluster's names have it"
            )
        return value

    @field_validator("create", "delete")
    @classmethod
    def _template(cls, value: list[str]) -> list[str]:
        return _checked(value)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        needed = ("create", "delete", "usd_per_hour", "max_usd_per_day")
        missing = [name for name in needed if not getattr(self, name)]
        if self.enabled and missing:
            raise ValueError(f"clusters are not made without {', '.join(missing)}")
        return self


class PoolSettings(Section):
    """This machine as a pool of slots."""

    name: str | None = Field(None, description="The pool's name; by default the host's.")
    slots: int | None = Field(
        None, gt=0, le=MANY, description="How many worksets run here at once, all monitors together."
    )
    local: bool = Field(True, description="Whether worksets run on this machine at all.")

"""Settings of clusters turned into what a monitor works with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from wsmon.domain.errors import OutsideError
from wsmon.domain.needs import microdollars
from wsmon.domain.pool import ClusterRecord
from wsmon.domain.workset import RunRecord
from wsmon.ports import ClusterSource, CommandRunner, Log

if TYPE_CHECKING:
    from wsmon.adapters.runner.pool import PoolRunner
    from wsmon.adapters.runner.ssh import SshRunner
    from wsmon.domain.creating import CreationRule
    from wsmon.domain.times import Instant
    from wsmon.engine import Engine
    from wsmon.services.companion import Companion
    from wsmon.services.config import MonitorConfig
    from wsmon.services.scheduler import Scheduler
    from wsmon.settings import ClusterSettings, CreationSettings, KindSettings, Settings

DUTY_SECONDS = 60.0
FIRST_LOOK_SECONDS = 3.0
"""After the first heartbeat, which is what asks."""
_CAPACITY = {"slots", "vcpus", "memory_mib", "storage_gib", "zone", "instance_types"}


def creation_rule(settings: Settings) -> CreationRule | None:
    """How clusters are made and taken down; None where that is switched off."""
    chosen = settings.creation
    if not chosen.enabled:
        return None
    from wsmon.domain.creating import CreationRule, Kind

    assert chosen.usd_per_hour is not None, "the settings see to it"
    assert chosen.max_usd_per_day is not None, "the settings see to it"
    template = ClusterRecord(
        "a new one",
        updated_at=0,
        kind="template",
        cost_per_vcpu_hour=settings.parallelcluster.cost_per_vcpu_hour,
        **_capacity(chosen),
    )
    kinds = [Kind(tuple(chosen.create), template, microdollars(chosen.usd_per_hour))]
    kinds += [
        Kind(
            tuple(kind.create or chosen.create),
            replace(template, name=f"a new {name}", **_capacity(kind)),
            microdollars(kind.usd_per_hour or chosen.usd_per_hour),
        )
        for name, kind in chosen.kinds.items()
    ]
    return CreationRule(
        kinds=tuple(sorted(kinds, key=lambda kind: kind.hourly)),
        delete=tuple(chosen.delete),
        daily=microdollars(chosen.max_usd_per_day),
        prefix=chosen.prefix,
        most=chosen.max_clusters,
        least_hours=chosen.least_hours,
        cooldown=chosen.cooldown_seconds,
        idle=chosen.idle_seconds,
        create_within=chosen.create_seconds,
        delete_within=chosen.delete_seconds,
        lead=chosen.lead_seconds,
        others=chosen.delete_others,
        quiet=settings.scheduler.silent_seconds,
    )


def _capacity(chosen: CreationSettings | KindSettings) -> dict[str, Any]:
    """What is said of a new cluster's size."""
    said: dict[str, Any] = chosen.model_dump(include=_CAPACITY, exclude_none=True)
    return said | ({"instance_types": tuple(said["instance_types"])} if "instance_types" in said else {})


def planner(engine: Engine) -> Scheduler:
    """The scheduler as set, with the cluster that may be made now, where one may."""
    from wsmon.domain.creating import affordable, barred
    from wsmon.services.attending import Attendance
    from wsmon.services.scheduler import Scheduler

    policy, rule = engine.settings.scheduler.policy(), creation_rule(engine.settings)
    if rule is not None:
        lives, now = engine.store.lives(), engine.clock.now()
        if not barred(lives, rule, now):
            policy = replace(policy, creation=rule.creation(affordable(lives, rule, now)))
    attendance = Attendance(engine.store, engine.clock, engine.silent_seconds)
    return Scheduler(engine.store, engine.clock, policy, creation=partial(creation, engine), attendance=attendance)


def creation(engine: Engine) -> str:
    """How it stands with making clusters; empty where that is switched off."""
    from wsmon.domain.creating import said

    rule = creation_rule(engine.settings)
    return said(rule, engine.store.lives(), engine.clock.now()) if rule is not None else ""


def keeper(
    engine: Engine, log: Log, config: MonitorConfig, runner: CommandRunner | None = None, gone: Gone | None = None
) -> list[Companion]:
    """What makes and takes down clusters beside a monitor; nothing where that is switched off."""
    rule = creation_rule(engine.settings)
    if rule is None:
        return []
    from wsmon.adapters.runner import LocalRunner
    from wsmon.services.building import Builders
    from wsmon.services.companion import Companion
    from wsmon.services.duties import Duty
    from wsmon.services.keeping import DUTY, ClusterKeeper

    root = engine.run_root()
    place = runner or LocalRunner(root.with_name(f"{root.name}.clusters"), engine.clock, engine.store.store_id)
    seconds = max(DUTY_SECONDS, config.lease_seconds)
    duty = Duty(engine.store, engine.clock, DUTY, config.name, seconds=seconds, skew=config.skew_seconds)
    commands = engine.commands.acting_as(config.name)
    policy, builders = engine.settings.scheduler.policy(), Builders(place, engine.clock)
    kept = ClusterKeeper(commands, policy, rule, duty, builders, log, gone or never)

    def step() -> float:
        kept.step()
        return config.poll_seconds

    return [Companion("clusters", step, kept.close, engine.clock, log)]


def ssh_runner(engine: Engine, chosen: ClusterSettings) -> SshRunner:
    """The runner of one cluster's head node."""
    from wsmon.adapters.runner.line import SshTarget
    from wsmon.adapters.runner.ssh import SshRunner

    names = SshTarget.__dataclass_fields__
    given = {name: value for name, value in chosen.model_dump().items() if name in names}
    return SshRunner(SshTarget(**given), engine.clock, store_id=engine.store.store_id)


def cluster_record(name: str, chosen: ClusterSettings) -> ClusterRecord:
    """A cluster of the settings, as it is before anybody asked it."""
    return ClusterRecord(
        name,
        chosen.slots,
        0,
        vcpus=chosen.vcpus,
        memory_mib=chosen.memory_mib,
        kind="settings",
        storage_gib=chosen.storage_gib,
        zone=chosen.zone,
        instance_types=tuple(chosen.instance_types),
        cost_per_vcpu_hour=chosen.cost_per_vcpu_hour,
    )


Gone = Callable[[str], str]
"""Why a cluster is gone for certain, or an empty text."""
Away = Callable[[], str]
"""Why what looks for clusters does not answer, or an empty text."""
LOOK_SECONDS = 10.0


def sources(engine: Engine, log: Log, away: Away) -> list[Companion]:
    """What tells of clusters that cannot be looked for; nothing where none are."""
    if not engine.settings.parallelcluster.enabled:
        return []
    from wsmon.services.companion import Companion
    from wsmon.services.troubles import Trouble

    trouble = Trouble(engine.store, engine.clock, log, "ParallelCluster")

    def step() -> float:
        trouble.note(away())
        return LOOK_SECONDS

    return [Companion("sources", step, lambda: None, engine.clock, log, first=FIRST_LOOK_SECONDS)]


def pool(engine: Engine, config: MonitorConfig) -> tuple[CommandRunner, ClusterSource, Gone, Away]:
    """Where a monitor's runs go, what tells how the clusters are, which are gone, and why more cannot be looked for."""
    from wsmon.adapters.local_pool import LocalPool
    from wsmon.adapters.runner.pool import PoolRunner, ReachedPool

    own = LocalPool(config.cluster, config.slots) if engine.settings.pool.local else None
    clusters, found = engine.settings.clusters, engine.settings.parallelcluster
    if not clusters and not found.enabled and own is not None:
        return engine.runner(), own, never, str
    far = {name: ssh_runner(engine, chosen) for name, chosen in clusters.items()}
    runner = PoolRunner(engine.runner(), config.cluster, far)
    records = [cluster_record(name, chosen) for name, chosen in clusters.items()]
    slurm = {name for name, chosen in clusters.items() if chosen.slurm}
    find, deleted, away = finder(engine, runner) if found.enabled else (no_more, never, str)

    def gone(name: str) -> str:
        return "" if name in clusters or name == config.cluster else deleted(name)

    return runner, ReachedPool(own, records, runner, slurm, find, found.slurm), gone, away


def no_more(now: Instant) -> Sequence[ClusterRecord]:
    """No further clusters."""
    del now
    return ()


def never(name: str) -> str:
    """Of no cluster it is certain that it is gone."""
    del name
    return ""


def finder(engine: Engine, runner: PoolRunner) -> tuple[Callable[[Instant], Sequence[ClusterRecord]], Gone, Away]:
    """Looks for ParallelCluster's clusters, and makes each one's head node known to the runner.

    The others tell what is gone, and why it could not look.
    """
    from wsmon.adapters.parallelcluster import ParallelClusters
    from wsmon.adapters.runner.line import SshTarget
    from wsmon.adapters.runner.ssh import SshRunner

    chosen, store = engine.settings.parallelcluster, engine.settings.store
    source = ParallelClusters(
        region=chosen.region or store.region,
        profile=store.profile,
        slots=chosen.slots,
        cost_per_vcpu_hour=chosen.cost_per_vcpu_hour,
    )
    names = ("user", "identity_file", "jump", "known_hosts", "host_key_checking", "root")
    given = {name: getattr(chosen, name) for name in names}

    def find(now: Instant) -> Sequence[ClusterRecord]:
        every = [one for one in source.look(now) if not chosen.names or one.record.name in chosen.names]
        for one in every:
            host = one.head.get(chosen.connect)
            if host:
                make = partial(SshRunner, SshTarget(host, **given), engine.clock, store_id=engine.store.store_id)
                runner.reach(one.record.name, host, make)
        return [one.record for one in every]

    return find, lambda name: source.gone(name, engine.clock.now()), lambda: source.problem


def every_place(engine: Engine) -> PoolRunner:
    """This machine and the clusters of the settings as one runner; nobody has been asked yet."""
    from wsmon.adapters.runner.pool import PoolRunner

    far = {name: ssh_runner(engine, chosen) for name, chosen in engine.settings.clusters.items()}
    return PoolRunner(engine.runner(), "", far)


def place_of(engine: Engine, places: PoolRunner, run: RunRecord) -> CommandRunner:
    """The runner that reaches a run's place. Where none that answered does, all are asked, and new clusters looked for.

    Raises OutsideError where it is not found.
    """
    found = places.reaching(run)
    if found is None:
        if engine.settings.parallelcluster.enabled:
            find, _, _ = finder(engine, places)
            find(engine.clock.now())
        places.look_around()
        found = places.reaching(run)
    if found is None:
        said = f" ({'; '.join(problems)})" if (problems := places.problems()) else ""
        raise OutsideError(f"the run's place ({run.host}) is none that is reached from here{said}")
    return found

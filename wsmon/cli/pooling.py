"""The pool and the runs on it: clusters, and the output of a run."""

from __future__ import annotations

import sys
from dataclasses import fields
from typing import Any

import click

from wsmon.cli.completing import id_argument
from wsmon.cli.options import common_options, engine
from wsmon.cli.output import print_json, print_table, say
from wsmon.cli.reading import json_option
from wsmon.domain.lives import ENDING, life_document
from wsmon.domain.pool import ClusterRecord
from wsmon.domain.states import WorksetState
from wsmon.domain.times import age, isoformat
from wsmon.domain.visible import visible
from wsmon.domain.workset import Workset
from wsmon.engine import Engine
from wsmon.services.draining import drain, forget, resume

LOOK_SECONDS = 1.0


@click.command()
@json_option
@common_options
@click.pass_context
def clusters(ctx: click.Context, as_json: bool) -> None:
    """Show the cluster pool: health, what is free, what runs where.

    Example: wsmon clusters
    """
    with engine(ctx) as opened:
        found, now = opened.store.clusters(), opened.clock.now()
        creation = "" if as_json else opened.creation()
    if as_json:
        print_json([cluster_document(cluster) for cluster in found])
        return
    columns = ("NAME", "HEALTH", "SLOTS", "VCPUS", "MEMORY", "ZONE", "$/VCPU-H", "SEEN", "NOTE")
    print_table(columns, (_line(cluster, now) for cluster in found))
    if creation:
        say(f"(making clusters: {creation})")


def cluster_document(cluster: ClusterRecord) -> dict[str, Any]:
    """A cluster as JSON, with what is taken of it."""
    document = {f.name: getattr(cluster, f.name) for f in fields(cluster)}
    document["life"] = life_document(cluster.life) if cluster.life is not None else None
    document["claims"] = {
        name: {"token": held.token, "vcpus": held.vcpus, "memory_mib": held.memory_mib}
        for name, held in cluster.claims.items()
    }
    document |= {"vcpus_used": cluster.vcpus_used, "memory_used_mib": cluster.memory_used_mib}
    for name in ("updated_at", "refused_at"):
        document[name] = isoformat(document[name]) if document[name] is not None else None
    return document


def _line(cluster: ClusterRecord, now: int) -> tuple[object, ...]:
    life = cluster.life
    if life is not None and life.phase in ENDING:
        health = f"{life.phase.value}: {life.note}" if life.note else life.phase.value
    else:
        health = f"draining ({cluster.drained})" if cluster.drained else cluster.health
    used = f"{cluster.vcpus_used}/{cluster.vcpus}" if cluster.vcpus else ""
    memory = f"{cluster.memory_used_mib}/{cluster.memory_mib}" if cluster.memory_mib else ""
    slots, seen = f"{len(cluster.claims)}/{cluster.slots}", age((now - cluster.updated_at) / 1e6)
    return cluster.name, health, slots, used, memory, cluster.zone, cluster.cost_per_vcpu_hour or "", seen, cluster.note


@click.group("cluster")
def cluster_() -> None:
    """Keep new work off a cluster, or let it on again.

    Example: wsmon cluster drain cl1 --reason "a new image"
    """


@cluster_.command("drain")
@click.argument("name", metavar="NAME")
@click.option("--reason", help="Why; it is shown wherever the cluster is.")
@json_option
@common_options
@click.pass_context
def drain_(ctx: click.Context, name: str, reason: str | None, as_json: bool) -> None:
    """Start nothing new on a cluster; what runs there goes on. Needs --reason.

    Example: wsmon cluster drain cl1 --reason "a new image"
    """
    with engine(ctx) as opened:
        found = drain(opened.commands, name, reason)
    if as_json:
        print_json(cluster_document(found))
    else:
        say(f"{name} is draining; {len(found.claims)} still run there")


@cluster_.command("resume")
@click.argument("name", metavar="NAME")
@json_option
@common_options
@click.pass_context
def resume_(ctx: click.Context, name: str, as_json: bool) -> None:
    """Let new work start on a cluster again.

    Example: wsmon cluster resume cl1
    """
    with engine(ctx) as opened:
        found = resume(opened.commands, name)
    if as_json:
        print_json(cluster_document(found))
    else:
        say(f"{name} takes new work again")


@cluster_.command("forget")
@click.argument("name", metavar="NAME")
@click.option("--reason", help="How you know; it stays in the cluster's history.")
@common_options
@click.pass_context
def forget_(ctx: click.Context, name: str, reason: str | None) -> None:
    """Say that a cluster is gone: it is listed and counted no longer. Only one without work; needs --reason.

    Example: wsmon cluster forget cl1 --reason "its stack was deleted by hand"
    """
    with engine(ctx) as opened:
        forget(opened.commands, name, reason)
    say(f"{name} is gone; its history stays")


@click.command()
@id_argument
@click.option("-f", "--follow", is_flag=True, help="Go on until the run has ended.")
@click.option(
    "--bytes", "limit", type=click.IntRange(min=1), default=16_384, show_default=True, help="How much of its end."
)
@common_options
@click.pass_context
def logs(ctx: click.Context, workset_id: str, follow: bool, limit: int) -> None:
    """Show the end of the output of a workset's last run, wherever it ran.

    Example: wsmon logs ws-001 -f
    """
    with engine(ctx) as opened:
        workset = opened.commands.get(workset_id)
        text, offset = opened.run_log(workset, None, limit)
        _show(text)
        while follow:
            running = _runs(opened, workset)
            text, offset = opened.run_log(workset, offset)
            _show(text)
            if not text and not running:
                return
            if not text:
                opened.clock.sleep(LOOK_SECONDS)


def _runs(opened: Engine, workset: Workset) -> bool:
    """Whether this very run is still in progress."""
    now = opened.commands.get(workset.workset_id)
    return now.state is WorksetState.IN_PROGRESS and now.run == workset.run


def _show(text: str) -> None:
    """Output as it came, but nothing a terminal would obey."""
    sys.stdout.write(visible(text, lines=True))
    sys.stdout.flush()

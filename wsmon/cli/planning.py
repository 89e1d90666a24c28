"""Why something waits, and what would start: the scheduler's own objects, printed."""

from __future__ import annotations

from typing import Any

import click

from wsmon.cli.completing import id_argument
from wsmon.cli.options import common_options, engine
from wsmon.cli.output import print_facts, print_json, print_table, say
from wsmon.cli.reading import json_option
from wsmon.domain.errors import InvalidInput
from wsmon.domain.needs import microdollars
from wsmon.domain.pool import ClusterRecord
from wsmon.domain.scheduling import Action, Decision
from wsmon.domain.spec import check_name, parse_priority, shown
from wsmon.domain.states import WorksetPriority
from wsmon.domain.times import Instant, age, isoformat
from wsmon.services.documents import decision_document, verdict_documents
from wsmon.services.scheduler import Assumptions

ASSUMED_SLOTS = 3
_CAPACITIES = {"slots": int, "vcpus": int, "memory_mib": int, "storage_gib": int, "cost": float}


@click.command()
@id_argument
@json_option
@common_options
@click.pass_context
def why(ctx: click.Context, workset_id: str, as_json: bool) -> None:
    """Show why a workset waits, or why it runs where it runs: every cluster's verdict with its numbers.

    Example: wsmon why ws-001
    """
    with engine(ctx) as opened:
        found = opened.commands.get(workset_id)
        document = opened.scheduler().why(workset_id, found)
    if as_json:
        print_json(document)
    elif document is None:
        say(f"{workset_id} is {found.state.value}; no decision about it is known")
    else:
        clusters = document.pop("clusters", [])
        print_facts({name: value for name, value in document.items() if value is not None})
        print_verdicts(clusters)


def print_verdicts(clusters: list[dict[str, Any]]) -> None:
    """A line for each cluster."""
    lines = ((c["cluster"], c["verdict"], c["score"], "; ".join(c["reasons"])) for c in clusters)
    print_table(("CLUSTER", "VERDICT", "SCORE", "BECAUSE"), lines)


@click.command()
@click.option(
    "--as-if",
    metavar="CHANGES",
    multiple=True,
    help="What to take for granted: add-cluster=NAME[:slots=3:vcpus=96:memory_mib=...:cost=0.05:zone=us-west-2d],"
    " budget=DOLLARS, priority=ID:TIER; several with commas.",
)
@click.option("--all", "everything", is_flag=True, help="Also what would wait.")
@json_option
@common_options
@click.pass_context
def plan(ctx: click.Context, as_if: tuple[str, ...], everything: bool, as_json: bool) -> None:
    """Show what would start now and where. Starts nothing.

    Example: wsmon plan --as-if add-cluster=c9:slots=3,budget=200
    """
    with engine(ctx) as opened:
        scheduler = opened.scheduler()
        made = scheduler.outlook(assumed=assumptions(as_if, opened.clock.now()))
        creation = "" if as_json else opened.creation()
        heads = {one.cluster: one for one in made.starts()}.values()  # one of each cluster speaks for it
        unattended = set() if as_json else {scheduler.unattended(made, one) for one in heads}
    decisions = [one for one in made.decisions if everything or one.action is not Action.WAIT]
    if as_json:
        print_json([{**decision_document(d), "clusters": verdict_documents(d.clusters)} for d in decisions])
        return
    columns = ("POS", "PRIORITY", "ID", "ACTION", "CLUSTER", "STARTS")
    print_table(columns, (_line(decision, made.now) for decision in decisions))
    if creation:
        say(f"(making clusters: {creation})")
    if unattended and "" not in unattended:
        say(f"(but nobody starts them now: {'; '.join(sorted(unattended))})")
    waiting = len(made.decisions) - len(decisions)
    if not everything and waiting:
        say(f"({waiting}{'' if made.complete else ' or more'} would wait; --all shows them)")


def _line(decision: Decision, now: Instant) -> tuple[object, ...]:
    start = decision.estimated_start
    when = "unknown" if start is None else "now" if start <= now else f"in {age((start - now) / 1e6)}"
    if start is not None and start > now:
        when += f" ({isoformat(start)[:16]}Z)"
    where = decision.cluster or decision.makes
    return decision.position, decision.priority.value, decision.workset_id, decision.action.value, where, when


def assumptions(texts: tuple[str, ...], now: Instant) -> Assumptions:
    """What `--as-if` says. Raises InvalidInput naming the part that cannot be read."""
    clusters: list[ClusterRecord] = []
    budget: int | None = None
    priorities: list[tuple[str, WorksetPriority]] = []
    for part in (part for text in texts for part in text.split(",") if part):
        name, _, value = part.partition("=")
        if name == "add-cluster" and value:
            clusters.append(_cluster(value, now))
        elif name == "budget" and value:
            budget = microdollars(_number("budget", value, float))
        elif name == "priority" and ":" in value:
            workset_id, _, tier = value.rpartition(":")
            priorities.append((workset_id, parse_priority(tier)))
        else:
            raise InvalidInput(
                f"--as-if {shown(part)} is not known; use add-cluster=NAME, budget=DOLLARS or priority=ID:TIER"
            )
    return Assumptions(tuple(clusters), budget, tuple(priorities))


def _cluster(text: str, now: Instant) -> ClusterRecord:
    name, *facts = text.split(":")
    given: dict[str, Any] = {"slots": ASSUMED_SLOTS}
    for fact in facts:
        key, _, value = fact.partition("=")
        if key == "zone" and value:
            given["zone"] = check_name("zone", value)
            continue
        if key not in _CAPACITIES:
            raise InvalidInput(f"--as-if add-cluster knows {', '.join(_CAPACITIES)}, zone; not {shown(key)}")
        given["cost_per_vcpu_hour" if key == "cost" else key] = _number(key, value, _CAPACITIES[key])
    return ClusterRecord(check_name("cluster", name), updated_at=now, kind="assumed", **given)


def _number(what: str, text: str, kind: type[Any]) -> Any:
    try:
        number = kind(text)
    except ValueError:
        number = -1
    if not 0 <= number < 1e12:
        raise InvalidInput(f"--as-if {what}={shown(text)} must be a number from 0 on")
    return number

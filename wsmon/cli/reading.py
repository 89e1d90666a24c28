"""Commands that only look."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import click

from wsmon.cli.options import common_options, engine
from wsmon.cli.output import print_facts, print_json, print_table, say
from wsmon.domain.errors import NotFound
from wsmon.domain.spec import check_name
from wsmon.domain.states import WorksetPriority, WorksetState
from wsmon.domain.times import age
from wsmon.domain.workset import Row, queue_moment
from wsmon.engine import Engine
from wsmon.services.documents import event_document, lease_document, row_document, workset_document

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document on one line.")
PERSON_LIMIT = 100


@click.command("list")
@click.option(
    "--state", type=click.Choice([state.value for state in WorksetState]), help="Only this state; by default all."
)
@click.option("--priority", type=click.Choice([priority.value for priority in WorksetPriority]), help="Only this tier.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many; on a terminal 100 by default.")
@click.option("--all", "everything", is_flag=True, help="All of them, on a terminal too.")
@json_option
@common_options
@click.pass_context
def list_(
    ctx: click.Context,
    state: str | None,
    priority: str | None,
    limit: int | None,
    everything: bool,
    as_json: bool,
) -> None:
    """List worksets in queue order.

    Example: wsmon list --state ready --json
    """
    with engine(ctx) as opened:
        if limit is None and not everything and not as_json and sys.stdout.isatty():
            limit = PERSON_LIMIT
        found = list(islice(_rows(opened, state, priority), limit))
        if as_json:
            print_json([row_document(row) for row in found])
            return
        now = opened.clock.now()
        columns = ("PRIORITY", "STATE", "ID", "OWNER", "AGE", "ATTEMPT", "ERROR")
        print_table(columns, (_line(row, now) for row in found))
        if limit is not None and len(found) == limit and sys.stdout.isatty():
            say(f"(the first {limit}; --all shows all)")


def _rows(opened: Engine, state: str | None, priority: str | None) -> Iterator[Row]:
    for one in [WorksetState(state)] if state else WorksetState:
        for row in opened.commands.rows(one, WorksetPriority(priority) if priority else None):
            if priority is None or row.priority == priority:
                yield row


def _line(row: Row, now: int) -> tuple[object, ...]:
    waited = age((now - queue_moment(row)) / 1e6)
    return row.priority.value, row.state.value, row.workset_id, row.holder, waited, row.attempt, row.error


@click.command()
@click.argument("workset_id", metavar="ID")
@json_option
@common_options
@click.pass_context
def show(ctx: click.Context, workset_id: str, as_json: bool) -> None:
    """Show everything about a workset.

    Example: wsmon show ws-001
    """
    with engine(ctx) as opened:
        document = workset_document(opened.commands.get(workset_id))
        lease = opened.store.lease(workset_id)
        document["lock"] = lease_document(lease) if lease else None
        if as_json:
            print_json(document)
        else:
            print_facts(document)


@click.command()
@click.argument("workset_id", metavar="ID")
@json_option
@common_options
@click.pass_context
def history(ctx: click.Context, workset_id: str, as_json: bool) -> None:
    """Show a workset's events, oldest first; a purged one's too.

    Example: wsmon history ws-001
    """
    with engine(ctx) as opened:
        events = opened.store.history(check_name("workset id", workset_id))
        if not events:
            raise NotFound(workset_id)
        if as_json:
            print_json([event_document(event) for event in events])
            return
        lines = [event_document(event) for event in events]
        columns = ("SEQ", "AT", "VERB", "STATE", "TOKEN", "ACTOR", "REASON", "ERROR")
        names = ("seq", "at", "verb", "after", "token", "actor", "reason")
        print_table(columns, ([*(e[name] for name in names), _error(e["detail"] or {})] for e in lines))


def _error(detail: Mapping[str, Any]) -> str | None:
    """What an event says of a failure: its category and its text."""
    parts = [str(detail[name]) for name in ("category", "details") if detail.get(name)]
    return ": ".join(parts) or None


@click.command("next")
@json_option
@common_options
@click.pass_context
def next_(ctx: click.Context, as_json: bool) -> None:
    """Show what a monitor would claim first.

    Example: wsmon next --json
    """
    with engine(ctx) as opened:
        row = opened.commands.next(opened.settings.scheduler.policy())
        if as_json:
            print_json(row_document(row) if row else None)
        elif row is None:
            say("nothing waits")
        else:
            print_facts(row_document(row))

"""Commands that only look."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from wsmon.cli.completing import id_argument
from wsmon.cli.options import common_options, engine
from wsmon.cli.output import print_facts, print_json, print_table, say
from wsmon.domain.errors import NotFound
from wsmon.domain.spec import check_name
from wsmon.services.documents import event_document, lease_document, row_document, standing_of, workset_document

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document on one line.")


@click.command()
@id_argument
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
@id_argument
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
        lines = [{**event_document(event), "after": standing_of(event)} for event in events]
        columns = ("SEQ", "AT", "VERB", "STATE", "TOKEN", "ACTOR", "REASON", "ERROR")
        names = ("seq", "at", "verb", "after", "token", "actor")
        print_table(columns, ([*(e[name] for name in names), _reason(e), _error(e["detail"] or {})] for e in lines))


def _reason(event: Mapping[str, Any]) -> str | None:
    """Why it came to an event; of progress, the step that was reached."""
    step = (event["detail"] or {}).get("step")
    return event["reason"] or (f"step {step}" if step else None)


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

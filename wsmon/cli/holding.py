"""What a script does that works on a workset itself: take the lock, renew it, say how far it has come."""

from __future__ import annotations

import click

from wsmon.cli.completing import id_argument
from wsmon.cli.given import parse_json
from wsmon.cli.options import common_options, engine
from wsmon.cli.output import print_json, say
from wsmon.cli.reading import json_option
from wsmon.domain.states import ErrorCategory, WorksetState
from wsmon.services.documents import lease_document, workset_document

SECONDS = 3600.0


@click.command()
@id_argument
@click.option("--owner", required=True, help="Who holds it.")
@click.option("--seconds", type=float, help="For how long, unless renewed; by default an hour.")
@click.option("--renew", is_flag=True, help="Not anew: by its whole duration once more, before it has passed.")
@json_option
@common_options
@click.pass_context
def lock(ctx: click.Context, workset_id: str, owner: str, seconds: float | None, renew: bool, as_json: bool) -> None:
    """Take the lock of a workset that is ready, or renew one's own.

    Example: wsmon lock ws-001 --owner nightly --seconds 600
    """
    if renew and seconds is not None:
        raise click.UsageError("--renew goes by the duration it was taken for; leave --seconds out")
    with engine(ctx) as opened:
        if renew:
            lease = opened.commands.refresh(workset_id, holder=owner)
        else:
            lease = opened.commands.acquire(workset_id, holder=owner, seconds=SECONDS if seconds is None else seconds)
    if as_json:
        print_json(lease_document(lease))
    else:
        done = "still locked" if renew else "locked"
        say(f"{workset_id}: {done} by {owner} for {lease.duration:g} s under token {lease.token}")


@click.command()
@id_argument
@click.argument("target", metavar="STATE", type=click.Choice([state.value for state in WorksetState]))
@click.option("--owner", help="Whose lock it is said under; refused once another holds it. Without it: whoever does.")
@click.option("--reason", help="Why; while it is in progress, the step it has come to.")
@click.option("--error", "details", help="What went wrong.")
@click.option("--category", type=click.Choice([category.value for category in ErrorCategory]), help="Of a failure.")
@click.option("--step", "failed_step", help="The step that failed.")
@click.option("--cluster", help="Where it runs.")
@click.option("--metrics", metavar="JSON", help="A JSON object of figures, with in_progress, complete and failures.")
@json_option
@common_options
@click.pass_context
def state(
    ctx: click.Context,
    workset_id: str,
    target: str,
    owner: str | None,
    reason: str | None,
    details: str | None,
    category: str | None,
    failed_step: str | None,
    cluster: str | None,
    metrics: str | None,
    as_json: bool,
) -> None:
    """Move a workset to a state, where the table of verbs has a way there: in_progress, complete, error and so on.

    Example: wsmon state ws-001 in_progress --owner nightly --reason "aligning"
    """
    from wsmon.services.targets import Target, move

    wanted = Target(
        WorksetState(target),
        reason,
        details,
        ErrorCategory(category) if category else None,
        failed_step,
        cluster,
        parse_json("--metrics", metrics) if metrics is not None else {},
    )
    with engine(ctx) as opened:
        after = move(opened.commands, workset_id, wanted, owner=owner)
    if as_json:
        print_json(workset_document(after))
    else:
        say(f"{workset_id}: {after.state.value}")

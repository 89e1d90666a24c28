"""Commands that change one workset, each a few lines around one verb."""

from __future__ import annotations

import click

from wsmon.cli.options import common_options, engine
from wsmon.cli.output import confirmed, print_json, say
from wsmon.cli.reading import json_option
from wsmon.domain.errors import InvalidInput
from wsmon.domain.spec import check_name, check_reason, parse_priority
from wsmon.domain.states import WorksetState
from wsmon.domain.workset import Workset
from wsmon.engine import Engine
from wsmon.services import asking
from wsmon.services.documents import lease_document, workset_document

id_argument = click.argument("workset_id", metavar="ID")
reason_option = click.option("--reason", help="Why; kept in the history.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


def _agreed(opened: Engine, verb: str, workset_id: str, *, yes: bool) -> Workset:
    """The workset as it stands, once the verb is possible from there and whoever is there to be asked has agreed."""
    opened.commands.allow()
    before, now = opened.commands.get(workset_id), opened.clock.now()
    asking.possible(verb, before, now)
    if not yes:
        shown = asking.facts(before, opened.store.lease(workset_id), now, before.state.value)
        what = f"{verb} {workset_id}"
        confirmed(what, shown, asking.consequence(verb, before), yes=yes, must=asking.loses(verb, before))
    return before


def _tell(workset: Workset, what: str, as_json: bool) -> None:
    if as_json:
        print_json(workset_document(workset))
    else:
        say(f"{workset.workset_id}: {what}")


@click.command()
@id_argument
@click.option("--owner", required=True, help="Who holds it.")
@click.option("--seconds", type=float, default=3600.0, show_default=True, help="For how long, unless refreshed.")
@json_option
@common_options
@click.pass_context
def lock(ctx: click.Context, workset_id: str, owner: str, seconds: float, as_json: bool) -> None:
    """Take the lock of a workset that is ready.

    Example: wsmon lock ws-001 --owner nightly --seconds 600
    """
    with engine(ctx, looking=True) as opened:
        lease = opened.commands.acquire(workset_id, holder=owner, seconds=seconds)
        if as_json:
            print_json(lease_document(lease))
        else:
            say(f"{workset_id}: locked by {owner} for {seconds:g} s under token {lease.token}")


@click.command()
@id_argument
@click.option("--owner", help="Give back the lock this owner holds.")
@click.option("--force", is_flag=True, help="End anybody's lock; needs --reason.")
@reason_option
@yes_option
@json_option
@common_options
@click.pass_context
def unlock(
    ctx: click.Context,
    workset_id: str,
    owner: str | None,
    force: bool,
    reason: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Give a lock back (--owner), or end it by force. A run is not touched.

    Example: wsmon unlock ws-001 --force --reason "its monitor is gone"
    """
    if force == (owner is not None):
        raise click.UsageError("give either --owner, or --force with --reason")
    with engine(ctx, looking=True) as opened:
        if owner is not None:
            check_name("owner", owner)
            token = opened.commands.token_of(workset_id, owner)
            released = opened.commands.release(workset_id, token=token)
            done = "released" if released else "done; its lock had ended already, it was released"
            _tell(opened.commands.get(workset_id), f"{done} by {owner}", as_json)
            return
        if not reason:
            raise InvalidInput("--force needs a --reason; say in a few words why")
        before = _agreed(opened, "unlock", workset_id, yes=yes)
        untouched = "; its run goes on" if before.state is WorksetState.IN_PROGRESS else ""
        after = opened.commands.unlock(workset_id, reason=reason, seen=before.rev)
        _tell(after, f"unlocked; it was held by {before.holder}{untouched}", as_json)


@click.command()
@id_argument
@reason_option
@yes_option
@json_option
@common_options
@click.pass_context
def requeue(ctx: click.Context, workset_id: str, reason: str | None, yes: bool, as_json: bool) -> None:
    """Put a finished or unattended workset back into the queue; needs --reason.

    Example: wsmon requeue ws-001 --reason "input was repaired"
    """
    with engine(ctx, looking=True) as opened:
        check_reason(reason, needed=True)
        before = _agreed(opened, "requeue", workset_id, yes=yes)
        after = opened.commands.requeue(workset_id, reason=reason or "", seen=before.rev)
        _tell(after, f"ready again; it was {before.state.value}", as_json)


@click.command()
@id_argument
@click.argument("priority", metavar="urgent|normal|low")
@reason_option
@json_option
@common_options
@click.pass_context
def priority(ctx: click.Context, workset_id: str, priority: str, reason: str | None, as_json: bool) -> None:
    """Move a workset to another tier.

    Example: wsmon priority ws-001 urgent
    """
    with engine(ctx, looking=True) as opened:
        after = opened.commands.set_priority(workset_id, parse_priority(priority), reason=reason)
        _tell(after, f"now {after.priority.value}", as_json)


def _simple(name: str, done: str, text: str) -> click.Command:
    """A verb that needs an id and may have a reason."""

    def run(ctx: click.Context, workset_id: str, reason: str | None, yes: bool, as_json: bool) -> None:
        with engine(ctx, looking=True) as opened:
            before = _agreed(opened, name, workset_id, yes=yes)
            after = getattr(opened.commands, name)(workset_id, reason=reason, seen=before.rev)
            if after is None:
                say(f"{workset_id}: {done}")
            else:
                _tell(after, done, as_json)

    run.__doc__ = text
    with_options = id_argument(reason_option(yes_option(json_option(common_options(click.pass_context(run))))))
    return click.command(name)(with_options)


ignore = _simple("ignore", "ignored", "Take a workset out of the queue until a requeue.")
cancel = _simple("cancel", "cancel asked; its holder ends the run", "Ask for the end of a held workset.")
archive = _simple("archive", "archived", "Put a finished workset away.")
restore = _simple("restore", "restored", "Bring an archived workset back.")
delete = _simple("delete", "deleted; a purge takes it away", "Mark a workset deleted.")
purge = _simple("purge", "purged; its history stays", "Take a deleted workset away for good.")

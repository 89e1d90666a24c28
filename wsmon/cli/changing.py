"""Commands that change worksets, each a few lines around one verb."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from wsmon.cli import exits
from wsmon.cli.many import Wanted, carry, on_worksets
from wsmon.cli.options import common_options, engine
from wsmon.cli.output import print_json, say
from wsmon.domain.errors import InvalidInput
from wsmon.domain.spec import check_name, check_reason, parse_priority
from wsmon.domain.states import WorksetState
from wsmon.domain.workset import Workset
from wsmon.engine import Engine
from wsmon.services.documents import workset_document


@click.command()
@click.option("--owner", help="Give back the lock this owner holds.")
@click.option("--force", is_flag=True, help="End anybody's lock; needs --reason.")
@on_worksets
@common_options
@click.pass_context
def unlock(ctx: click.Context, /, owner: str | None, force: bool, **given: Any) -> int:
    """Give a lock back (--owner), or end locks by force. A run is not touched.

    Example: wsmon unlock ws-001 --force --reason "its monitor is gone"
    """
    wanted = Wanted(**given)
    if force == (owner is not None):
        raise click.UsageError("give either --owner, or --force with --reason")
    if owner is not None and (wanted.filter_text is not None or len(wanted.workset_ids) != 1 or wanted.dry_run):
        raise click.UsageError("--owner gives back one lock: name one ID")
    with engine(ctx) as opened:
        if owner is not None:
            _release(opened, wanted, owner)
            return exits.DONE
        if not wanted.reason:
            raise InvalidInput("--force needs a --reason; say in a few words why")
        return carry(opened, "unlock", wanted, _unlocked)


def _release(opened: Engine, wanted: Wanted, owner: str) -> None:
    (workset_id,) = wanted.workset_ids
    token = opened.commands.token_of(workset_id, check_name("owner", owner))
    released = opened.commands.release(workset_id, token=token)
    done = "released" if released else "done; its lock had ended already, it was released"
    _tell(opened.commands.get(workset_id), f"{done} by {owner}", wanted.as_json)


def _tell(workset: Workset, what: str, as_json: bool) -> None:
    if as_json:
        print_json(workset_document(workset))
    else:
        say(f"{workset.workset_id}: {what}")


def _unlocked(before: Workset, after: Workset | None) -> str:
    told = "; its run goes on" if before.state is WorksetState.IN_PROGRESS else ""
    if after is not None and after.state is WorksetState.IGNORED:
        told = "; a cancel was asked for, so it is ignored now"
    return f"unlocked; it was held by {before.holder}{told}"


@click.command()
@on_worksets
@common_options
@click.pass_context
def requeue(ctx: click.Context, /, **given: Any) -> int:
    """Put finished or unattended worksets back into the queue; needs --reason.

    Example: wsmon requeue --filter "error category:transient age<1d" --reason "the cluster is back"
    """
    wanted = Wanted(**given)
    with engine(ctx) as opened:
        check_reason(wanted.reason, needed=True)
        return carry(opened, "requeue", wanted, lambda before, _: f"ready again; it was {before.state.value}")


@click.command()
@on_worksets
@click.argument("tier", metavar="urgent|normal|low", shell_complete=lambda *_: ["urgent", "normal", "low"])
@common_options
@click.pass_context
def priority(ctx: click.Context, /, tier: str, **given: Any) -> int:
    """Move worksets to another tier.

    Example: wsmon priority ws-001 urgent
    """
    wanted, value = Wanted(**given), parse_priority(tier).value
    with engine(ctx) as opened:
        return carry(opened, "priority", wanted, lambda *_: f"now {value}", value=value, asks=False)


@click.command()
@on_worksets
@click.option("--cluster", metavar="NAME", help="The cluster they start on, and on no other.")
@click.option("--none", "untie", is_flag=True, help="Untie them: any cluster that fits.")
@common_options
@click.pass_context
def affinity(ctx: click.Context, /, cluster: str | None, untie: bool, **given: Any) -> int:
    """Tie worksets to a cluster, or untie them.

    Example: wsmon affinity ws-001 --cluster cl1
    """
    wanted = Wanted(**given)
    if untie == (cluster is not None):
        raise click.UsageError("give either --cluster NAME, or --none")
    if cluster is not None:
        check_name("cluster", cluster)
    done = f"tied to {cluster}" if cluster is not None else "tied to no cluster"
    with engine(ctx) as opened:
        return carry(opened, "affinity", wanted, lambda *_: done, value=cluster or "", asks=False)


def _simple(name: str, done: str, text: str) -> click.Command:
    """A verb that needs worksets and may have a reason."""

    def run(ctx: click.Context, /, **given: Any) -> int:
        wanted = Wanted(**given)
        with engine(ctx) as opened:
            return carry(opened, name, wanted, lambda *_: done)

    run.__doc__ = f"{text}\n\n    Example: wsmon {name} ws-001"
    made: Callable[..., Any] = on_worksets(common_options(click.pass_context(run)))
    return click.command(name)(made)


ignore = _simple("ignore", "ignored", "Take worksets out of the queue until a requeue.")
cancel = _simple("cancel", "cancel asked; its holder ends the run", "Ask for the end of held worksets.")
archive = _simple("archive", "archived", "Put finished worksets away.")
restore = _simple("restore", "restored", "Bring archived worksets back.")
delete = _simple("delete", "deleted; a purge takes it away", "Mark worksets deleted.")
purge = _simple("purge", "purged; its history stays", "Take deleted worksets away for good.")

"""One verb, one workset or many: what the command line names, what is shown of it, and what came of it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import click

from wsmon.cli import exits
from wsmon.cli.completing import completed_ids
from wsmon.cli.options import FILTER_HELP
from wsmon.cli.output import ask, confirmed, print_json, say
from wsmon.domain.errors import Refused
from wsmon.domain.visible import visible
from wsmon.domain.workset import Workset
from wsmon.engine import Engine
from wsmon.services import asking
from wsmon.services.bulk import Chosen, Outcome, by_filter, by_ids, carry_out
from wsmon.services.bulk import say as say_verb
from wsmon.services.documents import workset_document

SHOWN = 20
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line says: on which worksets, and how."""

    workset_ids: tuple[str, ...]
    filter_text: str | None
    reason: str | None
    yes: bool
    dry_run: bool
    as_json: bool

    def __post_init__(self) -> None:
        if bool(self.workset_ids) == (self.filter_text is not None):
            raise click.UsageError("name worksets by ID, or say which with --filter; one of the two")
        if self.filter_text is not None and not self.filter_text.strip():
            raise click.UsageError("an empty --filter would take everything; if that is what you want, write id:*")


def on_worksets(function: F) -> F:
    """Add what names one workset or many, and how to go about it; the function takes them as one dict, `given`."""
    options = (
        click.argument("workset_ids", metavar="[ID]...", nargs=-1, shell_complete=completed_ids),
        click.option("--filter", "filter_text", metavar="FILTER", help=f"Instead of IDs. {FILTER_HELP}"),
        click.option("--reason", help="Why; kept in the history."),
        click.option("--yes", is_flag=True, help="Do not ask."),
        click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing."),
        click.option("--json", "as_json", is_flag=True, help="One JSON document on one line."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def carry(
    opened: Engine,
    verb: str,
    wanted: Wanted,
    told: Callable[[Workset, Workset | None], str],
    *,
    value: str | None = None,
    asks: bool = True,
) -> int:
    """Say a verb to what is wanted; the exit code. `told` says of one before and after what was done.

    One workset named by its id is asked about where the verb `asks`; many always are.
    """
    opened.commands.allow()
    if len(wanted.workset_ids) == 1 and not wanted.dry_run:
        return _one(opened, verb, wanted, told, value=value, asks=asks)
    chosen = _chosen(opened, verb, wanted)
    if wanted.dry_run or not chosen.possible:
        _say_chosen(verb, chosen, wanted)
        return exits.REFUSED if chosen.impossible and not chosen.possible else exits.DONE
    if not wanted.yes:
        lines = list(_shown(verb, chosen))
        if not sys.stdin.isatty():
            raise Refused(f"{lines[0]} nobody can be asked here; --dry-run shows them, --yes does it")
        ask(lines)
    return _many(opened, verb, chosen, wanted, value)


def _one(
    opened: Engine,
    verb: str,
    wanted: Wanted,
    told: Callable[[Workset, Workset | None], str],
    *,
    value: str | None,
    asks: bool,
) -> int:
    (workset_id,) = wanted.workset_ids
    before, now = opened.commands.get(workset_id), opened.clock.now()
    asking.possible(verb, before, now)
    if asks and not wanted.yes:
        shown = asking.facts(before, opened.store.lease(workset_id), now, before.state.value)
        consequence, must = asking.consequence(verb, before), asking.loses(verb, before)
        confirmed(f"{verb} {workset_id}", shown, consequence, yes=False, must=must)
    after = say_verb(opened.commands, verb, before, reason=wanted.reason, value=value)
    if wanted.as_json and after is not None:
        print_json(workset_document(after))
    else:
        say(f"{workset_id}: {told(before, after)}")
    return exits.DONE


def _chosen(opened: Engine, verb: str, wanted: Wanted) -> Chosen:
    if wanted.filter_text is None:
        return by_ids(opened.commands, verb, wanted.workset_ids)
    from wsmon.domain.filters import parse_filter

    return by_filter(opened.commands, verb, parse_filter(wanted.filter_text))


def _shown(verb: str, chosen: Chosen) -> Iterator[str]:
    """What would be done to what, in lines."""
    yield f"{verb} {_count(chosen.possible)}: {_states(chosen.possible)}?"
    for one in chosen.possible[:SHOWN]:
        owner = f", held by {one.holder}" if one.holder else ""
        failure = f", {one.failure.details}" if one.failure else ""
        yield f"  {visible(one.workset_id)}  {visible(f'{one.state.value}{owner}{failure}')[:100]}"
    if len(chosen.possible) > SHOWN:
        yield f"  ... and {len(chosen.possible) - SHOWN} more; --dry-run --json lists them all"
    if chosen.impossible:
        yield f"{_count(chosen.impossible)} more cannot from there and stay as they are: {_states(chosen.impossible)}"
    for text, times in Counter(asking.consequence(verb, one) for one in chosen.possible).most_common():
        yield f"{text} ({times})"


def _say_chosen(verb: str, chosen: Chosen, wanted: Wanted) -> None:
    if wanted.as_json:
        print_json(
            [
                {"workset_id": one.workset_id, "state": one.state.value, "outcome": outcome, "problem": None}
                for outcome, found in (("would be done", chosen.possible), ("not possible", chosen.impossible))
                for one in found
            ]
        )
    elif chosen.possible:
        for line in _shown(verb, chosen):
            say(line)
    else:
        cannot = f"; {_count(chosen.impossible)} cannot: {_states(chosen.impossible)}" if chosen.impossible else ""
        say(f"nothing to {verb}{cannot}")


def _many(opened: Engine, verb: str, chosen: Chosen, wanted: Wanted, value: str | None) -> int:
    """Each as it was shown; what changed meanwhile is left alone and told of."""
    outcomes: list[Outcome] = []
    try:
        with _advancing(verb, len(chosen.possible)) as advance:
            for outcome in carry_out(opened.commands, verb, chosen.possible, reason=wanted.reason, value=value):
                outcomes.append(outcome)
                advance()
    finally:
        _say_outcomes(verb, outcomes, len(chosen.possible), wanted)
    return exits.REFUSED if any(one.error for one in outcomes) else exits.DONE


def _say_outcomes(verb: str, outcomes: Sequence[Outcome], total: int, wanted: Wanted) -> None:
    refused = [one for one in outcomes if one.error is not None]
    if wanted.as_json:
        print_json([_document(one) for one in outcomes])
        return
    for one in islice(refused, SHOWN):
        click.echo(visible(f"{one.workset_id}: {one.error}"), err=True)
    left = f", {total - len(outcomes)} not come to" if len(outcomes) < total else ""
    say(f"{verb}: {len(outcomes) - len(refused)} done, {len(refused)} refused{left}")


def _document(outcome: Outcome) -> dict[str, Any]:
    after = outcome.after
    return {
        "workset_id": outcome.workset_id,
        "state": after.state.value if after is not None else None,
        "outcome": "done" if outcome.error is None else "refused",
        "problem": str(outcome.error) if outcome.error else None,
    }


def _count(found: Sequence[object]) -> str:
    return f"{len(found)} workset" + ("" if len(found) == 1 else "s")


def _states(found: Iterable[Workset]) -> str:
    return ", ".join(f"{times} {state}" for state, times in Counter(one.state.value for one in found).items())


@contextmanager
def _advancing(what: str, total: int) -> Iterator[Callable[[], object]]:
    """What to call after each; a bar on a terminal."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task(what, total=total)
        yield lambda: progress.advance(task)

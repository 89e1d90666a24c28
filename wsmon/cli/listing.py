"""`wsmon list`: worksets by filters, in the order and with the columns that are asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from wsmon.cli.options import FILTER_HELP, common_options, engine
from wsmon.cli.output import print_json, print_table, say
from wsmon.cli.reading import json_option
from wsmon.domain.errors import InvalidInput
from wsmon.domain.states import WorksetPriority, WorksetState
from wsmon.domain.times import Instant, age, isoformat, micros
from wsmon.domain.workset import Row, queue_moment
from wsmon.services.documents import row_document
from wsmon.services.listing import Query, everything

if TYPE_CHECKING:
    from wsmon.domain.filters import Filter

PERSON_LIMIT = 100
DEFAULT_COLUMNS = "priority,state,id,owner,age,attempt,error"


def _moment(at: Instant | None) -> str | None:
    return None if at is None else isoformat(at)


# name -> (what is shown, given the row and now; what it is sorted by)
COLUMNS: dict[str, tuple[Callable[[Row, Instant], Any], Callable[[Row], Any]]] = {
    "priority": (lambda row, _: row.priority.value, lambda row: row.priority.tier),
    "state": (lambda row, _: row.state.value, lambda row: list(WorksetState).index(row.state)),
    "id": (lambda row, _: row.workset_id, lambda row: row.workset_id),
    "owner": (lambda row, _: row.holder, lambda row: row.holder or ""),
    "age": (lambda row, now: age((now - queue_moment(row)) / 1e6), lambda row: -queue_moment(row)),
    "attempt": (lambda row, _: row.attempt, lambda row: row.attempt),
    "error": (lambda row, _: row.error, lambda row: row.error or ""),
    "category": (lambda row, _: row.category, lambda row: row.category or ""),
    "cluster": (lambda row, _: row.cluster, lambda row: row.cluster or ""),
    "step": (lambda row, _: row.current_step, lambda row: row.current_step or ""),
    "bucket": (lambda row, _: row.bucket, lambda row: row.bucket),
    "prefix": (lambda row, _: row.prefix, lambda row: row.prefix),
    "token": (lambda row, _: row.token, lambda row: row.token),
    "registered": (lambda row, _: _moment(row.registered_at), lambda row: row.registered_at or 0),
    "changed": (lambda row, _: _moment(row.updated_at), lambda row: row.updated_at),
}
NAMES = ", ".join(COLUMNS)


@click.command("list")
@click.option(
    "--state", type=click.Choice([state.value for state in WorksetState]), help="Only this state; by default all."
)
@click.option("--priority", type=click.Choice([priority.value for priority in WorksetPriority]), help="Only this tier.")
@click.option("--cluster", metavar="NAME", help="Only on this cluster.")
@click.option("--owner", metavar="NAME", help="Only those whose lock this one holds.")
@click.option("--id", "pattern", metavar="PATTERN", help="Only ids like this, such as 'RUN-2026*'.")
@click.option("--changed-since", metavar="DURATION", help="Only what changed within 30m, 4h or 7d.")
@click.option("--filter", "text", metavar="FILTER", help=FILTER_HELP)
@click.option("--columns", metavar="NAMES", help=f"Which, with commas: {NAMES}.")
@click.option("--sort", metavar="NAME", help="By this column; -NAME turns it. By default states, each in queue order.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many; on a terminal 100 by default.")
@click.option("--all", "all_of_them", is_flag=True, help="All of them, on a terminal too.")
@json_option
@common_options
@click.pass_context
def list_(
    ctx: click.Context,
    state: str | None,
    priority: str | None,
    cluster: str | None,
    owner: str | None,
    pattern: str | None,
    changed_since: str | None,
    text: str | None,
    columns: str | None,
    sort: str | None,
    limit: int | None,
    all_of_them: bool,
    as_json: bool,
) -> None:
    """List worksets: a table on a terminal, tab-separated values in a pipe.

    Example: wsmon list --filter "error prio:urgent age>2h !cluster:use1*" --sort -age --columns id,age,error
    """
    names = [_column(name) for name in (columns or DEFAULT_COLUMNS).split(",")]
    within, wanted = _within(changed_since), _filter(text)
    with engine(ctx) as opened:
        now = opened.clock.now()
        if limit is None and not all_of_them and not as_json and sys.stdout.isatty():
            limit = PERSON_LIMIT
        query = Query(
            WorksetState(state) if state else None,
            WorksetPriority(priority) if priority else None,
            cluster,
            owner,
            pattern,
            now - micros(within) if within is not None else None,
            wanted,
            now,
        )
        found = list(islice(_sorted(everything(opened.store, query), sort), limit))
        if as_json:
            print_json([row_document(row) for row in found])
            return
        print_table([name.upper() for name in names], ([COLUMNS[n][0](row, now) for n in names] for row in found))
        if limit is not None and len(found) == limit and sys.stdout.isatty():
            say(f"(the first {limit}; --all shows all)")


def _within(duration: str | None) -> float | None:
    if duration is None:
        return None
    from wsmon.services.alarms import seconds_of  # what a plain list needs not, it does not load

    return seconds_of(duration)


def _filter(text: str | None) -> Filter | None:
    if text is None:
        return None
    from wsmon.domain.filters import parse_filter

    return parse_filter(text)


def _sorted(rows: Iterator[Row], sort: str | None) -> Iterator[Row]:
    """In queue order as they come, or by a column once all are read."""
    if sort is None:
        return rows
    turned = sort.startswith("-")
    return iter(sorted(rows, key=COLUMNS[_column(sort.removeprefix("-"))][1], reverse=turned))


def _column(name: str) -> str:
    known = name.strip().lower()
    if known not in COLUMNS:
        raise InvalidInput(f"there is no column {name[:40]!r}; known are {NAMES}")
    return known

"""What happened in the last days."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from typing import Any

import click

from wsmon.cli.options import common_options, engine
from wsmon.cli.output import print_facts, print_json, print_table, say
from wsmon.cli.reading import json_option
from wsmon.domain.reporting import Report
from wsmon.domain.times import micros
from wsmon.services.alarms import seconds_of

GROUPS = {"priorities": "priority", "clusters": "cluster", "worksets": "workset"}
SHOWN = ("by", "name", "completed", "failed", "retries", "wait_p50", "run_p50", "cost_usd")


@click.command()
@click.option("--since", "length", default="7d", show_default=True, metavar="LENGTH", help="How far back: 24h, 7d ...")
@click.option("--by", type=click.Choice(list(GROUPS.values())), help="Only these groups; workset: each by its id.")
@click.option("--csv", "as_csv", is_flag=True, help="Comma-separated values: one line a group.")
@json_option
@common_options
@click.pass_context
def report(ctx: click.Context, length: str, by: str | None, as_csv: bool, as_json: bool) -> None:
    """Throughput, waits, run times, failures, retries and cost, in all, by priority and by cluster, or by workset.

    Example: wsmon report --since 7d --json
    """
    with engine(ctx) as opened:
        now = opened.clock.now()
        since = now - micros(seconds_of(length))
        made = Report(since, now, by_workset=by == "workset")
        made.add(opened.store.between(since, now))
        document = {k: v for k, v in made.document().items() if by is None or GROUPS.get(k, by) == by}
        if as_json:
            print_json(document)
        elif as_csv:
            sys.stdout.write(_csv(document))
        else:
            print_facts({name: value for name, value in document.items() if name not in GROUPS})
            say("")
            groups = [line for line in _lines(document) if line["by"] != "all"]
            print_table([name.upper() for name in SHOWN], ([line[name] for name in SHOWN] for line in groups))


def _csv(document: dict[str, Any]) -> str:
    out = io.StringIO()
    lines = list(_lines(document))
    writer = csv.DictWriter(out, fieldnames=list(lines[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


def _lines(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    groups = [("all", "", document)]
    groups += [(word, name, group) for part, word in GROUPS.items() for name, group in document.get(part, {}).items()]
    for by, name, group in groups:
        line: dict[str, Any] = {"by": by, "name": _harmless(name)}
        for key in ("registered", "completed", "failed", "retries"):
            line[key] = group[key]
        for key in ("wait_seconds", "run_seconds"):
            for rank in ("p50", "p90", "p99", "max"):
                line[f"{key.removesuffix('_seconds')}_{rank}"] = (group[key] or {}).get(rank, "")
        line |= {name: group[name] for name in ("cost_usd", "cost_per_workset_usd")}
        yield line


def _harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text

"""Setting up the store, and the headless monitor."""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import socket
import threading
from typing import Any

import click

from wsmon.adapters.log import make_log
from wsmon.adapters.policies import KINDS, Watched, policy
from wsmon.cli import exits
from wsmon.cli.options import common_options, engine
from wsmon.cli.output import print_json, print_table, say
from wsmon.cli.reading import json_option
from wsmon.domain.errors import Conflict, InvalidInput
from wsmon.domain.spec import shown
from wsmon.engine import Engine
from wsmon.services.documents import decision_document
from wsmon.services.monitor import Monitor

CLOCK_STEP_SECONDS = 2.0
"""By so much a process may seem to have begun after it signed on: boot-time and wall clock are not one."""


class Seconds(click.ParamType[float]):
    """A duration over 0."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number. Raises click.BadParameter that says what would do."""
        try:
            seconds = float(value)
        except ValueError:
            seconds = math.nan
        if not 0 < seconds < math.inf:
            self.fail(f"{shown(value)} is no number of seconds over 0; such as 5 or 0.5", param, ctx)
        return seconds


@click.command()
@click.option(
    "--print-policy", type=click.Choice(KINDS), help="Print the IAM policy for these names instead, and make nothing."
)
@json_option
@common_options
@click.pass_context
def init(ctx: click.Context, print_policy: str | None, as_json: bool) -> None:
    """Make the store, or the table and its indexes; safe to run again.

    Example: wsmon init --store dynamodb:worksets --region us-west-2
    """
    with engine(ctx, making=True) as opened:
        if print_policy is not None:
            print_policy_of(opened, print_policy)
            return
        done = list(opened.commands.make_store())
        if as_json:
            print_json({"store": opened.store.info.name, "done": done})
        for line in done if not as_json else []:
            say(line)


def print_policy_of(opened: Engine, kind: str) -> None:
    """The policy for the table, the SNS channels, the metrics, the catalog and the clusters as set. Raises InvalidInput."""
    info, chosen = opened.store.info, opened.settings
    if info.engine != "dynamodb":
        raise InvalidInput("a SQLite store needs no IAM policy; name a table, such as --store dynamodb:worksets")
    topics = tuple(channel.topic_arn for channel in chosen.channels.values() if channel.type == "sns")
    namespace = chosen.metrics.namespace if chosen.metrics.cloudwatch else None
    catalog = chosen.catalog
    document = policy(
        kind,
        info.name,
        region=info.region or "*",
        topic_arns=topics,
        namespace=namespace,
        watched=Watched(catalog.bucket, catalog.mirror_sentinels) if catalog.bucket is not None else None,
        clusters=chosen.parallelcluster.enabled,
    )
    say(json.dumps(document, indent=2))


@click.command()
@click.option("--once", is_flag=True, help="One pass; wait for what it started, then end.")
@click.option("--dry-run", is_flag=True, help="Show what it would claim now, and end.")
@click.option("--max-concurrent", type=click.IntRange(min=1), help="How many runs at once.")
@click.option("--owner-id", help="The monitor's name.")
@click.option("--poll", type=Seconds(), metavar="SECONDS", help="How often to look.")
@click.option("--log-format", type=click.Choice(["text", "json"]), help="How the log is written.")
@json_option
@common_options
@click.pass_context
def monitor(
    ctx: click.Context,
    once: bool,
    dry_run: bool,
    max_concurrent: int | None,
    owner_id: str | None,
    poll: float | None,
    log_format: str | None,
    as_json: bool,
) -> int:
    """Claim worksets by priority and run them, until told to stop.

    The first SIGTERM or SIGINT ends it cleanly, the second at once.

    Example: wsmon monitor --max-concurrent 4
    """
    given: dict[str, Any] = {
        "monitor.max_concurrent": max_concurrent,
        "monitor.owner_id": owner_id,
        "monitor.poll_seconds": poll,
        "monitor.log_format": log_format,
    }
    with engine(ctx, making=not dry_run, **given) as opened:
        if dry_run:
            preview = opened.monitor(make_log("text")).preview()
            if as_json:
                print_json([decision_document(decision) for decision in preview])
            else:
                columns = ("PRIORITY", "STATE", "ID", "CLUSTER")
                print_table(columns, ((d.priority, d.state, d.workset_id, d.cluster) for d in preview))
            return exits.DONE
        chosen = opened.settings.monitor
        made = opened.monitor(make_log(chosen.log_format))
        _refuse_a_namesake(opened, made.config.name)
        stop_on_signals(made)
        made.run(once=once)
        return exits.DONE


def _refuse_a_namesake(opened: Engine, name: str) -> None:
    """Two monitors of one name would take each other's locks for their own. Raises Conflict while another lives here.

    One on another machine cannot be looked at, and one that was killed shows no end: only what is sure is refused.
    """
    import psutil

    for other in opened.store.monitors():
        if other.name != name or other.host != socket.gethostname() or other.pid == os.getpid():
            continue
        with contextlib.suppress(psutil.Error):
            began = psutil.Process(other.pid).create_time()
            if began <= other.started_at / 1e6 + CLOCK_STEP_SECONDS:
                raise Conflict(f"a monitor named {name!r} runs already (pid {other.pid}); give another --owner-id")


def stop_on_signals(running: Monitor) -> None:
    """Let SIGTERM and SIGINT stop a monitor."""

    def handle(number: int, frame: object) -> None:
        del number, frame
        # On a thread: an event's own lock may be taken right where the signal came in.
        threading.Thread(target=running.stop, daemon=True).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)

"""`wsmon watch`: the feed, a line an event."""

from __future__ import annotations

import sys
import threading

import click

from wsmon.cli.options import common_options, engine
from wsmon.cli.output import print_json
from wsmon.domain.change import Event
from wsmon.domain.errors import StoreError
from wsmon.domain.times import isoformat, micros
from wsmon.domain.visible import visible
from wsmon.services.alarms import seconds_of
from wsmon.services.documents import event_document, standing_of
from wsmon.services.tailing import Tail

AWAY_SECONDS = 5.0


@click.command()
@click.option("--since", metavar="DURATION", help="Begin so long ago, such as 30m, 4h or 7d; by default now.")
@click.option("--until-idle", is_flag=True, help="End once there is nothing more; for scripts, with --since.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document a line.")
@common_options
@click.pass_context
def watch(ctx: click.Context, since: str | None, until_idle: bool, as_json: bool) -> None:
    """Show every event as it happens, until interrupted.

    Example: wsmon watch --since 1h --json
    """
    with engine(ctx) as opened:
        clock = opened.clock
        begin = clock.now() - micros(seconds_of(since)) if since is not None else None
        begun, never = clock.now() if begin is None else None, threading.Event()
        tail = Tail(opened.store, opened.store.feed_start(begin), begun=begun)
        while True:
            pause = opened.refresh_seconds
            try:
                for event, _ in tail.poll():
                    # A store may show what was seconds before its cursor.
                    if begin is None or event.at >= begin:
                        _tell(event, as_json)
                sys.stdout.flush()
                if until_idle:
                    return
            except StoreError as error:
                if until_idle:
                    raise
                click.echo(f"wsmon: {visible(str(error))}; still trying", err=True)
                pause = AWAY_SECONDS
            clock.wait(never, pause)


def _tell(event: Event, as_json: bool) -> None:
    if as_json:
        print_json(event_document(event))
        return
    state = standing_of(event)
    because = f" ({event.reason})" if event.reason else ""
    line = f"{isoformat(event.at)} {event.workset_id} {event.verb.value} -> {state} by {event.actor}{because}"
    click.echo(visible(line))

"""Alerts, acknowledgements and silences."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from wsmon.cli.options import common_options, engine
from wsmon.cli.output import print_json, print_table, say
from wsmon.cli.reading import json_option
from wsmon.domain.alerts import AlertRecord, SilenceRecord
from wsmon.domain.errors import InvalidInput
from wsmon.domain.times import age, isoformat
from wsmon.domain.visible import visible
from wsmon.services.alarms import matchers_of, seconds_of


def alert_document(alert: AlertRecord) -> dict[str, Any]:
    """An alert for programs."""
    document = asdict(alert)
    document["first_at"], document["last_at"] = isoformat(alert.first_at), isoformat(alert.last_at)
    document["changed_at"] = isoformat(alert.changed_at) if alert.changed_at else None
    return document


def silence_document(silence: SilenceRecord) -> dict[str, Any]:
    """A silence for programs."""
    document = asdict(silence)
    return {**document, "starts_at": isoformat(silence.starts_at), "ends_at": isoformat(silence.ends_at)}


@click.command()
@json_option
@common_options
@click.pass_context
def alerts(ctx: click.Context, as_json: bool) -> None:
    """List what a person should know of, the most pressing first.

    Example: wsmon alerts --json
    """
    with engine(ctx) as opened:
        alarms, now = opened.alarms(), opened.clock.now()
        found = [(alert, alarms.silenced(alert)) for alert in alarms.alerts()]
        if as_json:
            print_json([{**alert_document(alert), "silenced": quiet} for alert, quiet in found])
            return
        print_table(
            ("SEVERITY", "STATUS", "FINGERPRINT", "SINCE", "COUNT", "BY", "TEXT"),
            (
                (
                    alert.severity,
                    "silenced" if quiet else alert.status,
                    alert.fingerprint,
                    age((now - alert.first_at) / 1e6),
                    alert.count,
                    alert.by,
                    alert.text,
                )
                for alert, quiet in found
            ),
        )


@click.command()
@click.argument("names", metavar="FINGERPRINT|ID", nargs=-1, required=True)
@click.option("--reason", help="What is being done about it.")
@common_options
@click.pass_context
def ack(ctx: click.Context, names: tuple[str, ...], reason: str | None) -> None:
    """Take an alert on, or all alerts of a workset: it is told no more until it ends.

    Example: wsmon ack error/RUN-003 --reason "the sample sheet is being fixed"
    """
    with engine(ctx) as opened:
        for name in names:
            for alert in opened.alarms().ack(name, reason):
                say(f"{visible(alert.fingerprint)}: acknowledged")


@click.command()
@click.argument("matchers", metavar="FIELD=PATTERN...", nargs=-1)
@click.option("--for", "length", metavar="LENGTH", help="How long, such as 30m, 4h or 7d.")
@click.option("--reason", help="Why.")
@click.option("--end", metavar="SILENCE", help="End this one now instead.")
@common_options
@click.pass_context
def silence(
    ctx: click.Context, matchers: tuple[str, ...], length: str | None, reason: str | None, end: str | None
) -> None:
    """Tell nobody of what every matcher fits until the silence ends. Fields: workset, kind, severity, cluster and more.

    Example: wsmon silence "workset=RUN-*" kind=error --for 4h --reason "known since the morning"
    """
    with engine(ctx, making=end is None) as opened:
        if end is not None:
            say(f"silence {visible(opened.alarms().end_silence(end).silence_id)} has ended")
            return
        if length is None or reason is None:
            raise InvalidInput('a silence needs its length and a reason, such as --for 4h --reason "known"')
        made = opened.alarms().silence(matchers_of(matchers), seconds_of(length), reason)
        say(f"silence {made.silence_id} until {isoformat(made.ends_at)}")


@click.command()
@json_option
@common_options
@click.pass_context
def silences(ctx: click.Context, as_json: bool) -> None:
    """List the silences that stand.

    Example: wsmon silences --json
    """
    with engine(ctx) as opened:
        found = opened.alarms().silences()
        if as_json:
            print_json([silence_document(one) for one in found])
            return
        print_table(
            ("SILENCE", "UNTIL", "MATCHERS", "BY", "REASON"),
            (
                (
                    one.silence_id,
                    isoformat(one.ends_at),
                    " ".join(f"{k}={v}" for k, v in one.matchers.items()),
                    one.by,
                    one.reason,
                )
                for one in found
            ),
        )

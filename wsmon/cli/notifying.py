"""Channels from a shell."""

from __future__ import annotations

import click

from wsmon.cli import exits
from wsmon.cli.options import common_options, engine
from wsmon.cli.output import print_json, say
from wsmon.cli.reading import json_option
from wsmon.domain.errors import NotThere
from wsmon.domain.visible import visible


@click.group()
def notify() -> None:
    """Try the channels.

    Example: wsmon notify test oncall
    """


@notify.command("test")
@click.argument("names", metavar="[CHANNEL]...", nargs=-1)
@json_option
@common_options
@click.pass_context
def test(ctx: click.Context, names: tuple[str, ...], as_json: bool) -> None:
    """Send a marked test message to these channels, or to all, and say what came back.

    Example: wsmon notify test oncall
    """
    from wsmon.adapters.courier import carry  # a command that sends nothing needs no channel
    from wsmon.services.trying import test_message
    from wsmon.wiring import plans

    with engine(ctx, making=True) as opened:  # it asks no store, so nothing has to be said of one
        channels = {plan.channel.name: plan.channel for plan in plans(opened.settings.channels)}
        unknown = sorted(set(names) - set(channels))
        if unknown or not channels:
            known = ", ".join(channels) or "none; add one as [channels.NAME] to wsmon.toml"
            raise NotThere(f"no channel {', '.join(unknown) or 'is set'}; known: {known}")
        found = []
        for name in names or channels:
            sent = carry(channels[name], test_message(opened.clock.now(), opened.who))
            answer = str(sent.error or sent.receipt)
            found.append({"channel": name, "delivered": sent.error is None, "answer": answer})
            if not as_json:
                say(f"{name}: {'delivered' if sent.error is None else 'NOT delivered'}: {visible(answer)}")
        if as_json:
            print_json(found)
        if not all(one["delivered"] for one in found):
            ctx.exit(exits.REFUSED)

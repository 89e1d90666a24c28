"""From the command line to the terminal UI; settings are read after its first frame."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wsmon.cli.options import common_options, flags

if TYPE_CHECKING:
    from wsmon.engine import Engine


def open_tui(
    given: tuple[Path | None, dict[str, Any]],
    *,
    read_only: bool,
    with_monitor: bool = False,
    write: bool = False,
    replay_from: tuple[float, float] | None = None,
) -> int:
    """Open the TUI on the engine that the flags choose; the exit code.

    `write`: changes on a shared store need not be armed first. With a monitor beside it, if asked.
    `replay_from`: begin so many seconds ago, and play so many times as fast.
    Raises what is wrong with flags and settings, once the first frame was there: it waits for none of them.
    """
    import gc

    # Nothing of what is made until the first frame is garbage; looking for it a dozen times is a tenth of the start.
    gc.disable()
    from tui.app import show  # faces are imported when they are opened
    from tui.kept import state_file

    def connect() -> Engine:
        from wsmon.engine import open_engine
        from wsmon.settings import load_settings

        config, chosen = given
        settings = load_settings(config, chosen).settings
        return open_engine(settings, read_only=read_only, looking=not with_monitor, arming=not write)

    return show(connect, with_monitor=with_monitor, kept=state_file(), replay=replay_from)


@click.command()
@click.option("--since", default="24h", show_default=True, metavar="DURATION", help="Begin so long ago: 30m, 4h or 7d.")
@click.option(
    "--speed", type=click.FloatRange(0.25, 100_000), default=60.0, show_default=True, help="How many times as fast."
)
@common_options
@click.pass_context
def replay(ctx: click.Context, since: str, speed: float) -> int:
    """Watch the past in the terminal UI, rebuilt from the events; nothing can be changed there.

    Example: wsmon replay --since 24h --speed 60
    """
    from wsmon.services.alarms import seconds_of

    seconds = seconds_of(since)
    need_terminal("wsmon watch --since shows events without one")
    return open_tui(flags(ctx), read_only=True, replay_from=(seconds, speed))


def need_terminal(instead: str) -> None:
    """Raise UsageError unless a person sits at a terminal."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError(f"the terminal UI needs a terminal; {instead}")

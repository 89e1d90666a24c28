"""The demo: real short processes on a temporary store."""

from __future__ import annotations

import signal
import sys

import click

from wsmon.cli import exits
from wsmon.cli.options import common_options, flags
from wsmon.cli.output import print_facts, print_json

SECONDS = 20.0


@click.command()
@click.option("--headless", is_flag=True, help="No TUI: run for --seconds and print a summary.")
@click.option(
    "--seconds", type=click.FloatRange(min=3), default=SECONDS, show_default=True, help="Wall time, headless."
)
@click.option("--seed", type=int, default=7, show_default=True, help="The same seed, the same worksets.")
@click.option("--speed", type=click.FloatRange(min=0.1, max=20), default=1.0, show_default=True, help="Faster runs.")
@click.option("--worksets", type=click.IntRange(min=1), help="Register so many and no more.")
@click.option("--engine", "kind", type=click.Choice(["sqlite", "dynamodb"]), default="sqlite", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The summary as one JSON document.")
@common_options
@click.pass_context
def demo(
    ctx: click.Context,
    headless: bool,
    seconds: float,
    seed: int,
    speed: float,
    worksets: int | None,
    kind: str,
    as_json: bool,
) -> int:
    """Watch real short runs, failures, a hang, and a monitor that is killed.

    Everything lies in a temporary folder and is gone afterwards. Exit code 1 if an invariant broke.

    Example: wsmon demo --headless --seconds 20 --json
    """
    if given := [name for name in flags(ctx)[1] if name.startswith("store.")]:
        chosen = ", ".join(
            "--" + name.removeprefix("store.").replace("url", "store").replace("_", "-") for name in given
        )
        raise click.UsageError(f"the demo makes a temporary store of its own and takes no {chosen}; see --engine")
    if not headless and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("the demo opens the terminal UI; without a terminal give --headless")
    from wsmon.demo.stage import Stage  # needs the whole engine

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(exits.INTERRUPTED))
    with Stage(seed=seed, speed=speed, limit=worksets, engine=kind, watched=not headless) as stage:
        if headless:
            stage.play(seconds)
        else:
            from tui.app import show  # the TUI only where it is shown

            stage.play()
            show(lambda: stage.engine, farewell=stage.abandon)
        summary = stage.summary()
        if as_json:
            print_json(summary.document())
        else:
            print_facts(summary.document())
        return exits.REFUSED if summary.broken else exits.DONE

"""The services for other programs: the REST service, and the TUI for browsers."""

from __future__ import annotations

import importlib.util

import click

from wsmon.adapters.log import make_log
from wsmon.cli import exits
from wsmon.cli.options import common_options, engine, read_only
from wsmon.domain.errors import MissingExtra


@click.command()
@click.option("--host", metavar="ADDRESS", help="Where to listen; by default 127.0.0.1.")
@click.option("--port", type=int, help="The port; by default 8000, 0 takes a free one.")
@click.option("--enable-scheduler", is_flag=True, help="Answer /scheduler/stats from the cluster pool.")
@click.option("--create-table", is_flag=True, help="Make the store first where it is missing.")
@click.option("--reload", is_flag=True, help="Start anew when a source file changes; for development.")
@click.option("--verbose", is_flag=True, help="A line in the log for every request.")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", help="How the log is written.")
@common_options
@click.pass_context
def api(
    ctx: click.Context,
    host: str | None,
    port: int | None,
    enable_scheduler: bool,
    create_table: bool,
    reload: bool,
    verbose: bool,
    log_format: str,
) -> int:
    """Serve the REST API. Other machines need a token (`wsmon token create`).

    Example: wsmon api --port 8000 --create-table
    """
    from wsmon.api.serving import Serving, serve

    with engine(ctx, making=True, **{"api.host": host, "api.port": port}) as opened:
        if create_table:
            opened.store.init()
        chosen = opened.settings.api
        serving = Serving(
            chosen.host,
            chosen.port,
            scheduler=enable_scheduler,
            reload=reload,
            read_only=read_only(ctx),
            verbose=verbose,
            log_format=log_format,
        )
        serve(opened, serving, make_log(log_format))
    return exits.DONE


@click.command()
@click.option("--host", metavar="ADDRESS", help="Where to listen; by default 127.0.0.1.")
@click.option("--port", type=int, help="The port; by default 8001, 0 takes a free one.")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", help="How the log is written.")
@common_options
@click.pass_context
def web(ctx: click.Context, host: str | None, port: int | None, log_format: str) -> int:
    """Serve the terminal UI to browsers (needs the extra: pip install 'wsmon[web]').

    Without tokens this machine may look; with them (`wsmon token create`) each does what its role may.

    Example: wsmon web --port 8001
    """
    if importlib.util.find_spec("textual_serve") is None:
        raise MissingExtra("`wsmon web` needs the extra: pip install 'wsmon[web]' (or pipx inject wsmon textual-serve)")
    from wsmon.web.serving import Serving, serve

    with engine(ctx, making=True, **{"web.host": host, "web.port": port}) as opened:
        chosen = opened.settings.web
        serve(opened, Serving(chosen.host, chosen.port, not opened.writable), make_log(log_format))
    return exits.DONE

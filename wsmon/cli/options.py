"""The options every command knows, before or after its name, and the engine they choose."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from wsmon.domain.visible import visible

if TYPE_CHECKING:
    from wsmon.engine import Engine
    from wsmon.settings import Loaded, Settings

FILTER_HELP = 'Only what passes, such as "error prio:urgent age>2h !owner:mon-1"; as / in the terminal UI.'
F = TypeVar("F", bound=Callable[..., Any])
_FLAGS, _CONFIG, _READ_ONLY = "wsmon.flags", "wsmon.config", "wsmon.read_only"


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """Remember a given option for whatever command comes; the one nearest the end wins."""
    if value is None or value is False:
        return
    if param.name == "config_file":
        ctx.meta[_CONFIG] = value
    elif param.name == "read_only":
        ctx.meta[_READ_ONLY] = True
    else:
        name, text = ("url", f"dynamodb:{value}") if param.name == "table_name" else (str(param.name), value)
        name = {"store": "url"}.get(name, name)
        ctx.meta.setdefault(_FLAGS, {})[f"store.{name}"] = text


def common_options(function: F) -> F:
    """Add the options that choose store and settings."""
    options = (
        click.option("--store", metavar="URL", help="sqlite:PATH or dynamodb:TABLE."),
        click.option("--table-name", metavar="TABLE", help="The same as --store dynamodb:TABLE."),
        click.option("--region", metavar="REGION", help="The AWS region."),
        click.option("--profile", metavar="NAME", help="The AWS profile."),
        click.option("--endpoint-url", metavar="URL", help="Another endpoint that speaks DynamoDB."),
        click.option(
            "--config", "config_file", metavar="FILE", type=click.Path(path_type=Path), help="The settings file."
        ),
        click.option("--read-only", is_flag=True, help="Refuse every change."),
    )
    for option in reversed(options):
        function = option(function)
    for parameter in getattr(function, "__click_params__", []):
        if parameter.name in {"store", "table_name", "region", "profile", "endpoint_url", "config_file", "read_only"}:
            parameter.expose_value = False
            parameter.callback = _keep
    return function


def flags(ctx: click.Context) -> tuple[Path | None, dict[str, Any]]:
    """The settings file and the settings given as options."""
    return ctx.meta.get(_CONFIG), dict(ctx.meta.get(_FLAGS, {}))


def read_only(ctx: click.Context) -> bool:
    """Whether changes are to be refused."""
    return bool(ctx.meta.get(_READ_ONLY))


def load(ctx: click.Context, **more: Any) -> Loaded:
    """The settings of this call; `more` are options of the command by dotted name."""
    from wsmon.settings import load_settings

    config, given = flags(ctx)
    return load_settings(config, {**given, **{name: value for name, value in more.items() if value is not None}})


def settings_of(ctx: click.Context, more: Mapping[str, Any] = MappingProxyType({})) -> Settings:
    """The settings, the short way where only the store is said."""
    from wsmon.cli.quick import quick_settings

    config, given = flags(ctx)
    quick = None if more else quick_settings(config, given)
    return load(ctx, **more).settings if quick is None else cast("Settings", quick)


@contextmanager
def engine(ctx: click.Context, *, making: bool = False, **more: Any) -> Iterator[Engine]:
    """The engine of this call, closed at the end; it says where there is no store, unless the command may be `making` one."""
    from wsmon.engine import open_engine

    opened = open_engine(settings_of(ctx, more), read_only=read_only(ctx), looking=not making)
    if not making and opened.missing and opened.writable and opened.settings.store.url:
        text = f"there is no store at {opened.store.info.name} yet, so nothing is in it; `wsmon init` makes one"
        click.echo(visible(f"wsmon: {text}"), err=True)
    try:
        yield opened
    finally:
        opened.close()

"""docs/cli.md, drawn from the commands themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from wsmon.cli.main import COMMANDS, cli

ROOT = Path(__file__).parent.parent.parent
HEAD = """# The command line

Drawn from the commands; `wsmon COMMAND --help` shows the same. Without a command `wsmon` opens the terminal UI.

Exit codes: 0 done, 1 refused or failed, 2 usage, 3 not found, 4 conflict (lock held, id exists, changed since), 5 store unreachable, 6 not allowed,
130 interrupted. `--json` prints one document on one line and nothing else; a table goes to a terminal, tab-separated values into a pipe.
A filter is written as after `/` in the terminal UI: words and terms with spaces between, all of which must hold, such as `error prio:urgent age>2h !owner:mon-1`.

## Options of every command

Before or after its name:

"""
COMMON = {"store", "table_name", "region", "profile", "endpoint_url", "config_file", "read_only"}


def cli_page() -> str:
    """The whole page."""
    root = click.Context(cli, info_name="wsmon")
    common = [option for option in cli.params if option.name in COMMON]
    parts = [HEAD + _table(common), "## wsmon\n\n" + _table([o for o in cli.params if o.name not in COMMON])]
    for name in COMMANDS:
        command = cli.get_command(root, name)
        assert command is not None
        parts += _command(command, f"wsmon {name}", root)
    return "\n".join(parts)


def _command(command: click.Command, path: str, parent: click.Context) -> Iterator[str]:
    ctx = click.Context(command, parent=parent, info_name=path.rpartition(" ")[2])
    pieces = [piece for piece in command.collect_usage_pieces(ctx) if piece != "[OPTIONS]"]
    text = f"## {' '.join([path, *pieces])}\n\n{inspect.cleandoc(command.help or '')}\n"
    own = [param for param in command.params if isinstance(param, click.Option) and param.name not in COMMON]
    yield text + ("\n" + _table(own) if own else "")
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from _command(below, f"{path} {name}", ctx)


def _table(options: list[click.Option] | list[click.Parameter]) -> str:
    lines = ["| option | what it says |", "|---|---|"]
    for option in options:
        assert isinstance(option, click.Option)
        value = "" if option.is_flag else f" {option.metavar or option.make_metavar(click.Context(cli))}"
        given = option.default if option.show_default and option.default is not None else None
        default = "" if given is None else f" By default {given}."
        needed = " Needed." if option.required else ""
        names = ", ".join(option.opts)
        lines.append(
            f"| `{names}{value.replace('|', '/')}` | {(option.help or '').replace('|', chr(92) + '|')}{default}{needed} |"
        )
    return "\n".join(lines) + "\n"


def examples(command: click.Command = cli, parent: click.Context | None = None, name: str = "wsmon") -> Iterator[str]:
    """The example of every command."""
    ctx = click.Context(command, parent=parent, info_name=name)
    for line in (command.help or "").splitlines():
        if line.strip().startswith("Example: "):
            yield line.strip().removeprefix("Example: ")
    if isinstance(command, click.Group):
        for below in command.list_commands(ctx):
            found = command.get_command(ctx, below)
            assert found is not None
            yield from examples(found, ctx, below)

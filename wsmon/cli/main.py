"""The command `wsmon`: the TUI without a command, and every verb as one."""

from __future__ import annotations

import codecs
import contextlib
import importlib
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence

import click

from wsmon import __version__
from wsmon.cli import exits
from wsmon.cli.options import common_options, flags, read_only
from wsmon.domain.errors import WsmonError
from wsmon.domain.visible import visible

# command -> (module, function); a module is imported when one of its commands is asked for.
COMMANDS = {
    "init": "wsmon.cli.running:init",
    "register": "wsmon.cli.registering:register",
    "list": "wsmon.cli.listing:list_",
    "show": "wsmon.cli.reading:show",
    "history": "wsmon.cli.reading:history",
    "why": "wsmon.cli.planning:why",
    "plan": "wsmon.cli.planning:plan",
    "logs": "wsmon.cli.pooling:logs",
    "clusters": "wsmon.cli.pooling:clusters",
    "cluster": "wsmon.cli.pooling:cluster_",
    "next": "wsmon.cli.reading:next_",
    "watch": "wsmon.cli.following:watch",
    "replay": "wsmon.cli.watching:replay",
    "lock": "wsmon.cli.holding:lock",
    "state": "wsmon.cli.holding:state",
    "unlock": "wsmon.cli.changing:unlock",
    "requeue": "wsmon.cli.changing:requeue",
    "ignore": "wsmon.cli.changing:ignore",
    "cancel": "wsmon.cli.changing:cancel",
    "priority": "wsmon.cli.changing:priority",
    "affinity": "wsmon.cli.changing:affinity",
    "archive": "wsmon.cli.changing:archive",
    "restore": "wsmon.cli.changing:restore",
    "delete": "wsmon.cli.changing:delete",
    "purge": "wsmon.cli.changing:purge",
    "alerts": "wsmon.cli.alerting:alerts",
    "ack": "wsmon.cli.alerting:ack",
    "silence": "wsmon.cli.alerting:silence",
    "silences": "wsmon.cli.alerting:silences",
    "report": "wsmon.cli.reporting:report",
    "notify": "wsmon.cli.notifying:notify",
    "import": "wsmon.cli.importing:import_",
    "monitor": "wsmon.cli.running:monitor",
    "api": "wsmon.cli.serving:api",
    "web": "wsmon.cli.serving:web",
    "token": "wsmon.cli.tokens:token",
    "demo": "wsmon.cli.demonstrating:demo",
    "config": "wsmon.cli.checking:config",
    "completion": "wsmon.cli.completing:completion",
    "doctor": "wsmon.cli.checking:doctor",
    "validate": "wsmon.cli.checking:validate",
}


class Commands(click.Group):
    """Imports a command's module when it is asked for, so that a short command starts fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order an operator meets them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, function = COMMANDS[cmd_name].partition(":")
        command = getattr(importlib.import_module(module), function)
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run it; click would take a reader that has left for a failure."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            return _unread()

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As ever; a slip of the keys is told what is near it."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            raise click.NoSuchCommand(error.command_name, possibilities=COMMANDS, ctx=ctx) from None


@click.group(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="wsmon")
@click.option("--monitor", "with_monitor", is_flag=True, help="Run a monitor inside the TUI's process.")
@click.option("--write", is_flag=True, help="Changes on a shared store from the TUI need not be armed first.")
@common_options
@click.pass_context
def cli(ctx: click.Context, with_monitor: bool, write: bool) -> None:
    """Watch and run worksets. Without a command: the live terminal UI.

    Example: wsmon --store sqlite:./wsmon.db list --state ready
    """
    if ctx.invoked_subcommand is None:
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise click.UsageError("the terminal UI needs a terminal; in scripts use a command, such as `wsmon list`")
        from wsmon.cli.watching import open_tui  # the only way from here to the TUI

        ctx.exit(open_tui(flags(ctx), read_only=read_only(ctx), with_monitor=with_monitor, write=write))


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command and exit with its code; no traceback reaches a user."""
    if argv is None:
        _begin_in_utf8()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.exit(_run(argv))


def _begin_in_utf8() -> None:
    """Where the locale knows ASCII alone, begin this process again in Python's UTF-8 mode.

    What is typed, the environment, files and what a run is given are UTF-8 whatever such a locale says, and
    Python can decide that only at its start. A locale with an encoding of its own is taken at its word.
    """
    if not sys.flags.utf8_mode and codecs.lookup(sys.getfilesystemencoding()).name == "ascii" and sys.executable:
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606  no shell is wanted


def _run(argv: Sequence[str] | None) -> int:
    try:
        result = cli.main(args=argv, prog_name="wsmon", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else exits.DONE
    except WsmonError as error:
        return _say(str(error), exits.exit_code(error))
    except click.ClickException as error:
        hint = f"\n{error.ctx.get_usage()}" if isinstance(error, click.UsageError) and error.ctx else ""
        return _say(error.format_message() + hint, error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        return exits.INTERRUPTED
    except BrokenPipeError:
        return _unread()
    except OSError as error:
        return _say(f"the system refuses: {error.strerror or error}", exits.REFUSED)
    except Exception as error:
        if os.environ.get("WSMON_DEBUG"):
            raise
        return _say(f"an unexpected error ({type(error).__name__}); please report {_report()}", exits.REFUSED)


def _unread() -> int:
    """The reader has left, as `| head` does: no failure, and Python must not complain at its exit either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return exits.DONE


def _say(text: str, code: int) -> int:
    sys.stderr.write(f"wsmon: {visible(text, lines=True)}\n")
    return code


def _report() -> str:
    with tempfile.NamedTemporaryFile("w", prefix="wsmon-report-", suffix=".txt", delete=False) as file:
        traceback.print_exc(file=file)
    return file.name


if __name__ == "__main__":
    main()

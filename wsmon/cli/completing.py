"""Completion for shells: commands and options by click, workset ids from the store."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import click

from wsmon.cli.options import common_options, settings_of
from wsmon.cli.output import say
from wsmon.domain.errors import WsmonError
from wsmon.domain.states import ALLOWED_FROM, Verb, WorksetState

VARIABLE = "_WSMON_COMPLETE"
SHELLS = ("bash", "zsh", "fish")
MOST_IDS, MOST_SECONDS = 200, 1.0
PLAIN = re.compile(r"[A-Za-z0-9_./@%+=,^-]+", re.ASCII)
"""Ids that every shell takes as they stand. Another one, put on a line by a key, might be run."""
_VERBS = {
    "lock": Verb.ACQUIRE,
    "unlock": Verb.UNLOCK,
    "requeue": Verb.REQUEUE,
    "ignore": Verb.IGNORE,
    "cancel": Verb.CANCEL,
    "priority": Verb.SET_PRIORITY,
    "affinity": Verb.SET_AFFINITY,
    "archive": Verb.ARCHIVE,
    "restore": Verb.RESTORE,
    "delete": Verb.DELETE,
    "purge": Verb.PURGE,
}


def completed_ids(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Ids that begin so, of the worksets that the command can be said to. A key press never fails and never waits long."""
    named = ctx.params.get(param.name or "") or ()
    try:
        return [one for one in _ids(ctx, incomplete) if one not in named]
    except (WsmonError, OSError):
        return []


def _ids(ctx: click.Context, begun: str) -> Iterator[str]:
    from wsmon.engine import open_engine

    verb, until, found = _VERBS.get(ctx.info_name or ""), time.monotonic() + MOST_SECONDS, 0
    states = ALLOWED_FROM[verb] if verb is not None else set(WorksetState)
    opened = open_engine(settings_of(ctx), read_only=True)
    try:
        for state in (state for state in WorksetState if state in states):
            for row in opened.commands.rows(state):
                if row.workset_id.startswith(begun) and PLAIN.fullmatch(row.workset_id):
                    yield row.workset_id
                    found += 1
                if found == MOST_IDS or time.monotonic() > until:
                    return
    finally:
        opened.close()


id_argument = click.argument("workset_id", metavar="ID", shell_complete=completed_ids)


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@common_options
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what makes a shell complete commands, options and workset ids.

    bash: wsmon completion bash > ~/.local/share/bash-completion/completions/wsmon
    zsh: wsmon completion zsh > a file named _wsmon in a folder of $fpath
    fish: wsmon completion fish > ~/.config/fish/completions/wsmon.fish

    Example: wsmon completion bash
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    say(kind(ctx.find_root().command, {}, "wsmon", VARIABLE).source())

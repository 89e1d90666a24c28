"""Completion, by the shells themselves."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.run import Cli
from tests.system import need
from tests.tui.terminal import Terminal
from wsmon.adapters.clock import SystemClock
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.spec import WorksetSpec
from wsmon.services.commands import Commands

UNDO = "\x15"
"""ctrl+u: the line is empty again."""


def _bash(folder: Path, script: str) -> list[str]:
    (folder / "rc").write_text(f"{script}\nPS1='ready> '\n")
    return ["--rcfile", "rc", "-i"]


def _zsh(folder: Path, script: str) -> list[str]:
    """As `wsmon completion --help` says: a file of a folder of $fpath."""
    (folder / "functions").mkdir()
    (folder / "functions/_wsmon").write_text(script)
    (folder / ".zshrc").write_text(
        f"fpath=({folder}/functions $fpath)\nautoload -Uz compinit\ncompinit -u -D\nunsetopt beep\nPS1='ready> '\n"
    )
    return ["-i"]


def _fish(folder: Path, script: str) -> list[str]:
    completions = folder / ".config/fish/completions"
    completions.mkdir(parents=True)
    (completions / "wsmon.fish").write_text(script)
    (folder / ".config/fish/config.fish").write_text(
        "set -g fish_greeting\nset -g fish_autosuggestion_enabled 0\nfunction fish_prompt; echo -n 'ready> '; end\n"
    )
    return ["-i"]


SHELLS: dict[str, Callable[[Path, str], list[str]]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}


@pytest.mark.parametrize(
    "shell", ["bash", *(pytest.param(name, marks=[pytest.mark.ci, pytest.mark.system]) for name in ("zsh", "fish"))]
)
def test_a_shell_completes_verbs_options_and_the_ids_a_command_can_be_said_to(tmp_path: Path, shell: str) -> None:
    program = need(shell, shell)
    store = SqliteStore(tmp_path / "w.db")
    commands = Commands(store, SystemClock(), "me")
    for name in ("RUN-2026-held", "RUN-2026-ready", "RUN-x;touch bad", "other"):
        commands.register(WorksetSpec(name, "b", "p"))
    commands.acquire("RUN-2026-held", holder="m", seconds=600)
    store.close()
    args = SHELLS[shell](tmp_path, Cli(tmp_path)("completion", shell).stdout)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    where = {
        name: str(tmp_path / folder) for name, folder in (("HOME", ""), ("ZDOTDIR", ""), ("XDG_CONFIG_HOME", ".config"))
    }
    environment = {"PATH": path, "WSMON_STORE__URL": f"sqlite:{tmp_path / 'w.db'}", **where}
    line = f"import os; os.chdir({str(tmp_path)!r}); os.execv({program!r}, {[shell, *args]!r})"
    with Terminal(["-c", line], environment) as terminal:
        terminal.shows("ready>")
        terminal.press("echo wsmon; wsmon show RUN-\t")
        terminal.shows("wsmon show RUN-2026-")
        terminal.press("\t\t")
        listed = terminal.shows("RUN-2026-held", "RUN-2026-ready")
        assert "touch" not in listed
        terminal.press(f"{UNDO}wsmon unlock R\t")
        terminal.shows("wsmon unlock RUN-2026-held")
        terminal.press(f"{UNDO}wsmon affin\t")
        terminal.shows("wsmon affinity")
        terminal.press(f"{UNDO}wsmon requeue --reas\t")
        terminal.shows("wsmon requeue --reason")
        terminal.press(f"{UNDO}wsmon completion f\t")
        terminal.shows("wsmon completion fish")
        terminal.press(f"{UNDO}exit\r")
        terminal.ended()
    assert not (tmp_path / "bad").exists()

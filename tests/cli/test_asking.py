"""Before something is lost somebody is asked, on whatever terminal there is; where there is none, --yes has to say so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.run import Cli
from tests.tui.terminal import WSMON, Terminal
from wsmon.adapters.clock import SystemClock
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.workset import RunRecord
from wsmon.services.commands import Commands


@pytest.fixture
def desk(tmp_path: Path) -> Cli:
    """`r` runs, `u` ran and is unattended, `w` waits."""
    cli = Cli(tmp_path, f"sqlite:{tmp_path / 'w.db'}")
    store = SqliteStore(tmp_path / "w.db")
    commands = Commands(store, SystemClock(), "mon-7")
    for name in ("r", "u", "w"):
        commands.register(WorksetSpec(name, "b", "p"))
    for name in ("r", "u"):
        token = commands.acquire(name, holder="mon-7", seconds=600).token
        run = RunRecord(token, "place", "node-9", "boot", "/runs")
        commands.start(name, token=token, run=run)
    commands.release("u", token=1)
    store.close()
    return cli


def on_a_terminal(cli: Cli, command: str, answer: str, *shown: str) -> str:
    """Run a command on a terminal, stdout in a pipe, and answer its question; the exit code and the state after."""
    assert cli.store is not None
    program = f"import os, sys; sys.stdout = open(os.devnull, 'w'); {WSMON[1]}"
    with Terminal(["-c", program, "--store", cli.store, *command.split()], cli.env) as terminal:
        terminal.shows("Go on?", *shown)
        terminal.press(answer)
        code = terminal.ended()
    return f"{code} {cli.json('show', command.split()[1])['state']}"


def test_a_cancel_shows_owner_lock_and_consequence_though_the_output_is_piped(desk: Cli) -> None:
    parts = ("cancel r?", "in_progress", "mon-7, token 1", "last heartbeat", "token 1 at node-9", "ends the run")
    assert on_a_terminal(desk, "cancel r", "n\r", *parts) == "130 in_progress"
    assert desk.json("show", "r")["cancel"] is None
    assert on_a_terminal(desk, "cancel r", "y\r") == "0 in_progress"
    assert desk.json("show", "r")["cancel"] is not None


def test_a_requeue_of_an_unattended_run_names_it_and_needs_an_answer(desk: Cli) -> None:
    refused = desk("requeue", "u", "--reason", "its node is dead", code=1).stderr
    for part in ("token 1 at node-9", "may still live", "--yes"):
        assert part in refused
    assert desk.json("show", "u")["state"] == "in_progress"
    desk("requeue", "u", "--reason", "its node is dead", "--yes")
    assert desk.json("show", "u")["state"] == "ready"


def test_an_ordinary_requeue_and_a_forced_unlock_go_on_unattended(desk: Cli) -> None:
    desk("ignore", "w")
    desk("requeue", "w", "--reason", "again")
    desk("lock", "w", "--owner", "me")
    desk("unlock", "w", "--force", "--reason", "gone")


def test_what_loses_work_is_refused_without_an_answer(desk: Cli) -> None:
    for verb, name in (("cancel", "r"), ("delete", "w"), ("purge", "w")):
        assert "--yes" in desk(verb, name, code=1).stderr
        desk(verb, name, "--yes")
    assert [event["verb"] for event in desk.json("history", "w")] == ["register", "delete", "purge"]


def test_what_is_not_possible_is_said_before_anything_is_asked(desk: Cli) -> None:
    assert "not possible" in desk("requeue", "w", "--reason", "x", code=1).stderr
    assert "not possible" in desk("delete", "r", code=1).stderr
    assert "reason" in desk("requeue", "r", code=2).stderr

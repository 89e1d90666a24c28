"""One verb for many: what a filter chooses is shown first, asked about, and then written as it was shown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.run import Cli
from tests.tui.terminal import WSMON, Terminal
from wsmon.adapters.clock import SystemClock
from wsmon.adapters.sqlite import SqliteStore
from wsmon.cli.main import main
from wsmon.domain.errors import InvalidInput, NotFound, StaleWrite
from wsmon.domain.filters import parse_filter
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import ErrorCategory, WorksetPriority, WorksetState
from wsmon.services import bulk
from wsmon.services.commands import Commands

S = WorksetState


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    """`e0` to `e2` are in error, `w0` to `w2` wait, urgent."""
    made = Commands(SqliteStore(tmp_path / "w.db"), SystemClock(), "me@here")
    for number in range(3):
        made.register(WorksetSpec(f"e{number}", "b", "p"))
        made.register(WorksetSpec(f"w{number}", "b", "p", WorksetPriority.URGENT))
        token = made.acquire(f"e{number}", holder="m", seconds=60).token
        made.start(f"e{number}", token=token)
        made.fail(f"e{number}", token=token, category=ErrorCategory.DATA, details="no such sample")
    return made


def test_what_is_no_id_is_said_before_anything_is_read(commands: Commands, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="workset id"):
        bulk.by_ids(commands, "requeue", ["e0", "\udcff"])
    cli = Cli(tmp_path, f"sqlite:{tmp_path / 'w.db'}")
    assert "workset id" in cli("requeue", "e0", os.fsdecode(b"\xff"), "--reason", "x", code=None).stderr
    assert commands.get("e0").state is S.ERROR


def test_what_a_filter_chooses_and_what_cannot_from_there(commands: Commands) -> None:
    chosen = bulk.by_filter(commands, "requeue", parse_filter("id:e*,w0"))
    assert {one.workset_id for one in chosen.possible} == {"e0", "e1", "e2"}
    assert [one.workset_id for one in chosen.impossible] == ["w0"]
    with pytest.raises(NotFound, match="nobody"):
        bulk.by_ids(commands, "requeue", ["e0", "nobody"])


def test_what_changed_since_it_was_shown_is_left_alone_and_the_rest_is_done(commands: Commands) -> None:
    chosen = bulk.by_ids(commands, "requeue", ["e0", "e1", "e2"])
    commands.ignore("e1", reason="somebody else was faster")
    done = list(bulk.carry_out(commands, "requeue", chosen.possible, reason="mended"))
    assert [one.error is None for one in done] == [True, False, True]
    assert isinstance(done[1].error, StaleWrite)
    assert commands.get("e1").state is S.IGNORED
    assert {commands.get(name).state for name in ("e0", "e2")} == {S.READY}


@pytest.mark.parametrize(
    ("verb", "name", "value", "left"),
    [
        ("priority", "w0", "low", ("priority", WorksetPriority.LOW)),
        ("affinity", "w0", "cl1", ("affinity", "cl1")),
        ("affinity", "w0", "", ("affinity", None)),
        ("archive", "e0", None, ("state", S.ARCHIVED)),
        ("delete", "e0", None, ("state", S.DELETED)),
    ],
)
def test_each_verb_by_its_name(
    commands: Commands, verb: str, name: str, value: str | None, left: tuple[str, object]
) -> None:
    (done,) = bulk.carry_out(commands, verb, [commands.get(name)], reason="r", value=value)
    assert done.error is None
    assert getattr(commands.get(name), left[0]) == left[1]


def test_on_the_command_line_it_is_shown_and_asked_or_yes(commands: Commands, tmp_path: Path) -> None:
    cli = Cli(tmp_path, f"sqlite:{tmp_path / 'w.db'}")
    args = ("requeue", "--filter", "state:error,ready", "--reason", "mended")
    shown = cli(*args, "--dry-run").stdout
    for part in ("requeue 3 worksets: 3 error?", "e0  error, no such sample", "3 worksets more cannot", "3 ready"):
        assert part in shown
    assert "--yes does it" in cli(*args, code=1).stderr
    assert commands.get("e0").state is S.ERROR
    program = ["-c", WSMON[1], "--store", cli.store or "", *args]
    with Terminal(program, cli.env) as terminal:
        terminal.shows("requeue 3 worksets", "Go on?")
        terminal.press("n\r")
        assert terminal.ended() == 130
    assert commands.get("e0").state is S.ERROR
    done = cli.json(*args, "--yes")
    assert {(one["workset_id"], one["outcome"]) for one in done} == {(f"e{n}", "done") for n in range(3)}
    assert commands.store.history("e0")[-1].reason == "mended"
    rows = cli("list", "--filter", "prio:urgent", "--columns", "id", "--sort", "id").stdout.split()
    assert rows == ["ID", "w0", "w1", "w2"]
    assert "character 1" in cli("list", "--filter", "colour:red", code=2).stderr
    assert "one of the two" in cli("ignore", "w0", "--filter", "w1", code=2).stderr
    assert "id:*" in cli("delete", "--filter", " ", "--yes", code=2).stderr  # as an unset variable of a script gives it
    cli("affinity", "w0", "w1", "--cluster", "cl1", "--yes")
    assert commands.get("w1").affinity == "cl1"


def test_a_script_holds_a_lock_renews_it_and_says_how_it_goes(
    commands: Commands, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(code: int, *args: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["--store", f"sqlite:{tmp_path / 'w.db'}", *args])
        shown = capsys.readouterr()
        assert ended.value.code == code, shown
        return shown.out + shown.err

    said(0, "lock", "w0", "--owner", "me", "--seconds", "60")
    before = commands.store.lease("w0")
    assert "still locked by me for 60 s" in said(0, "lock", "w0", "--owner", "me", "--renew")
    after = commands.store.lease("w0")
    assert before is not None
    assert after is not None
    assert after.expires_at > before.expires_at
    said(6, "lock", "w0", "--owner", "you", "--renew")
    said(0, "state", "w0", "in_progress", "--owner", "me", "--cluster", "cl1", "--reason", "begun")
    said(0, "state", "w0", "in_progress", "--owner", "me", "--reason", "aligning")
    assert commands.get("w0").current_step == "aligning"
    said(6, "state", "w0", "complete", "--owner", "you")
    said(0, "state", "w0", "complete", "--owner", "me", "--metrics", '{"cost_usd": 2.5}', "--reason", "done")
    done = commands.get("w0")
    assert (done.state, done.metrics["cost_usd"], done.cluster) == (S.COMPLETE, 2.5, "cl1")
    assert "take its lock instead" in said(1, "state", "w0", "locked", "--reason", "no")

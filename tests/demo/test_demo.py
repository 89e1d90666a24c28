"""`wsmon demo --headless`: its figures, the same worksets for a seed, and nothing left behind."""

from __future__ import annotations

import itertools
import json
import os
import re
from pathlib import Path

import pytest

from tests import peers
from tests.cli.run import Cli
from tests.tui.terminal import WSMON, Terminal
from tests.waiting import wait_for
from wsmon.demo import script
from wsmon.demo.summary import double_runs

KEYS = ["registered", "completed", "failed", "retried", "adopted", "double_runs", "events"]

# Each of these must see a failure, a retry and an adoption, also where every step goes over a wire in a crowd.
SECONDS = {"sqlite": "14", "dynamodb": "24"}


def left_behind(tag: str) -> list[str]:
    """Processes that carry the tag in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(tag) in environment and int(folder.name) != os.getpid():
            found.append(command.replace(b"\0", b" ").decode(errors="replace"))
    return found


@pytest.mark.parametrize("engine", ["sqlite", pytest.param("dynamodb", marks=pytest.mark.ci)])
def test_headless_shows_everything_and_leaves_nothing(tmp_path: Path, engine: str) -> None:
    if engine == "dynamodb" and (why := peers.missing("ministack")):
        pytest.skip(why)
    cli = Cli(tmp_path)
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    cli.env |= {"TMPDIR": str(temporary)}
    done = cli("demo", "--headless", "--seconds", SECONDS[engine], "--speed", "2", "--engine", engine, "--json")
    figures = json.loads(done.stdout)
    assert list(figures) == KEYS
    assert figures["registered"] >= 15
    assert figures["completed"] >= 2
    assert figures["failed"] >= 1
    assert figures["retried"] >= 1
    assert figures["adopted"] >= 1
    assert figures["double_runs"] == 0
    assert figures["events"] >= 4 * figures["completed"]
    assert list(temporary.iterdir()) == []
    assert left_behind(str(temporary)) == []


def test_who_watches_sees_the_dead_lock_the_adoption_and_the_alert_and_a_hang_up_leaves_nothing(tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environment = {"HOME": str(tmp_path), "TMPDIR": str(temporary)}
    with Terminal([*WSMON, "demo"], environment, (160, 48)) as terminal:
        terminal.shows("running", "1 monitor", seconds=40)
        wait_for(lambda: re.search(r"victim +\d+ .* dead\b", terminal.text), 40)
        terminal.shows("dead lock", "1 silent", seconds=10)
        terminal.shows("⇠ victim", "2 monitors", seconds=40)
        terminal.hang_up()
        wait_for(lambda: terminal.process.poll() is not None, 10)
    wait_for(lambda: not list(temporary.iterdir()), 10)
    wait_for(lambda: not left_behind(str(temporary)), 10)


def test_a_limit_is_kept_and_the_text_is_for_people(tmp_path: Path) -> None:
    out = Cli(tmp_path)("demo", "--headless", "--seconds", "4", "--worksets", "2", "--speed", "5").stdout
    assert "registered" in out
    assert out.split()[1] == "2"


def test_without_a_terminal_it_says_how(tmp_path: Path) -> None:
    assert "--headless" in Cli(tmp_path)("demo", code=2).stderr


def test_without_ministack_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    from wsmon.demo.stage import Stage
    from wsmon.domain.errors import MissingExtra

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match="pip install ministack"):
        Stage(seed=7, speed=1.0, limit=None, engine="dynamodb").__enter__()


def test_the_same_seed_the_same_worksets() -> None:
    first, again, other = (list(itertools.islice(script.worksets(seed, 1.0), 40)) for seed in (7, 7, 8))
    assert first == again
    assert first != other
    assert {spec.metadata["outcome"] for spec in first} >= {"0", "1", "65", "75", "78", "hang", "once-71", "once-75"}


@pytest.mark.parametrize(
    ("lines", "doubles"),
    [
        (["start\ta\t1\n", "end\ta\t1\n", "start\ta\t2\n", "end\ta\t2\n"], 0),
        (["start\ta\t1\n", "start\tb\t1\n"], 0),
        (["start\ta\t1\n", "start\ta\t2\n"], 1),
        (["start\ta\t1\n", "end\ta\t1\n", "start\ta\t1\n"], 1),
    ],
    ids=["one after the other", "two worksets", "overlapping", "a token twice"],
)
def test_double_runs_are_seen(lines: list[str], doubles: int) -> None:
    assert double_runs(lines) == doubles

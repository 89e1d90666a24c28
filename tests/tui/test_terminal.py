"""The TUI as a process on a terminal: start, keys, the ways it ends, and what it sends down the line."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import statistics
import sys
import time
from pathlib import Path

import pytest

from tests.tui.terminal import WSMON, Terminal, bytes_of, quiet
from tests.waiting import wait_for
from wsmon.adapters.clock import SystemClock
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import WorksetState
from wsmon.services.commands import Commands

LEAVE_ALTERNATE_SCREEN = b"\x1b[?1049l"
NOT_BEFORE_THE_FIRST_FRAME = (
    *("boto3", "botocore", "httpx", "fastapi", "uvicorn", "pydantic_settings", "moto"),
    # The records' classes cost as much to make as the panels; the first frame shows none.
    *("wsmon.ports", "wsmon.domain.workset", "wsmon.services.commands", "wsmon.services.live"),
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith(("WSMON_", "AWS_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def commands(home: Path) -> Commands:
    store = SqliteStore(home / "w.db")
    store.init()
    return Commands(store, SystemClock(), "tester@here")


class Past(SystemClock):
    """A little more than five minutes ago."""

    def now(self) -> int:
        return super().now() - 303_000_000


def register(commands: Commands, *names: str) -> None:
    list(commands.register_many(WorksetSpec(name, "bucket", "prefix") for name in names))


def wsmon(home: Path, *args: str, size: tuple[int, int] = (120, 40), **env: str) -> Terminal:
    return Terminal([*WSMON, "--store", f"sqlite:{home / 'w.db'}", *args], env, size)


def test_opens_moves_shows_and_quits(home: Path, commands: Commands) -> None:
    register(commands, "first", "second", "third")
    with wsmon(home) as terminal:
        terminal.shows("first", "second", "third", "1 queue", "2 locks", "3 clusters", "4 alerts")
        assert b"\x1b[?1006h" in terminal.received, "clicks and the wheel are ours"
        terminal.press("j\r")
        terminal.shows("history", "bucket/prefix", "second")
        terminal.press("q")
        terminal.shows("first", "third")
        terminal.press("I")
        terminal.shows("Ignore second?")
        terminal.press("\t\r")
        wait_for(lambda: terminal.read() >= 0 and commands.get("second").state is not WorksetState.READY)
        assert commands.get("second").state is WorksetState.IGNORED
        terminal.press("q")
        assert terminal.ended() == 0
        assert LEAVE_ALTERNATE_SCREEN in terminal.received


def test_with_nothing_configured_it_opens_the_users_store_and_says_what_to_type(home: Path) -> None:
    with Terminal(WSMON, {}, (80, 24)) as terminal:
        terminal.shows("The store is empty", "wsmon import folder DIR", "wsmon monitor")
        terminal.press("q")
        assert terminal.ended() == 0
    assert not list(home.rglob("wsmon*"))  # looking makes nothing


def test_a_reason_that_comes_all_at_once_is_taken_whole(home: Path, commands: Commands) -> None:
    register(commands, "w")
    with wsmon(home) as terminal:
        terminal.shows("○ ready")
        terminal.press("I")
        terminal.shows("Ignore w?")
        terminal.press("[bold] abcdefghijklmnop")
        terminal.shows("▊  [bold] abcdefghijklmnop ")


@pytest.mark.parametrize("how", ["hang up", "SIGHUP", "SIGTERM"])
def test_ends_within_five_seconds_and_gives_its_locks_back(home: Path, commands: Commands, how: str) -> None:
    (home / "wsmon.toml").write_text(
        f'[monitor]\ncommand = ["{sys.executable}", "-c", "import time; time.sleep(60)"]\npoll_seconds = 0.2\n'
    )
    register(commands, "w")
    with wsmon(home, "--monitor") as terminal:
        terminal.shows("● 1 running")
        assert commands.get("w").holder
        if how == "hang up":
            terminal.hang_up()
        else:
            os.kill(terminal.process.pid, signal.Signals[how])
        terminal.ended(5.0)
        if how == "SIGTERM":
            assert LEAVE_ALTERNATE_SCREEN in terminal.received
    left = commands.get("w")
    assert (left.state, left.holder) == (WorksetState.IN_PROGRESS, None)
    assert not commands.store.monitors()
    commands.cancel("w", reason="over")
    end_run(home)


def test_it_ends_with_its_terminal_under_a_leader_that_hears_the_hang_up_alone_and_waits(home: Path) -> None:
    """As make does: the kernel tells the session's leader, and nobody else while that lives."""
    leader = (
        "import signal, subprocess, sys\nsignal.signal(signal.SIGHUP, lambda *_: None)\n"
        f"sys.exit(subprocess.call([sys.executable, '-m', 'wsmon', '--store', 'sqlite:{home / 'w.db'}']))"
    )
    with Terminal(["-c", leader], {}) as terminal:
        terminal.shows("1 queue")
        terminal.hang_up()
        assert terminal.ended(5.0) == 128 + signal.SIGHUP


def end_run(home: Path) -> None:
    """The sleeping command is ended with its group."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "environ").read_bytes()
        except OSError:
            continue
        if b"WSMON_WORKSET_ID=w" in line and os.fsencode(home) in line:
            os.kill(int(folder.name), signal.SIGKILL)


def test_the_monitor_inside_runs_what_is_ready(home: Path, commands: Commands) -> None:
    (home / "wsmon.toml").write_text(f'[monitor]\ncommand = ["{sys.executable}", "-c", ""]\npoll_seconds = 0.2\n')
    register(commands, "a", "b")
    with wsmon(home, "--monitor") as terminal:
        terminal.shows("✓ 2 complete")
        terminal.press("q")
        assert terminal.ended() == 0
    assert not commands.store.monitors()


def test_a_monitor_without_a_command_says_so_and_the_screen_stays(home: Path, commands: Commands) -> None:
    register(commands, "a")
    with wsmon(home, "--monitor") as terminal:
        terminal.shows("no command is set", "wsmon.toml", "○ 1 ready")
        terminal.press("q")
        assert terminal.ended() == 0


def test_wrong_settings_end_it_with_a_sentence(home: Path) -> None:
    (home / "wsmon.toml").write_text('[monitor]\npoll_seconds = "often"\n')
    with wsmon(home) as terminal:
        assert terminal.ended() == 2
        assert "wsmon: monitor.poll_seconds in wsmon.toml" in terminal.text
        assert "Traceback" not in terminal.text
        assert LEAVE_ALTERNATE_SCREEN in terminal.received


def test_no_color_sends_none_and_fewer_bytes(home: Path, commands: Commands) -> None:
    register(commands, "a", "b")
    counts = []
    for environment in ({"NO_COLOR": "1"}, {}):
        with Terminal([*WSMON, "--store", f"sqlite:{home / 'w.db'}"], environment) as terminal:
            terminal.shows("ready")
            quiet(terminal)
            terminal.press("jk")
            quiet(terminal)
            counts.append(len(terminal.received))
            colours = re.findall(
                rb"\x1b\[[0-9;]*?(?:38|48|3[0-7]|4[0-7]|9[0-7]|10[0-7])(?:;[0-9;]*)?m", terminal.received
            )
            assert bool(colours) is not bool(environment)
            terminal.press("q")
            terminal.ended()
    assert counts[0] < counts[1]


def test_ctrl_z_gives_the_terminal_back_and_fg_the_screen(home: Path, commands: Commands) -> None:
    register(commands, "first")
    words = shlex.join([sys.executable, *WSMON, "--store", f"sqlite:{home / 'w.db'}"])
    shell = f"import os; os.execvp('bash', ['bash', '-mc', {words + '; echo HERE-IS-THE-SHELL; sleep 0.3; fg'!r}])"
    with Terminal(["-c", shell], {}) as terminal:
        terminal.shows("first", "1 queue")
        terminal.press("\x1a")
        terminal.shows("HERE-IS-THE-SHELL")
        terminal.shows("first", "1 queue", "quit")
        terminal.press("q")
        assert terminal.ended() == 0


def test_a_paste_of_a_megabyte_and_a_storm_of_sizes_leave_it_alive(home: Path, commands: Commands) -> None:
    register(commands, *(f"w{n}" for n in range(20)))
    with wsmon(home) as terminal:
        terminal.shows("w19")
        terminal.paste("RUIq\n" * 200_000)
        for size in ((20, 5), (200, 60), (80, 24), (3, 2), (120, 40)):
            terminal.resize(*size)
        terminal.press("\x0c")
        terminal.shows("w19", "1 queue", "quit", seconds=30)
        terminal.press("/")
        terminal.paste("x" * 1_000_000)
        terminal.press("zz")
        terminal.shows("nothing matches", seconds=30)
        terminal.press("\x1b")
        terminal.shows("w19")
        terminal.press("q")
        assert terminal.ended() == 0
    assert {workset.workset_id for workset in commands.rows(WorksetState.READY)} == {f"w{n}" for n in range(20)}


def test_a_fault_of_its_own_gives_the_terminal_back_and_names_a_report(home: Path, commands: Commands) -> None:
    register(commands, "first")
    code = (
        "import tui.view\n"
        "def broken(self, by):\n"
        "    raise ZeroDivisionError('a fault of ours')\n"
        "tui.view.View.step = broken\n"
        "from wsmon.cli.main import main\n"
        f"main(['--store', 'sqlite:{home / 'w.db'}'])\n"
    )
    with Terminal(["-c", code], {"TMPDIR": str(home)}) as terminal:
        terminal.shows("first")
        terminal.press("\t")
        assert terminal.ended() == 1
        assert LEAVE_ALTERNATE_SCREEN in terminal.received
        assert b"an unexpected error (ZeroDivisionError); please report" in terminal.received
        assert b"Traceback" not in terminal.received
    (report,) = home.glob("wsmon-report-*")
    assert "a fault of ours" in report.read_text()


def test_a_cursor_step_is_few_bytes(home: Path, commands: Commands) -> None:
    register(commands, *(f"RUN{n:05}-HG{n:03}" for n in range(2000)))
    with wsmon(home, size=(160, 48)) as terminal:
        terminal.shows("RUN00020-HG020")
        terminal.press("j")
        quiet(terminal)
        steps = [bytes_of(terminal, lambda: terminal.press("j")) for _ in range(15)]
        assert 50 < statistics.median(steps) <= 512, steps


def test_an_idle_screen_is_almost_silent(home: Path, commands: Commands) -> None:
    commands.clock = Past()
    register(commands, *(f"w{n}" for n in range(20)))
    with wsmon(home, size=(160, 48), WSMON_TUI__MOUSE="false") as terminal:
        terminal.shows("w19", " live")
        quiet(terminal)
        started, count, before = time.monotonic(), 0, wakes(terminal.process.pid)
        while time.monotonic() - started < 4:
            count += terminal.read(0.2)
        # Ages of minutes tick once a minute; nothing else does.
        assert count / 4 < 1024
        # One look at the store a second and one at the clock; Textual's own driver alone would wake ten times.
        assert (wakes(terminal.process.pid) - before) / 4 < 6
        terminal.press("q")
        assert terminal.ended() == 0
    assert b"\x1b[?1049h" in terminal.received
    assert b"\x1b[?1000" not in terminal.received, "the mouse is the terminal's"


def wakes(pid: int) -> int:
    """How often its threads have begun to work so far."""
    lines = [
        line for task in Path(f"/proc/{pid}/task").iterdir() for line in (task / "status").read_text().splitlines()
    ]
    return sum(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))


def test_nothing_slow_is_imported_before_the_first_frame(home: Path) -> None:
    code = (
        "import json, os, sys\n"
        "import tui.worker\n"
        "def run(self):\n"
        "    open('modules.json', 'w').write(json.dumps(sorted(sys.modules)))\n"
        "    os._exit(0)\n"
        "tui.worker.Follower.run = run\n"
        "from wsmon.cli.main import main\n"
        "main()\n"
    )
    with Terminal(["-c", code], {}) as terminal:
        terminal.ended()
    loaded = set(json.loads((home / "modules.json").read_text()))
    assert "textual" in loaded
    assert not loaded & set(NOT_BEFORE_THE_FIRST_FRAME)

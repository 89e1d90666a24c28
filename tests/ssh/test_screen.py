"""The TUI over a real SSH line: keys, a resize, and a line that is cut in mid-use."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import pytest

from tests.ssh.conftest import Daemon
from tests.tui.terminal import WSMON, Terminal
from tests.waiting import wait_for
from wsmon.adapters.clock import SystemClock
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.spec import WorksetSpec
from wsmon.services.commands import Commands

SSH = "import os, sys; os.execvp('ssh', sys.argv[1:])"


def processes(marker: str) -> list[int]:
    """Who runs with this in its command line, ssh itself aside."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if os.fsencode(marker) in words and words[0] != b"ssh":
            found.append(int(folder.name))
    return found


@pytest.mark.system
def test_it_shows_moves_resizes_and_ends_with_its_line(sshd: Daemon, tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "far.db")
    store.init()
    commands = Commands(store, SystemClock(), "t")
    list(commands.register_many(WorksetSpec(f"w{n:02}", "b", "p") for n in range(30)))
    url = f"sqlite:{tmp_path / 'far.db'}"
    far = shlex.join([sys.executable, *WSMON, "--store", url])
    target = sshd.target()
    line = (
        *("ssh", "-tt", "-p", str(target.port), "-i", str(target.identity_file), "-o", "BatchMode=yes"),
        *("-o", f"UserKnownHostsFile={target.known_hosts}", f"{target.user}@{target.host}", far),
    )
    with Terminal(["-c", SSH, *line], {}, (100, 30)) as terminal:
        terminal.shows("w00", "w05", "1 queue", seconds=30)
        terminal.press("jj\r")
        terminal.shows("w02", "history (UTC)")
        terminal.press("q")
        terminal.resize(80, 24)
        terminal.shows(" 1 queue  2 locks  3 clusters  4 alerts")
        assert processes(url)
        sshd.kill()
        wait_for(lambda: not processes(url), 5.0)
        terminal.ended()

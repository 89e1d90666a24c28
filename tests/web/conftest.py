"""`wsmon web` as a process of its own, over a store with three worksets."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.run import Cli
from tests.waiting import wait_for
from wsmon.adapters.clock import SystemClock
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.spec import WorksetSpec
from wsmon.services.commands import Commands


@dataclass
class Site:
    """Where it is, whose store it serves, and what it has said."""

    url: str
    commands: Commands
    log: Path
    process: subprocess.Popen[bytes]


@contextlib.contextmanager
def serving(folder: Path, commands: Commands, *flags: str) -> Iterator[Site]:
    """The pages, until the end of the block; they must end cleanly."""
    log = folder / "web.log"
    command = [sys.executable, "-m", "wsmon", "--store", f"sqlite:{folder / 'w.db'}", "web", "--port", "0", *flags]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stderr=out, stdout=out, cwd=folder)
    try:
        url = wait_for(lambda: re.search(r"http://127\.0\.0\.1:\d+", log.read_text()))
        assert url is not None
        yield Site(url[0], commands, log, process)
        if process.poll() is not None:
            return  # the test has ended it
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[Commands]:
    store = SqliteStore(tmp_path / "w.db")
    made = Commands(store, SystemClock(), "local")
    for number in (1, 2, 3):
        made.register(WorksetSpec(f"RUN-{number}", "b", "p"))
    made.ignore("RUN-1", reason="for the test")
    yield made
    store.close()


@pytest.fixture
def site(tmp_path: Path, commands: Commands) -> Iterator[Site]:
    with serving(tmp_path, commands) as made:
        yield made


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)

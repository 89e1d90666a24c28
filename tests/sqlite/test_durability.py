"""kill -9 at any moment: it opens again, and nothing acknowledged is lost."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from wsmon.adapters.clock import SystemClock
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.states import WorksetState
from wsmon.services.commands import Commands

# Registers, locks, starts and completes worksets for ever, and acknowledges each commit on its standard output.
WRITER = """
import itertools, os, sys
from pathlib import Path
from wsmon.adapters.clock import SystemClock
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.spec import WorksetSpec
from wsmon.services.commands import Commands
path, who = Path(sys.argv[1]), sys.argv[2]
commands = Commands(SqliteStore(path), SystemClock(), who)
for n in itertools.count():
    name = f"{who}-{os.getpid()}-{n}"
    def told(rev):
        os.write(1, f"{name} {rev}\\n".encode())
    told(commands.register(WorksetSpec(name, "b")).rev)
    lease = commands.acquire(name, holder=who, seconds=60)
    told(2)
    told(commands.start(name, token=lease.token).rev)
    told(commands.complete(name, token=lease.token).rev)
"""


def checked(path: Path, acknowledged: dict[str, int]) -> None:
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    store = SqliteStore(path)
    commands = Commands(store, SystemClock(), "checker")
    for name, rev in acknowledged.items():
        assert commands.get(name).rev >= rev
    rows = [row for state in WorksetState for row in commands.rows(state)]
    tallies = store.tallies()
    for state in WorksetState:
        assert tallies[state] == sum(row.state is state for row in rows)
    for row in rows[-50:]:
        assert [event.seq for event in store.history(row.workset_id)] == list(range(1, row.rev + 1))
    held = {lease.workset_id for lease in store.leases()}
    assert held == {row.workset_id for row in rows if row.holder is not None}
    store.close()


def test_kill_9_of_writers_loses_nothing_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "wsmon.db"
    draw = random.Random(5)
    acknowledged: dict[str, int] = {}
    for _ in range(4):
        writers = [
            subprocess.Popen([sys.executable, "-c", WRITER, str(path), f"w{n}"], stdout=subprocess.PIPE, bufsize=0)
            for n in range(3)
        ]
        for writer in writers:
            assert writer.stdout is not None
            for _ in range(draw.randrange(3, 40)):
                name, _, rev = writer.stdout.readline().decode().partition(" ")
                acknowledged[name] = int(rev)
        for writer in writers:
            os.kill(writer.pid, signal.SIGKILL)
        for writer in writers:
            assert writer.stdout is not None
            for line in writer.stdout.read().decode().splitlines():
                name, _, rev = line.partition(" ")
                acknowledged[name] = int(rev)
            writer.stdout.close()
            writer.wait()
        checked(path, acknowledged)
    assert len(acknowledged) > 12


def test_many_processes_open_a_new_store_at_once(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "folder" / "wsmon.db"
    script = (
        "import sys;from pathlib import Path;from wsmon.adapters.sqlite import SqliteStore;"
        "SqliteStore(Path(sys.argv[1])).init();print('ok')"
    )
    openers = [
        subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for _ in range(8)
    ]
    assert [opener.communicate()[0] for opener in openers] == [b"ok\n"] * 8
    assert path.parent.stat().st_mode & 0o077 == 0


def test_threads_share_a_store(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "wsmon.db")
    failures: list[BaseException] = []

    def work(n: int) -> None:
        commands = Commands(store, SystemClock(), f"t{n}")
        try:
            from wsmon.domain.spec import WorksetSpec

            for i in range(20):
                commands.register(WorksetSpec(f"w{n}-{i}", "b"))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert store.tallies()[WorksetState.READY] == 160
    store.close()


@pytest.mark.parametrize("count", [20_000])
def test_twenty_thousand_worksets_page_completely(tmp_path: Path, count: int) -> None:
    from wsmon.domain.spec import WorksetSpec

    store = SqliteStore(tmp_path / "wsmon.db")
    commands = Commands(store, SystemClock(), "filler")
    specs = (WorksetSpec(f"w{n}", "b") for n in range(count))
    assert sum(done for done, _ in commands.register_many(specs)) == count
    assert len({row.workset_id for row in commands.rows(WorksetState.READY)}) == count
    assert store.tallies()[WorksetState.READY] == count
    store.close()

"""32 racers (4 processes of 8 threads) on one ready workset: one winner each round, on every engine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import peers
from tests.race.racers import opened
from wsmon.adapters.clock import SystemClock
from wsmon.domain.spec import WorksetSpec
from wsmon.services.commands import Commands

ROUNDS = int(os.environ.get("WSMON_RACE_ROUNDS", "30"))
PROCESSES = 4
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(params=["sqlite", "dynoxide", "ministack"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    engine = str(request.param)
    if engine == "sqlite":
        return engine, str(tmp_path / "wsmon.db")
    return engine, f"{peers.url(engine)} {peers.new_table()}"


@pytest.fixture
def racers(where: tuple[str, str]) -> Iterator[list[subprocess.Popen[str]]]:
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.race.racers", *where],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=peers.ROOT,
        )
        for _ in range(PROCESSES)
    ]
    yield processes
    for process in processes:
        process.communicate()


def test_one_winner_each_round(where: tuple[str, str], racers: list[subprocess.Popen[str]]) -> None:
    store = opened(*where)
    store.init()
    commands = Commands(store, SystemClock(), "judge")
    for number in range(ROUNDS):
        name = f"w{number}"
        commands.register(WorksetSpec(name, "b"))
        for process in racers:
            assert process.stdin is not None
            process.stdin.write(name + "\n")
            process.stdin.flush()
        winners = []
        for process in racers:
            assert process.stdout is not None
            winners += process.stdout.readline().split()
        assert len(winners) == 1, f"round {number}: {winners}"
        lease = store.lease(name)
        assert lease is not None
        assert (lease.holder, lease.token) == (winners[0], 1)
        assert commands.get(name).rev == 2
    store.close()

"""Rounds of a race: 4 processes of 8 threads go for one ready workset, and the store is asked who won."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from tests import peers
from tests.race.racers import opened
from wsmon.adapters.clock import SystemClock
from wsmon.domain.spec import WorksetSpec
from wsmon.services.commands import Commands

PROCESSES = 4


def _racers(engine: str, where: str) -> list[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.race.racers", engine, where]
    pipe = subprocess.PIPE
    return [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=peers.ROOT) for _ in range(PROCESSES)]


def race(engine: str, where: str, rounds: int) -> Iterator[list[str]]:
    """The holders that were told they won, a list a round. Raises AssertionError where the store says otherwise."""
    store = opened(engine, where)
    store.init()
    commands, racers = Commands(store, SystemClock(), "judge"), _racers(engine, where)
    try:
        for number in range(rounds):
            name = f"w{number}"
            commands.register(WorksetSpec(name, "b"))
            for process in racers:
                assert process.stdin is not None
                process.stdin.write(name + "\n")
                process.stdin.flush()
            winners: list[str] = []
            for process in racers:
                assert process.stdout is not None
                winners += process.stdout.readline().split()
            lease = store.lease(name)
            held = (lease.holder, lease.token) if lease is not None else None
            assert held == ((winners[0], 1) if winners else None), (
                f"round {number}: {winners}, but the store says {held}"
            )
            assert commands.get(name).rev == 1 + len(winners)
            yield winners
    finally:
        for process in racers:
            process.communicate()
        store.close()

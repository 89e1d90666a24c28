"""50 threads count under one lock: the counter is what they counted. Without the lock it is not."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests import peers
from tests.race.racers import opened
from wsmon.adapters.clock import SystemClock
from wsmon.domain.errors import LockHeld
from wsmon.domain.spec import WorksetSpec
from wsmon.services.commands import Commands

THREADS, OBJECTS = 50, 5
TIMES = max(1, int(os.environ.get("WSMON_RACE_ROUNDS", "8")) // 100)
"""How often each thread counts."""
PAUSE = 0.001
pytestmark = pytest.mark.timeout(1800)
Guard = Callable[[int], AbstractContextManager[object]]


class Counter:
    """A number in a file, counted by reading it, a pause, and writing it again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.write_text("0")

    def count(self) -> None:
        seen = self.value
        time.sleep(PAUSE)
        part = self._path.with_name(f"part-{threading.get_ident()}")
        part.write_text(str(seen + 1))
        part.replace(self._path)

    @property
    def value(self) -> int:
        return int(self._path.read_text())


def all_count(counter: Counter, guard: Guard) -> None:
    """Every thread counts so many times."""
    begin = threading.Barrier(THREADS)

    def work(number: int) -> None:
        begin.wait()
        for _ in range(TIMES):
            with guard(number):
                counter.count()

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))


@pytest.fixture(params=["sqlite", "dynoxide", pytest.param("ministack", marks=pytest.mark.ci)])
def commands(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[Commands]]:
    """Several callers, each on a store of its own, shared by some of the threads."""
    engine = request.param
    where = str(tmp_path / "w.db") if engine == "sqlite" else f"{peers.url(engine)} {peers.new_table()}"
    stores = [opened(engine, where) for _ in range(OBJECTS)]
    stores[0].init()
    made = [Commands(store, SystemClock(), f"c{number}") for number, store in enumerate(stores)]
    made[0].register(WorksetSpec("counter", "b"))
    yield made
    for store in stores:
        store.close()


def test_under_the_lock_the_counter_is_the_sum(commands: list[Commands], tmp_path: Path) -> None:
    counter, tokens, attempt = Counter(tmp_path / "counter"), [0], itertools.count()

    @contextlib.contextmanager
    def locked(number: int) -> Iterator[None]:
        mine = commands[number % OBJECTS]
        while True:
            try:
                lease = mine.acquire("counter", holder=f"t{number}-{next(attempt)}", seconds=60)
                break
            except LockHeld:
                time.sleep(random.uniform(0.01, 0.2))
        tokens.append(lease.token)
        yield
        mine.release("counter", token=lease.token)

    all_count(counter, locked)
    assert counter.value == THREADS * TIMES
    assert tokens == list(range(THREADS * TIMES + 1))  # the fence grew by one with every holder, in order
    assert len(commands[0].store.history("counter")) == 1 + 2 * THREADS * TIMES


def test_without_the_lock_counts_are_lost(tmp_path: Path) -> None:
    """The control: the same counting can tell whether there is a lock."""
    counter = Counter(tmp_path / "counter")
    all_count(counter, lambda number: contextlib.nullcontext())
    assert 0 < counter.value < THREADS * TIMES

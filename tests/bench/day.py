"""`python -m tests.bench.day HOURS`: a headless monitor lives so many simulated hours; a line of JSON an hour.

The monitor, its leases, its reaper and a SQLite store are the real ones; the clock moves when it is told, and a run is
an entry that ends after some simulated minutes, some of them badly.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

import psutil

from wsmon.adapters.clock import SystemClock
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import WorksetPriority, WorksetState
from wsmon.domain.workset import RetryPolicy, RunRecord
from wsmon.ports import ClusterRecord, Place, RunRequest, RunState, RunStatus, StateStore
from wsmon.services.chance import Chance
from wsmon.services.commands import Commands
from wsmon.services.config import MonitorConfig
from wsmon.services.monitor import Monitor

HOUR_SECONDS = 3600.0
POLL_SECONDS = 5.0
TIERS = tuple(WorksetPriority)


class MovedClock(SystemClock):
    """Starts now and moves when it is told to."""

    def __init__(self) -> None:
        self._at, self._seconds = super().now(), 0.0

    def now(self) -> int:
        return self._at + int(self._seconds * 1e6)

    def monotonic(self) -> float:
        return self._seconds

    boottime = monotonic

    def sleep(self, seconds: float) -> None:
        self._seconds += seconds


class BriefRunner:
    """Runs that end by the clock, one in ten with a code that is tried again."""

    def __init__(self, clock: MovedClock) -> None:
        self._clock = clock
        self._ends: dict[str, tuple[float, int]] = {}
        self._choose = random.Random(7)

    def place(self) -> Place:
        return Place("place-1", "node-1", "boot-1")

    def plan(self, workset_id: str, run_token: int, cluster: str | None = None) -> RunRecord:
        return RunRecord(run_token, "place-1", "node-1", "boot-1", f"/runs/{workset_id}/{run_token}")

    def ready(self, cluster: str | None = None) -> None:
        """There is always room."""

    def prepare(self, request: RunRequest) -> None:
        """Nothing is needed."""

    def spawn(self, request: RunRequest) -> None:
        code = 75 if self._choose.random() < 0.1 else 0
        self._ends[request.run.folder] = (self._clock.monotonic() + self._choose.uniform(60, 1200), code)

    def raise_token(self, workset_id: str, token: int, run: RunRecord | None = None) -> None:
        """Nothing older starts here: nothing starts by itself."""

    def look(self, workset_id: str, run: RunRecord) -> RunStatus:
        ends, code = self._ends[run.folder]
        if self._clock.monotonic() < ends:
            return RunStatus(RunState.RUNNING, seconds=1.0)
        del self._ends[run.folder]
        return RunStatus(RunState.ENDED, code, 60.0)

    def stop(self, workset_id: str, run: RunRecord, *, force: bool) -> bool:
        self._ends[run.folder] = (0.0, 143)
        return True

    def live_runs(self) -> list[tuple[str, RunRecord]]:
        return []

    def newly_reached(self) -> bool:
        return False

    def log_from(self, run: RunRecord, offset: int | None, limit: int = 4096) -> tuple[str, int]:
        return "", 0

    def log_tail(self, run: RunRecord, limit: int = 4096) -> str:
        return "the last line"


class OneCluster:
    """A cluster that is always well."""

    def clusters(self, now: int) -> list[ClusterRecord]:
        return [ClusterRecord("cl", 8, now, vcpus=8, load=1.0)]


class NoLog:
    """Tells nobody."""

    def info(self, event: str, **fields: object) -> None: ...

    warning = error = info


def make_monitor(store: StateStore, clock: Any, name: str = "mon-1") -> Monitor:
    """A monitor as it works on a head node, its runs simulated."""
    config = MonitorConfig(name, "cl", 8, command=("run", "{workset_id}"), poll_seconds=POLL_SECONDS, max_concurrent=4)
    chance = Chance(choose=random.Random(7).randrange)
    policy = RetryPolicy()
    return Monitor(store, clock, BriefRunner(clock), OneCluster(), config, policy=policy, log=NoLog(), chance=chance)


def live(hours: float) -> None:
    """Live so long, with a new workset every two minutes."""
    clock = MovedClock()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        store = SqliteStore(Path(folder) / "w.db")
        store.init()
        # SQLite's cache of pages grows with the file to 2 MiB and stops; here it is full from the start.
        store._connections.run(lambda connection: connection.execute("PRAGMA cache_size = -128"))
        commands, monitor = Commands(store, clock, "pipeline"), make_monitor(store, clock)
        registered = passes = 0
        told, process = 0, psutil.Process()
        while clock.monotonic() < hours * HOUR_SECONDS:
            if clock.monotonic() >= registered * 120.0:
                commands.register(WorksetSpec(f"w{registered}", "bucket", "prefix", TIERS[registered % 3]))
                registered += 1
            monitor.step()
            monitor.keeper.renew_due()
            clock.sleep(POLL_SECONDS)
            passes += 1
            if clock.monotonic() >= (told + 1) * HOUR_SECONDS:
                told += 1
                complete = store.tallies()[WorksetState.COMPLETE]
                mib = process.memory_info().rss / 2**20
                print(json.dumps({"hour": told, "mib": mib, "passes": passes, "complete": complete}), flush=True)
        store.close()


if __name__ == "__main__":
    live(float(sys.argv[1]))

"""Commands on a store of its own, with a clock that a test moves."""

from __future__ import annotations

import threading
from pathlib import Path

from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.times import Instant, micros
from wsmon.domain.workset import RetryPolicy, Workset
from wsmon.services.commands import Commands


class HandClock:
    """Stands still until it is moved; the wall clock and the monotonic one may be moved apart."""

    def __init__(self) -> None:
        self.wall: Instant = 1_700_000_000_000_000
        self.mono = 100.0

    def now(self) -> Instant:
        return self.wall

    def monotonic(self) -> float:
        return self.mono

    boottime = monotonic

    def sleep(self, seconds: float) -> None:
        self.move(seconds)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.move(seconds)
        return event.is_set()

    def move(self, seconds: float) -> None:
        self.wall += micros(seconds)
        self.mono += seconds


class Desk:
    """One store, one clock, one admin."""

    def __init__(self, folder: Path) -> None:
        self.clock = HandClock()
        self.store = SqliteStore(folder / "wsmon.db")
        self.commands = Commands(self.store, self.clock, "admin", policy=RetryPolicy(max_attempts=3, base=10))

    def register(self, workset_id: str = "w") -> Workset:
        return self.commands.register(WorksetSpec(workset_id, "b", "p"))

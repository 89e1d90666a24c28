"""Every engine behind the same port: the same tests, unchanged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests import peers
from wsmon.adapters.clock import SystemClock
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import WorksetPriority
from wsmon.domain.workset import Workset
from wsmon.ports import StateStore
from wsmon.services.commands import Commands

ENGINES = ["sqlite", "memory", "dynoxide", pytest.param("ministack", marks=pytest.mark.ci)]


@dataclass
class World:
    """A store, and other handles on the same data."""

    engine: str
    open: Callable[[], StateStore]
    store: StateStore = field(init=False)
    commands: Commands = field(init=False)
    others: list[StateStore] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = self.open()
        self.store.init()
        self.commands = Commands(self.store, SystemClock(), "tester")

    def other(self) -> StateStore:
        self.others.append(self.open())
        return self.others[-1]

    def register(self, workset_id: str = "w1", priority: str = "normal", **metadata: Any) -> Workset:
        return self.commands.register(WorksetSpec(workset_id, "b", "p", WorksetPriority(priority), metadata))

    def close(self) -> None:
        for store in [self.store, *self.others]:
            store.close()


@pytest.fixture(params=ENGINES)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    engine = str(request.param)
    if engine == "sqlite":
        made = World(engine, lambda: SqliteStore(tmp_path / "wsmon.db"))
    elif engine == "memory":
        one = SqliteStore(None)
        made = World(engine, lambda: one)
    else:
        table = peers.new_table()
        made = World(engine, lambda: peers.dynamo_store(engine, table))
    yield made
    made.close()

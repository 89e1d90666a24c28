"""A store, a place and monitors on them, with short locks."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.waiting import wait_for
from wsmon.adapters.clock import SystemClock
from wsmon.adapters.local_pool import LocalPool
from wsmon.adapters.runner import LocalRunner
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.change import Event
from wsmon.domain.queueing import Policy
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import WorksetPriority, WorksetState
from wsmon.domain.workset import RetryPolicy, Workset
from wsmon.ports import StateStore
from wsmon.services.chance import Chance
from wsmon.services.commands import Commands
from wsmon.services.config import MonitorConfig
from wsmon.services.monitor import Monitor
from wsmon.services.runs import Problems

CLOCK = SystemClock()
POLICY = RetryPolicy(max_attempts=3, base=0.05, cap=0.2)
# Appends one line at the start and one at the end, each in one write.
WORK = (
    "import os,sys,time;f=os.open(sys.argv[1],os.O_WRONLY|os.O_CREAT|os.O_APPEND);"
    "e=os.environ;n=' '.join((e['WSMON_WORKSET_ID'],e['WSMON_FENCING_TOKEN'],e['WSMON_ATTEMPT']));"
    "os.write(f,('start '+n+'\\n').encode());time.sleep(float(sys.argv[2]));os.write(f,('end '+n+'\\n').encode());"
    "sys.exit(int(sys.argv[3]))"
)


class SilentLog:
    """Keeps what was told."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, object]]] = []

    def info(self, event: str, **fields: object) -> None:
        self.lines.append((event, fields))

    warning = error = info

    def told(self, event: str) -> bool:
        return any(line[0] == event for line in self.lines)


class World:
    """One store and one place in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store: StateStore = SqliteStore(folder / "wsmon.db")
        self.store.init()
        self.commands = Commands(self.store, CLOCK, "operator")
        self.effects = folder / "effects"
        self.log = SilentLog()
        self.lost: list[str] = []
        """A monitor's name for each lock that it did not get or lost."""

    def command(self, seconds: float = 0.0, exit_code: int = 0) -> tuple[str, ...]:
        return (sys.executable, "-I", "-S", "-c", WORK, str(self.effects), str(seconds), str(exit_code))

    def monitor(
        self,
        name: str = "m1",
        *,
        store: StateStore | None = None,
        place: str = "runs",
        scheduling: Policy | None = None,
        problems: Problems | None = None,
        gone: Callable[[str], str] = lambda _: "",
        **config: Any,
    ) -> Monitor:
        defaults: dict[str, Any] = {
            "cluster": "local",
            "slots": 8,
            "command": self.command(),
            "poll_seconds": 0.1,
            "max_concurrent": 4,
            "lease_seconds": 0.8,
            "renew_seconds": 0.2,
            "skew_seconds": 0.3,
            "stop_grace_seconds": 0.3,
        }
        settings = MonitorConfig(name=name, **{**defaults, **config})
        return Monitor(
            store or self.store,
            CLOCK,
            LocalRunner(self.folder / place, CLOCK),
            LocalPool(settings.cluster, settings.slots),
            settings,
            policy=POLICY,
            log=self.log,
            scheduling=scheduling,
            problems=problems,
            gone=gone,
            chance=Chance(choose=random.Random(1).randrange),
            lost=lambda: self.lost.append(name),
        )

    def register(self, workset_id: str = "w1", priority: str = "normal", **metadata: Any) -> Workset:
        spec = WorksetSpec(workset_id, "bucket", f"in/{workset_id}", WorksetPriority(priority), metadata)
        return self.commands.register(spec)

    def get(self, workset_id: str = "w1") -> Workset:
        return self.commands.get(workset_id)

    def drive(self, monitor: Monitor, until: Callable[[], Any], seconds: float = 45.0) -> Any:
        """Make passes until the condition holds."""

        def step() -> Any:
            monitor.keeper.renew_due()
            monitor.step()
            return until()

        return wait_for(step, seconds)

    def until(self, monitor: Monitor, state: WorksetState, workset_id: str = "w1") -> Workset:
        """Make passes until the workset is in the state."""
        self.drive(monitor, lambda: self.get(workset_id).state is state)
        return self.get(workset_id)

    def verbs(self, workset_id: str = "w1") -> list[str]:
        return [event.verb for event in self.history(workset_id)]

    def history(self, workset_id: str = "w1") -> list[Event]:
        return self.store.history(workset_id)

    def lines(self) -> list[str]:
        return self.effects.read_text().splitlines() if self.effects.exists() else []

"""A store, a place, and `wsmon monitor` processes on them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.race.racers import opened
from wsmon.adapters.clock import SystemClock
from wsmon.adapters.runner import LocalRunner
from wsmon.demo import work
from wsmon.demo.summary import Summary, summarise
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import WorksetState
from wsmon.domain.workset import Workset
from wsmon.services.commands import Commands

CONFIG = """\
[store]
url = "{url}"
{more}
[monitor]
command = ["{python}", "-I", "-S", "{work}", "{effects}", "{{metadata.seconds}}", "{{metadata.outcome}}"]
poll_seconds = 0.3
max_concurrent = 4
lease_seconds = 3.0
renew_seconds = 1.0
skew_seconds = 1.0
run_root = "{runs}"
[retry]
base_seconds = 0.2
max_attempts = 8
[pool]
name = "field"
slots = 16
"""


class Field:
    """Where a storm rages."""

    def __init__(self, engine: str, where: str, folder: Path, through: str | None = None) -> None:
        """`through` is the endpoint the monitors see, where it is not the judge's own."""
        self.engine, self.folder, self.effects = engine, folder, folder / "effects.tsv"
        self.store = opened(engine, where)
        self.store.init()
        self.commands = Commands(self.store, SystemClock(), "judge")
        self.runs = folder / "runs"
        self.monitors: dict[str, subprocess.Popen[bytes]] = {}
        url, more = f"sqlite:{where}", ""
        if engine != "sqlite":
            endpoint, table = where.split()
            url, more = f"dynamodb:{table}", f'endpoint_url = "{through or endpoint}"\nregion = "us-east-1"'
        self.config = folder / "wsmon.toml"
        self.config.write_text(
            CONFIG.format(
                url=url, more=more, python=sys.executable, work=work.__file__, effects=self.effects, runs=self.runs
            )
        )

    def register(self, count: int, seconds: float) -> None:
        specs = [WorksetSpec(f"w{n:03}", "b", metadata={"seconds": seconds, "outcome": "0"}) for n in range(count)]
        for _, refused in self.commands.register_many(specs):
            assert refused == []

    def start(self, name: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.monitors[name] = subprocess.Popen(
                [sys.executable, "-m", "wsmon", "monitor", "--config", str(self.config), "--owner-id", name],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={**os.environ, "HOME": str(self.folder)},
            )

    def kill(self, name: str) -> None:
        process = self.monitors.pop(name)
        process.kill()
        process.wait()

    def signal(self, name: str, number: signal.Signals) -> None:
        self.monitors[name].send_signal(number)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def running(self) -> Iterator[Workset]:
        for row in self.commands.rows(WorksetState.IN_PROGRESS):
            yield self.commands.get(row.workset_id)

    def finished(self, count: int) -> bool:
        return self.store.tallies()[WorksetState.COMPLETE] == count

    def summary(self) -> Summary:
        return summarise(self.store, self.commands, self.effects)

    def end(self) -> None:
        for name in list(self.monitors):
            self.signal(name, signal.SIGCONT)
            self.kill(name)
        runner = LocalRunner(self.runs, SystemClock())
        for workset_id, run in runner.live_runs():
            runner.stop(workset_id, run, force=True)
        self.store.close()

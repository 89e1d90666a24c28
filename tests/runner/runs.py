"""Runs of real processes, made and followed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import psutil

from tests.domain.build import after, ctx, ready
from tests.waiting import wait_for
from wsmon.adapters.clock import SystemClock
from wsmon.adapters.runner import LocalRunner, supervise
from wsmon.domain import holding
from wsmon.domain.diff import apply
from wsmon.domain.workset import RunRecord, Workset
from wsmon.ports import RunRequest, RunState, RunStatus

CLOCK = SystemClock()
PY = sys.executable


def locked(workset_id: str = "w1", token: int = 1) -> Workset:
    workset = apply(ready(), {"workset_id": workset_id, "token": token - 1})
    return after(holding.acquire(workset, ctx(), holder="m", duration=60))


def spawn(
    runner: LocalRunner, argv: list[str], *, workset: Workset | None = None, deadline: float = 60.0, **env: str
) -> RunRecord:
    workset = workset or locked()
    run = runner.plan(workset.workset_id, workset.token)
    request = RunRequest(workset, run, argv, CLOCK.boottime() + deadline, env)
    runner.prepare(request)
    runner.spawn(request)
    return run


def ended(runner: LocalRunner, run: RunRecord) -> RunStatus:
    def look() -> RunStatus | None:
        status = runner.look("w1", run)
        return status if status.state is not RunState.RUNNING else None

    status = wait_for(look)
    assert status is not None
    return status


def process(run: RunRecord) -> dict[str, int]:
    """What process.json says, once the command itself runs: it is written before the exec."""
    path = Path(run.folder) / "process.json"
    wait_for(path.exists)
    known: dict[str, int] = json.loads(path.read_text())
    wait_for(lambda: supervise.__file__ not in psutil.Process(known["pid"]).cmdline())
    return known

"""The stage of a demo: a temporary store, monitors in processes of their own, and what happens to them."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self

from wsmon.demo import script, work
from wsmon.demo.summary import Summary, summarise
from wsmon.domain.errors import MissingExtra, StoreError, StoreUnreachable
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import WorksetState
from wsmon.engine import Engine, open_engine
from wsmon.settings import (
    AlertSettings,
    MonitorSettings,
    PoolSettings,
    RetrySettings,
    Settings,
    StoreSettings,
    TuiSettings,
)

LEASE_SECONDS, RENEW_SECONDS, SKEW_SECONDS = 3.0, 1.0, 1.0
SLOTS, FIRST_WORKSETS, WORKSETS_A_SECOND = 6, 10, 1.1
WAITING_AT_MOST = 20
"""Nothing is registered beyond this: a queue that only grows would look like a fault."""
KILL_AFTER_SECONDS, REPLACE_AFTER_SECONDS, KILL_AGAIN_AFTER_SECONDS = 3.0, 12.0, 40.0
DEAD_SECONDS = 3.0
"""So long at least a dead lock stands before eyes: no other monitor is there until then."""
KILL_PATIENCE_SECONDS = 6.0
"""So long a kill before eyes waits for a run that will still go on when it is adopted."""
SILENT_SECONDS, REFRESH_SECONDS = 4.0, 0.5
DRAIN_SECONDS = 7.0
PEER_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Casualty:
    """A monitor that is killed in mid-run; times in seconds of the demo."""

    name: str
    kill_at: float
    killed_at: float | None = None
    number: int = 0
    alone: bool = False
    """Whether no other monitor takes over what it leaves, until its relief comes."""

    @property
    def relief_seconds(self) -> float:
        """How long after its death another takes its place."""
        return LEASE_SECONDS + SKEW_SECONDS + DEAD_SECONDS if self.alone else REPLACE_AFTER_SECONDS


class Stage:
    """Everything a demo needs; a context that leaves no file and no process behind."""

    def __init__(self, *, seed: int, speed: float, limit: int | None, engine: str, watched: bool = False) -> None:
        """`watched`: somebody looks, so the first monitor works and dies alone; else another adopts at once."""
        self._seed, self._speed, self._limit, self._kind, self._watched = seed, speed, limit, engine, watched
        self._folder = Path(tempfile.mkdtemp(prefix="wsmon-demo-"))
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._ended = threading.Event()
        self._director: threading.Thread | None = None
        self.effects = self._folder / "effects.tsv"
        self.engine: Engine

    def __enter__(self) -> Self:
        """Make the store and start the monitors. Raises MissingExtra, StoreError."""
        try:
            self.engine = open_engine(self._settings())
            self.engine.store.init()
            for name in ("victim",) if self._watched else ("victim", "steady"):
                self._start_monitor(name)
        except BaseException:
            self._clean()
            raise
        return self

    def _settings(self) -> Settings:
        url, endpoint = f"sqlite:{self._folder / 'wsmon.db'}", None
        if self._kind == "dynamodb":
            url, endpoint = "dynamodb:wsmon-demo", self._start_peer()
        command = [
            sys.executable,
            "-I",
            "-S",
            work.__file__,
            str(self.effects),
            "{metadata.seconds}",
            "{metadata.outcome}",
        ]
        return Settings(
            store=StoreSettings(url=url, region="us-east-1" if endpoint else None, endpoint_url=endpoint),
            monitor=MonitorSettings(
                command=command,
                poll_seconds=0.5,
                max_concurrent=3,
                lease_seconds=LEASE_SECONDS,
                renew_seconds=RENEW_SECONDS,
                skew_seconds=SKEW_SECONDS,
                timeout_seconds=script.TIMEOUT_SECONDS / self._speed,
                stop_grace_seconds=1.0,
                run_root=self._folder / "runs",
            ),
            retry=RetrySettings(max_attempts=2, base_seconds=1.0, cap_seconds=5.0),
            pool=PoolSettings(name="demo", slots=SLOTS),
            tui=TuiSettings(refresh_seconds=REFRESH_SECONDS),
            alerts=AlertSettings(monitor_silent_seconds=SILENT_SECONDS),
        )

    def _start_peer(self) -> str:
        """Ministack on a free port. Raises MissingExtra where it is not installed."""
        program = Path(sys.executable).with_name("ministack")
        if importlib.util.find_spec("ministack") is None or not program.exists():
            raise MissingExtra("the demo on DynamoDB needs ministack; get it with `pip install ministack` beside wsmon")
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        os.environ |= {"AWS_ACCESS_KEY_ID": "demo", "AWS_SECRET_ACCESS_KEY": "demo"}
        told = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "SERVICES": "dynamodb,sts"}
        environment = {**os.environ, **told, "TMPDIR": str(self._folder)}
        self._spawn("ministack", [str(program)], environment)
        until = time.monotonic() + PEER_SECONDS
        while time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return f"http://127.0.0.1:{port}"
            time.sleep(0.1)
        raise StoreUnreachable(f"ministack did not come up within {PEER_SECONDS:.0f} s")

    def _start_monitor(self, name: str) -> None:
        """A monitor as an operator would start it, told by the environment."""
        environment = dict(os.environ)
        for section, values in self.engine.settings.model_dump(mode="json", exclude_none=True).items():
            for setting, value in values.items():
                text = value if isinstance(value, str) else json.dumps(value)
                environment[f"WSMON_{section}__{setting}".upper()] = text
        self._spawn(name, [sys.executable, "-m", "wsmon", "monitor", "--owner-id", name], environment)

    def _spawn(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        with (self._folder / f"{name}.log").open("wb") as log:
            self._processes[name] = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder
            )

    def play(self, seconds: float | None = None) -> None:
        """Let things happen: for so long, or until the end of the context."""
        self._director = threading.Thread(target=self._direct, args=(seconds,), name="demo", daemon=True)
        self._director.start()
        if seconds is not None:
            self._ended.wait(seconds)
            self._ended.set()

    def _direct(self, seconds: float | None) -> None:
        """Register at a steady pace, and kill a monitor while it runs something."""
        source = script.worksets(self._seed, self._speed)
        begin = time.monotonic()
        registered, casualty = 0, Casualty("victim", KILL_AFTER_SECONDS, alone=self._watched)
        while not self._ended.wait(0.1):
            elapsed = time.monotonic() - begin
            due = FIRST_WORKSETS + int(elapsed * WORKSETS_A_SECOND * self._speed)
            if self._limit is not None:
                due = min(due, self._limit)
            with contextlib.suppress(StoreError):
                if seconds is None or elapsed < max(1.0, seconds - DRAIN_SECONDS):
                    registered += self._register(source, due - registered)
                casualty = self._next_casualty(casualty, elapsed)

    def _register(self, source: Iterator[WorksetSpec], missing: int) -> int:
        """Register what is due, as far as the queue has room for it; how many."""
        if missing <= 0:
            return 0
        room = max(0, WAITING_AT_MOST - self.engine.store.tallies()[WorksetState.READY])
        for spec in islice(source, min(missing, room)):
            self.engine.commands.register(spec)
        return min(missing, room)

    def _next_casualty(self, one: Casualty, elapsed: float) -> Casualty:
        """Kill the one whose time has come, put another in its place after a while, and go on with that one."""
        if one.killed_at is None:
            patient = one.alone and elapsed < one.kill_at + KILL_PATIENCE_SECONDS
            killed = elapsed > one.kill_at and self._kill_busy(one, patient=patient)
            return replace(one, killed_at=elapsed) if killed else one
        if elapsed < one.killed_at + one.relief_seconds:
            return one
        if one.alone:
            self._start_monitor("steady")
        name = f"relief-{one.number + 1}"
        self._start_monitor(name)
        return Casualty(name, elapsed + KILL_AGAIN_AFTER_SECONDS, number=one.number + 1)

    def _kill_busy(self, one: Casualty, *, patient: bool) -> bool:
        """SIGKILL a monitor that has a run going on; while `patient`, one that outlives its lock by far."""
        rows = self.engine.store.page(WorksetState.IN_PROGRESS).rows
        held = [row.workset_id for row in rows if row.holder == one.name]
        if not held or (patient and not self._outlasts(held, one.relief_seconds)):
            return False
        self._processes[one.name].kill()
        self._processes[one.name].wait()
        return True

    def _outlasts(self, held: Sequence[str], seconds: float) -> bool:
        """Whether one of these runs goes on for so long yet."""
        now = self.engine.clock.now()
        for workset in self.engine.store.records(held).values():
            gone = (now - (workset.started_at or now)) / 1e6
            if workset.metadata["outcome"] != script.HANGS and workset.metadata["seconds"] - gone > seconds:
                return True
        return False

    def summary(self) -> Summary:
        """Stop everything and count."""
        self._stop()
        return summarise(self.engine.store, self.engine.commands, self.effects)

    def _stop(self) -> None:
        self._ended.set()
        if self._director is not None:
            self._director.join(5)
        monitors = [process for name, process in self._processes.items() if name != "ministack"]
        for process in monitors:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in monitors:
            try:
                process.wait(8)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._end_runs()

    def _end_runs(self) -> None:
        runner = self.engine.runner()
        for workset_id, run in runner.live_runs():
            runner.stop(workset_id, run, force=True)

    def abandon(self) -> None:
        """The terminal is gone: end everything at once, and leave nothing behind either."""
        self._ended.set()
        self._end_processes()
        self._end_runs()
        self._clean()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave nothing behind."""
        self._stop()
        self.engine.close()
        self._clean()

    def _end_processes(self) -> None:
        for process in self._processes.values():
            if process.poll() is None:
                process.kill()
                process.wait()

    def _clean(self) -> None:
        self._end_processes()
        shutil.rmtree(self._folder, ignore_errors=True)

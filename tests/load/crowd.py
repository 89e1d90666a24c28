"""Everybody who is on one store at once: monitors, screens on terminals, an API server and its clients."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.tui.terminal import WSMON, Terminal
from wsmon.demo import work

CONFIG = """\
[store]
url = "{url}"
endpoint_url = "{endpoint}"
region = "us-east-1"
[monitor]
command = ["{python}", "-I", "-S", "{work}", "{effects}", "{seconds}", "0"]
poll_seconds = {poll}
max_concurrent = 2
run_root = "{folder}/runs"
[pool]
name = "load"
slots = {slots}
[tui]
refresh_seconds = {refresh}
"""
KEYS = ("j", "j", "k", "G", "g", "j", "2", "1", "z", "z")
CLIENT_PAUSE, START_PAUSE = 0.5, 0.3


@dataclass(frozen=True)
class Sizes:
    """How large a load is, and how fast it beats."""

    worksets: int
    monitors: int
    screens: int
    clients: int
    seconds: float
    poll: float
    refresh: float
    run_seconds: float


class Screens:
    """Screens on terminals of their own; one thread takes what they write and types now and then."""

    def __init__(self, config: Path, count: int) -> None:
        args = [*WSMON, "--config", str(config)]
        self.terminals = [Terminal(args, {}, (120, 40)) for _ in range(count)]
        self.seen: Counter[str] = Counter()
        self._ended = threading.Event()
        self._typing = threading.Event()
        self._thread = threading.Thread(target=self._attend, daemon=True)
        self._thread.start()

    def _attend(self) -> None:
        draw, due = random.Random(1), 0.0
        while not self._ended.wait(0.1):
            for terminal in self.terminals:
                terminal.read(0.0)
                terminal.received = b""  # hours of a screen are not kept
            if self._typing.is_set() and time.monotonic() > due:
                due = time.monotonic() + 1.0
                draw.choice(self.terminals).press(draw.choice(KEYS))

    def texts(self) -> list[str]:
        """What stands on each now."""
        return ["\n".join(terminal.screen.display) for terminal in self.terminals]

    def type(self) -> None:
        """Begin to press keys."""
        self._typing.set()

    def close(self) -> None:
        self._ended.set()
        self._thread.join(5)
        for terminal in self.terminals:
            terminal.__exit__(None, None, None)


@dataclass
class Client:
    """A caller of the REST API: lists, reads, registers, locks and gives back."""

    port: int
    name: str
    statuses: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        for number in range(10**9):
            for method, path, body in self._requests(f"{self.name}-{number}"):
                if self._ended.wait(CLIENT_PAUSE):
                    return
                self._ask(method, path, body)

    def _requests(self, own: str) -> Iterator[tuple[str, str, Mapping[str, object] | None]]:
        yield "GET", "/queue/stats", None
        yield "GET", "/worksets?state=in_progress&limit=50", None
        yield "GET", "/worksets/next", None
        yield "POST", "/worksets", {"workset_id": own, "bucket": "b", "prefix": f"p/{own}", "priority": "low"}
        yield "POST", f"/worksets/{own}/lock?owner_id={self.name}", None
        yield "GET", f"/worksets/{own}", None
        yield "DELETE", f"/worksets/{own}/lock?owner_id={self.name}", None

    def _ask(self, method: str, path: str, body: Mapping[str, object] | None) -> None:
        headers = {"Content-Type": "application/json"} if body else {}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            with contextlib.closing(connection):
                connection.request(method, path, json.dumps(body) if body else None, headers)
                reply = connection.getresponse()
                text = reply.read()
        except (OSError, http.client.HTTPException) as error:
            self.errors.append(f"{method} {path}: {error!r}")
            return
        self.statuses[str(reply.status)] += 1
        if not 200 <= reply.status < 300:
            self.errors.append(f"{method} {path}: {reply.status} {text[:200]!r}")

    def stop(self) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join(30)


class Crowd:
    """All of them as processes in a folder; a context that leaves none behind."""

    def __init__(self, folder: Path, table: str, endpoint: str, wire: str, sizes: Sizes) -> None:
        self.folder, self.sizes = folder, sizes
        self.effects = folder / "effects.tsv"
        self.logs: dict[str, Path] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.screens: Screens | None = None
        self.clients: list[Client] = []
        self._config = {name: self._write(name, table, url) for name, url in [("all", endpoint), ("screens", wire)]}

    def _write(self, name: str, table: str, url: str) -> Path:
        path, sizes = self.folder / f"{name}.toml", self.sizes
        path.write_text(
            CONFIG.format(
                url=f"dynamodb:{table}",
                endpoint=url,
                python=sys.executable,
                work=work.__file__,
                effects=self.effects,
                seconds=sizes.run_seconds,
                poll=sizes.poll,
                folder=self.folder,
                slots=max(2, 2 * sizes.monitors),
                refresh=sizes.refresh,
            )
        )
        return path

    def _start(self, name: str, *args: str) -> None:
        self.logs[name] = self.folder / f"{name}.log"
        with self.logs[name].open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "wsmon", *args, "--config", str(self._config["all"])],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={**os.environ, "HOME": str(self.folder)},
            )

    def start_monitors(self) -> None:
        for number in range(self.sizes.monitors):
            self._start(f"monitor-{number:02}", "monitor", "--owner-id", f"m{number:02}")
            time.sleep(START_PAUSE)

    def runs(self) -> list[str]:
        """Lines of runs that began so far."""
        lines = self.effects.read_text().splitlines() if self.effects.exists() else []
        return [line for line in lines if line.startswith("start")]

    def start_screens(self) -> None:
        self.screens = Screens(self._config["screens"], self.sizes.screens)

    def start_api(self, port: int) -> None:
        """The server; its clients begin with `talk`."""
        self._start("api", "api", "--port", str(port))
        self.clients = [Client(port, f"api-{number}") for number in range(self.sizes.clients)]

    def talk(self) -> None:
        for client in self.clients:
            client.start()

    def pids(self) -> dict[str, int]:
        """Every process by name."""
        found = {name: process.pid for name, process in self.processes.items()}
        terminals = self.screens.terminals if self.screens else []
        return found | {f"screen-{n:02}": terminal.process.pid for n, terminal in enumerate(terminals)}

    def died(self) -> list[str]:
        """Who ended though nobody asked."""
        ended = [name for name, process in self.processes.items() if process.poll() is not None]
        terminals = self.screens.terminals if self.screens else []
        return ended + [f"screen-{n:02}" for n, terminal in enumerate(terminals) if terminal.process.poll() is not None]

    def stop(self) -> None:
        """End clients and screens, then the monitors cleanly."""
        for client in self.clients:
            client.stop()
        if self.screens is not None:
            self.screens.close()
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

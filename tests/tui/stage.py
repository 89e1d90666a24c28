"""Stores with a known content and a clock that stands, for the TUI to show."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textual.app import App
from textual.pilot import Pilot

from tests.domain.build import SECOND, T0
from tui.app import WsmonApp
from tui.kept import Kept
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.change import SlotClaim
from wsmon.domain.errors import Refused, StoreUnreachable
from wsmon.domain.ruling import Ruling
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import ErrorCategory, WorksetPriority, WorksetState
from wsmon.domain.workset import RetryPolicy, RunRecord, Workset
from wsmon.ports import AlertRecord, ClusterRecord, Log, MonitorRecord, StoreInfo
from wsmon.services.alarms import Alarms
from wsmon.services.arming import Gate
from wsmon.services.chance import Chance
from wsmon.services.commands import Commands
from wsmon.services.scheduler import Scheduler

HOSTILE = "[bold red]x[/] \x1b[2J\x1b]0;title\x07\r\n🧬世界 \u202eoverride"


class StillClock:
    """Stands until it is moved."""

    def __init__(self) -> None:
        self.at = T0

    def now(self) -> int:
        return self.at

    def monotonic(self) -> float:
        return self.at / SECOND

    def boottime(self) -> float:
        return self.monotonic()

    def sleep(self, seconds: float) -> None:
        self.at += int(seconds * SECOND)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.sleep(seconds)
        return event.is_set()


class Cuttable:
    """A store that can be cut off."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.cut = False
        self.info = StoreInfo("sqlite", "~/wsmon.db")

    def __getattr__(self, name: str) -> Any:
        if self.cut:
            raise StoreUnreachable("table 'worksets' does not answer (EndpointConnectionError)")
        return getattr(self._store, name)


@dataclass
class Stage:
    """A session of the TUI on a store of its own."""

    folder: Path
    writable: bool = True
    bell: bool = True
    mouse: bool = True
    refresh_seconds: float = 0.05
    who: str = "ada@node-1"
    skew_seconds: float = 60.0
    store_url: str = ""
    silent_seconds: float = 120.0
    production: str = ""
    aws_account: str = ""
    units: float | None = None
    channels: bool = False
    keys: dict[str, str] = field(default_factory=dict)
    gate: Gate | None = None
    clock: StillClock = field(default_factory=StillClock)

    def __post_init__(self) -> None:
        self.real = SqliteStore(self.folder / "wsmon.db")
        self.real.init()
        self.store: Any = Cuttable(self.real)
        self.commands = Commands(
            self.store,
            self.clock,
            self.who,
            policy=RetryPolicy(),
            writable=self.writable,
            chance=Chance(jitter=lambda: 0.0),
            gate=self.gate,
        )
        self.filler = Commands(self.real, self.clock, "mon-1", chance=Chance(jitter=lambda: 0.0))

    ruling: Ruling | None = None

    def account(self) -> str:
        return self.aws_account

    def scheduler(self) -> Scheduler:
        return Scheduler(self.store, self.clock)

    def alarms(self) -> Alarms:
        return Alarms(self.commands, self.skew_seconds)

    def monitor(self, log: Log, **changes: Any) -> Any:
        raise AssertionError("no test here runs a monitor inside")

    log: str = ""
    """What a run wrote."""

    def run_log(self, workset: Workset, offset: int | None, limit: int = 65_536) -> tuple[str, int]:
        if workset.run is None:
            raise Refused(f"{workset.workset_id!r} has no run yet; there is no log")
        begin = max(0, len(self.log) - limit) if offset is None else offset
        return self.log[begin : begin + limit], min(len(self.log), begin + limit)

    def close(self) -> None:
        self.real.close()

    def app(self, replay: tuple[float, float] | None = None) -> WsmonApp:
        return WsmonApp(lambda: self, replay=replay, kept=Kept(self.folder / "state" / "screen.json"))

    def pass_seconds(self, seconds: float) -> None:
        self.clock.sleep(seconds)

    # filling

    def register(self, name: str, priority: str = "normal", **metadata: Any) -> None:
        self.filler.register(WorksetSpec(name, "lsmc-omics", f"runs/{name}", WorksetPriority(priority), metadata))

    def lock(self, name: str, holder: str = "mon-1", seconds: float = 3600, slot: bool = True) -> int:
        claim = SlotClaim("use1-cl7", 8) if slot else None
        return self.filler.acquire(name, holder=holder, seconds=seconds, claim=claim).token

    def run(self, name: str, holder: str = "mon-1", seconds: float = 3600) -> int:
        token = self.lock(name, holder, seconds)
        self.filler.start(name, token=token, run=RunRecord(token, "place", "node-1", "boot", f"/runs/{name}/1"))
        return token

    def fail(self, name: str, category: str, details: str) -> None:
        token = self.run(name)
        self.filler.fail(name, token=token, category=ErrorCategory(category), details=details)

    def busy(self) -> Stage:
        """Something in every state, as on a working day."""
        for n in range(1, 31):
            self.register(f"RUN{n:03}-HG{n * 37 % 900:03}", ("normal", "low", "urgent", "normal")[n % 4])
            self.pass_seconds(7)
        names = [row.workset_id for row in self.filler.rows(WorksetState.READY)]
        for name, seconds in zip(names[:4], (3600, 300, 120, 60), strict=True):
            token = self.run(name, f"mon-{len(name) % 3 + 1}", seconds)
            self.filler.progress(name, token=token, step="align 3/7")
            self.pass_seconds(11)
        self.lock(names[4], "mon-2")
        for name in names[5:11]:
            token = self.run(name)
            self.pass_seconds(19)
            self.filler.complete(name, token=token, metrics={"exit_code": 0})
        self.fail(names[11], "data", "exit code 65; stage_samples.tsv line 4: no such file s3://b/x.fastq.gz")
        self.fail(names[12], "configuration", "exit code 78; unknown genome hg39")
        self.fail(names[13], "transient", "exit code 75; spot instance was taken")
        self.filler.unlock(names[3], reason="its node is gone")
        self.filler.ignore(names[14], reason="sample was withdrawn")
        now = self.clock.now()
        self.real.put_cluster(
            ClusterRecord("use1-cl7", 8, now, vcpus=192, load=3.2, cpu_percent=44.0, memory_percent=31.0)
        )
        self.real.put_cluster(ClusterRecord("usw2-cl1", 4, now, "degraded", 96, 0, 0.4, 3.0, 12.0))
        self.real.put_monitor(MonitorRecord("mon-1", "node-1", 7, now, now))
        self.real.put_monitor(MonitorRecord("mon-2", "node-2", 8, now, now))
        self.real.put_alert(
            AlertRecord("orphaned/x", "orphaned", "critical", names[3], "its place (node-9) does not answer", now, now)
        )
        self.pass_seconds(30)
        return self

    def hostile(self) -> Stage:
        """Text from outside that would like to be more than text."""
        for name in ("[bold]bold[/bold]", "a;rm -rf ~", "🧬世界-" * 8, "x" * 500):
            self.register(name)
        self.register("w")
        self.fail("w", "data", HOSTILE * 20)
        token = self.run("a;rm -rf ~", holder="[red]owner[/]")
        self.filler.progress("a;rm -rf ~", token=token, step=HOSTILE)
        now = self.clock.now()
        self.real.put_alert(AlertRecord("f", "orphaned", "critical", "w", HOSTILE, now, now))
        return self


def aside_stands(app: WsmonApp) -> bool:
    """Whether what is beside the panels on a large screen has been read."""
    aside = app.view.aside
    return aside is None or (not aside._text.has_class("-old") and bool(aside._text.content))


async def settled(pilot: Pilot[Any], until: Callable[[], bool] | None = None) -> None:
    """Wait until the store was read and, if given, a condition holds."""
    app = pilot.app
    assert isinstance(app, WsmonApp)
    for _ in range(300):
        await pilot.pause(0.02)
        if app.read_at is not None and (until is None or until()):
            await pilot.pause()
            return
    raise AssertionError(f"the screen did not get there:\n{screen_text(app)}")


def screen_text(app: App[Any]) -> str:
    """What stands on the screen, line by line."""
    lines = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in line) for line in lines)

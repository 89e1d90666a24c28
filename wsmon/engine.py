"""The one place where settings turn into adapters and services."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

from wsmon.adapters.clock import SystemClock
from wsmon.domain.errors import NoStoreThere, Refused, StoreError
from wsmon.domain.workset import RetryPolicy, Workset
from wsmon.ports import Clock, CommandRunner, Log, StateStore
from wsmon.services.arming import Gate
from wsmon.services.commands import Commands

if TYPE_CHECKING:
    from wsmon.adapters.runner.pool import PoolRunner
    from wsmon.adapters.s3 import Bucket
    from wsmon.domain.ruling import Ruling
    from wsmon.domain.spec import Facts
    from wsmon.services.alarms import Alarms
    from wsmon.services.config import MonitorConfig
    from wsmon.services.monitor import Monitor
    from wsmon.services.scheduler import Scheduler
    from wsmon.services.validating import Validation
    from wsmon.settings import Settings
    from wsmon.wiring import Beside
    from wsmon.wiring_folders import Rereader

SILENT_SECONDS = 120.0
"""A monitor without a heartbeat for so long is not counted as alive, however late its alert is set to come."""


@dataclass(slots=True)
class Engine:
    """Everything the faces share, for one operator on one store."""

    settings: Settings
    store: StateStore
    clock: Clock
    commands: Commands
    who: str
    """`user@host`, the actor of this operator's changes."""
    writable: bool
    refresh_seconds: float
    _places: PoolRunner | None = None
    """Where runs are looked for, once somebody asked for one's output."""

    @property
    def missing(self) -> bool:
        """Whether the store is a file that nobody has made yet."""
        return self.store.info.engine == "sqlite" and not Path(self.store.info.name).exists()

    @property
    def skew_seconds(self) -> float:
        """How far the clocks of different machines may differ."""
        return self.settings.monitor.skew_seconds

    @property
    def store_url(self) -> str:
        """What `--store` takes to come to this store; empty for the default one."""
        return f"{self.store.info.engine}:{self.store.info.name}" if self.settings.store.url else ""

    @property
    def production(self) -> str:
        """The store's name where the settings say that it is production; else empty."""
        name = self.store.info.name
        return name if _listed(name, self.settings.store.production) else ""

    @property
    def keys(self) -> Mapping[str, str]:
        """Keys of one's own, by action."""
        return self.settings.keys

    @property
    def bell(self) -> bool:
        """Whether a critical alert rings the terminal's bell."""
        return self.settings.tui.bell

    @property
    def mouse(self) -> bool:
        """Whether the screen takes the mouse."""
        return self.settings.tui.mouse

    @property
    def silent_seconds(self) -> float:
        """After how long without a heartbeat a monitor no longer counts as alive."""
        return min(SILENT_SECONDS, self.settings.alerts.monitor_silent_seconds)

    @property
    def channels(self) -> bool:
        """Whether anybody is told of events, as far as these settings know."""
        return bool(self.settings.channels)

    @property
    def ruling(self) -> Ruling | None:
        """What is said of the rules of alerts; None for nothing."""
        if not self.settings.alerts.rules:
            return None
        from wsmon.wiring import ruling  # rare, and a screen's start counts

        return ruling(self.settings.alerts)

    @property
    def units(self) -> float | None:
        """Capacity units consumed so far, where they are paid for."""
        usage: tuple[int, float] | None = getattr(self.store, "usage", None)
        return None if usage is None else usage[1]

    def account(self) -> str:
        """The AWS account these credentials are of, asked anew (a call of its own, bounded in time); empty where it cannot be had."""
        from wsmon.adapters.arn import account_of  # a screen asks once

        ask: Callable[[], str] | None = getattr(self.store, "identity", None)
        try:
            return account_of(ask()) if ask is not None else ""
        except StoreError:
            return ""

    def run_root(self) -> Path:
        """Where run folders lie: as set, else beside a SQLite file, else in the data folder by table.

        What stores that share one keep there is told apart by their ids.
        """
        chosen = self.settings.monitor.run_root
        if chosen is not None:
            return chosen.expanduser().resolve()
        if self.store.info.engine == "sqlite":
            return Path(self.store.info.name + ".runs")
        return data_folder() / "runs" / self.store.info.name

    def runner(self) -> CommandRunner:
        """The runner of this machine."""
        from wsmon.adapters.runner import LocalRunner  # the TUI without a monitor needs none

        return LocalRunner(self.run_root(), self.clock, self.store.store_id)

    def run_log(self, workset: Workset, offset: int | None, limit: int = 65_536) -> tuple[str, int]:
        """A workset's output from an offset on (None: its end). Raises Refused without a run, OutsideError."""
        from wsmon import wiring_pool

        if workset.run is None:
            raise Refused(f"{workset.workset_id!r} has no run yet; there is no log")
        if self._places is None:  # kept: whoever follows a run asks every second over one connection
            self._places = wiring_pool.every_place(self)
        return wiring_pool.place_of(self, self._places, workset.run).log_from(workset.run, offset, limit)

    def scheduler(self) -> Scheduler:
        """The scheduler on this store, as set."""
        from wsmon import wiring_pool  # a listing plans nothing

        return wiring_pool.planner(self)

    def creation(self) -> str:
        """How it stands with making clusters, in a sentence; empty where that is switched off."""
        from wsmon import wiring_pool

        return wiring_pool.creation(self)

    def monitor(self, log: Log, **changes: Any) -> Monitor:
        """A monitor as set; `changes` replace fields of its MonitorConfig. Raises SettingsError."""
        from wsmon.wiring_monitor import monitor

        return monitor(self, log, changes)

    def alarms(self) -> Alarms:
        """What this operator says to alerts."""
        from wsmon.services.alarms import Alarms  # the TUI asks for it when a key wants it

        return Alarms(self.commands, self.skew_seconds, self.ruling)

    def beside(self, log: Log, config: MonitorConfig) -> Beside:
        """What works beside a monitor: the relay duty with the channels as set, and the metrics. Raises SettingsError."""
        from wsmon.wiring import beside

        return beside(self.settings, self.store, self.clock, config, log)

    def bucket(self) -> Bucket:
        """The client for buckets, as set."""
        from wsmon import wiring_folders

        return wiring_folders.bucket(self.settings)

    def validate(self, workset: Workset) -> Validation:
        """Look into a workset's folder. Raises OutsideError."""
        from wsmon import wiring_folders
        from wsmon.services.validating import validate

        return validate(workset, wiring_folders.inspector(workset.bucket, self.bucket))

    def close(self) -> None:
        """Give back files and connections."""
        if self._places is not None:
            self._places.close()
        self.store.close()


def _reread(settings: Settings, kept: list[Rereader], workset: Workset) -> Facts | None:
    """What a workset's folder says now, asked by the one reader that is kept from the first time on."""
    if not kept:
        from wsmon.wiring_folders import Rereader  # most operators requeue nothing

        kept.append(Rereader(settings, SystemClock()))
    return kept[0](workset)


def data_folder() -> Path:
    """The user's data folder of wsmon."""
    return Path(platformdirs.user_data_dir("wsmon"))


def open_engine(settings: Settings, *, read_only: bool = False, looking: bool = False, arming: bool = False) -> Engine:
    """The engine of these settings; the store is opened at its first use.

    `arming`: on a shared store this operator's changes are refused until somebody arms them, for a while.
    A SQLite file that is missing reads as empty, and is made, with its folder, by the first change. `looking`: raises
    NoStoreThere where not even its folder is there.
    """
    writable = not (read_only or settings.tui.read_only)
    store, clock = _open_store(settings, make=writable, looking=looking), SystemClock()
    who = f"{_user()}@{socket.gethostname()}"
    retry = settings.retry
    policy = RetryPolicy(retry.max_attempts, retry.base_seconds, retry.cap_seconds, retry.max_expiries)
    if writable and _pinned(store, settings.store.read_only):
        writable = False
    gate = Gate(settings.tui.armed_seconds) if arming and store.info.shared else None
    default_refresh = 1.0 if store.info.engine == "sqlite" else 2.0
    commands = Commands(store, clock, who, policy=policy, writable=writable, gate=gate)
    commands.reread = partial(_reread, settings, [])
    return Engine(
        settings=settings,
        store=store,
        clock=clock,
        commands=commands,
        who=who,
        writable=writable,
        refresh_seconds=settings.tui.refresh_seconds or default_refresh,
    )


def _open_store(settings: Settings, *, make: bool, looking: bool) -> StateStore:
    kind, _, name = (settings.store.url or f"sqlite:{data_folder() / 'wsmon.db'}").partition(":")
    if kind == "sqlite":
        from wsmon.adapters.sqlite import SqliteStore

        path = Path(name).expanduser().absolute()
        if looking and settings.store.url and not path.parent.is_dir():
            raise NoStoreThere(f"there is no store at {path}, nor its folder; look at the path")
        return SqliteStore(path, make=make, late=True)
    from wsmon.adapters.dynamo import DynamoStore

    chosen = settings.store
    return DynamoStore(name, region=chosen.region, profile=chosen.profile, endpoint_url=chosen.endpoint_url)


def _listed(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _pinned(store: StateStore, pins: Sequence[str]) -> bool:
    """Whether the settings pin this store, by its name or by its table's account, to read-only. Raises StoreError."""
    if _listed(store.info.name, pins):
        return True
    accounts = [pin for pin in pins if pin.isdigit()]
    if not accounts or not store.info.shared:
        return False
    from wsmon.adapters.dynamo import DynamoStore  # loaded already: it is the only shared one

    return isinstance(store, DynamoStore) and store.account() in accounts


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid{os.getuid()}"

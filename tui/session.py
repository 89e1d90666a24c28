"""What the TUI needs of the engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from wsmon.domain.ruling import Ruling
from wsmon.domain.workset import Workset
from wsmon.ports import Clock, Log, StateStore
from wsmon.services.alarms import Alarms
from wsmon.services.commands import Commands
from wsmon.services.scheduler import Scheduler


class Session(Protocol):
    """One operator on one store; the engine is one."""

    @property
    def store(self) -> StateStore:
        """Where the state lies."""

    @property
    def clock(self) -> Clock:
        """The machine's clocks."""

    @property
    def commands(self) -> Commands:
        """The verbs, said by this operator."""

    @property
    def who(self) -> str:
        """`user@host`."""

    @property
    def writable(self) -> bool:
        """Whether changes are possible."""

    @property
    def production(self) -> str:
        """The store's name where it is production; else empty."""

    @property
    def keys(self) -> Mapping[str, str]:
        """Keys of one's own: action to keys in Textual's names, with commas."""

    @property
    def units(self) -> float | None:
        """Capacity units consumed so far, where they are paid for."""

    @property
    def channels(self) -> bool:
        """Whether anybody is told of events, as far as this machine's settings know."""

    @property
    def bell(self) -> bool:
        """Whether a critical alert rings."""

    @property
    def mouse(self) -> bool:
        """Whether the screen takes the mouse."""

    @property
    def ruling(self) -> Ruling | None:
        """What is said of the rules of alerts; None for nothing."""

    @property
    def refresh_seconds(self) -> float:
        """How often to look."""

    @property
    def skew_seconds(self) -> float:
        """How far the clocks of different machines may differ."""

    @property
    def store_url(self) -> str:
        """What `--store` takes to come to this store; empty for the default one."""

    @property
    def silent_seconds(self) -> float:
        """After how long without a heartbeat a monitor no longer counts as alive."""

    def account(self) -> str:
        """The AWS account these credentials are of; it takes a call. Empty where there is none, or it cannot be had."""

    def run_log(self, workset: Workset, offset: int | None, limit: int = 65_536) -> tuple[str, int]:
        """A workset's output from an offset on (None: its end). Raises Refused without a run, OutsideError."""

    def scheduler(self) -> Scheduler:
        """What tells why something waits."""

    def alarms(self) -> Alarms:
        """What this operator says to alerts."""

    def monitor(self, log: Log, **changes: Any) -> Any:
        """A monitor for this process."""

    def close(self) -> None:
        """Give back files and connections."""

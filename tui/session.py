"""What the TUI needs of the engine."""

from __future__ import annotations

from typing import Any, Protocol

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
    def bell(self) -> bool:
        """Whether a critical alert rings."""

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

    def scheduler(self) -> Scheduler:
        """What tells why something waits."""

    def alarms(self) -> Alarms:
        """What this operator says to alerts."""

    def monitor(self, log: Log, **changes: Any) -> Any:
        """A monitor for this process."""

    def close(self) -> None:
        """Give back files and connections."""

"""What the TUI needs of the engine."""

from __future__ import annotations

from typing import Any, Protocol

from wsmon.ports import Clock, Log, StateStore
from wsmon.services.commands import Commands


class Session(Protocol):
    """One operator on one store; the engine is one."""

    store: StateStore
    clock: Clock
    commands: Commands
    who: str
    writable: bool
    refresh_seconds: float

    @property
    def skew_seconds(self) -> float:
        """How far the clocks of different machines may differ."""

    def monitor(self, log: Log) -> Any:
        """A monitor for this process."""

    def close(self) -> None:
        """Give back files and connections."""

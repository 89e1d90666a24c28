"""Work beside the monitor's loop: passes that say when the next is due."""

from __future__ import annotations

import threading
from collections.abc import Callable

from wsmon.domain.errors import StoreError
from wsmon.ports import Clock, Joinable, Log, StartBeside
from wsmon.services.leases import start_thread

LONGEST_PAUSE = 60.0
STOP_SECONDS = 5.0


class Companion:
    """Calls `step` (one pass; seconds until the next) until `stop`, then `close`. A store that is away slows it."""

    def __init__(
        self,
        name: str,
        step: Callable[[], float],
        close: Callable[[], None],
        clock: Clock,
        log: Log,
        beside: StartBeside = start_thread,
        *,
        first: float = 0.0,
    ) -> None:
        """`first`: seconds before the first pass, for one that rests on what another has done."""
        self.name = name
        self._step, self._close = step, close
        self._clock, self._log, self._beside = clock, log, beside
        self._first = first
        self._ended = threading.Event()
        self._loop: Joinable | None = None
        self._outages = 0

    def start(self) -> None:
        """Begin beside the caller."""
        self._ended.clear()
        self._loop = self._beside(self.name, self._work)

    def _work(self) -> None:
        pause = self._first or self._pass()
        while not self._clock.wait(self._ended, pause):
            pause = self._pass()
        try:
            self._close()
        except StoreError as error:
            self._log.warning("not closed", part=self.name, error=str(error))

    def _pass(self) -> float:
        try:
            pause = self._step()
        except StoreError as error:
            self._outages += 1
            self._log.warning("pass failed", part=self.name, error=str(error))
            return min(LONGEST_PAUSE, 2.0 ** min(self._outages, 10))
        self._outages = 0
        return pause

    def stop(self) -> None:
        """End it, and wait a moment for its end."""
        self._ended.set()
        if self._loop is not None:
            self._loop.join(timeout=STOP_SECONDS)
            self._loop = None

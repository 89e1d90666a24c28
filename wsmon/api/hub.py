"""One reader of the feed for all event streams."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from anyio import to_thread
from prometheus_client import Gauge
from starlette.exceptions import HTTPException

from wsmon.domain.change import Event
from wsmon.domain.errors import StoreError
from wsmon.ports import Log, StateStore
from wsmon.services.tailing import Tail

Item = tuple[Event, str]
"""An event and the cursor after it."""
QUEUED = 5000
"""Events one slow reader may lag behind; beyond, its stream ends and it resumes from where it was."""
AWAY_SECONDS = 5.0


class Hub:
    """Reads the feed while anybody listens, and hands each event to every listener."""

    def __init__(self, store: StateStore, log: Log, gauge: Gauge, *, streams: int, refresh_seconds: float) -> None:
        self._store, self._log, self._gauge = store, log, gauge
        self._most, self._refresh = streams, refresh_seconds
        self._queues: set[asyncio.Queue[Item | None]] = set()
        self._task: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()

    def refuse_crowd(self) -> None:
        """Raises HTTPException 429 when as many listen as may."""
        if len(self._queues) >= self._most:
            raise HTTPException(429, f"{self._most} event streams are open already", {"Retry-After": "30"})

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[asyncio.Queue[Item | None]]:
        """A queue that gets every event from now on, None at its end. Raises StoreError."""
        queue: asyncio.Queue[Item | None] = asyncio.Queue(QUEUED)
        async with self._starting:
            if self._task is None:
                tail = await to_thread.run_sync(Tail, self._store)
                self._task = asyncio.create_task(self._follow(tail))
            self._queues.add(queue)
        self._gauge.set(len(self._queues))
        try:
            yield queue
        finally:
            self._queues.discard(queue)
            self._gauge.set(len(self._queues))
            if not self._queues:
                self.stop()

    def stop(self) -> None:
        """Read no more; whoever still listens hears that it is over."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        for queue in self._queues:
            _end(queue)

    async def _follow(self, tail: Tail) -> None:
        while True:
            pause = self._refresh
            try:
                for item in await to_thread.run_sync(lambda: list(tail.poll())):
                    for queue in list(self._queues):
                        self._give(queue, item)
            except StoreError as error:
                self._log.warning("the feed cannot be read", error=str(error))
                pause = AWAY_SECONDS
            await asyncio.sleep(pause)

    def _give(self, queue: asyncio.Queue[Item | None], item: Item) -> None:
        try:
            queue.put_nowait(item)
        except asyncio.QueueFull:
            self._queues.discard(queue)
            _end(queue)


def _end(queue: asyncio.Queue[Item | None]) -> None:
    while queue.full():
        queue.get_nowait()
    queue.put_nowait(None)

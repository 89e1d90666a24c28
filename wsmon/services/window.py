"""What the scheduler sees of the queue: a window on each tier, the same size however long the queue is."""

from __future__ import annotations

from wsmon.domain.queueing import Waiting, waiting_of
from wsmon.domain.states import WorksetPriority, WorksetState
from wsmon.ports import Clock, RowPage, StateStore

SIZE = 200
_PARTS = tuple((state, tier) for tier in WorksetPriority for state in (WorksetState.READY, WorksetState.RETRYING))


class Window:
    """Of each tier, ready and due, the oldest `size`, and as many more from a cursor that `rotate` moves on."""

    def __init__(self, store: StateStore, clock: Clock, size: int = SIZE) -> None:
        self._store, self._clock, self._size = store, clock, size
        self._cursors: dict[tuple[WorksetState, WorksetPriority], str] = {}
        """Where the moving part of a window begins; missing: it is at rest."""
        self._following: dict[tuple[WorksetState, WorksetPriority], str] = {}
        """Where it would go on; missing: at the end, so that it comes to rest."""
        self.complete = True
        """Whether everything that waits and is due was seen by the last `read`."""

    def read(self) -> list[Waiting]:
        """What is in the window now: six pages, and one more for each tier whose cursor is on its way."""
        found: dict[str, Waiting] = {}
        self.complete, self._following = True, {}
        now = self._clock.now()
        for part in _PARTS:
            pages = [self._page(part, now, None)]
            if part in self._cursors:
                pages.append(self._page(part, now, self._cursors[part]))
            following = pages[-1].cursor
            if following is not None:
                self._following[part] = following
            self.complete = self.complete and pages[0].cursor is None
            for page in pages:
                found |= {row.workset_id: waiting_of(row) for row in page.rows}
        return list(found.values())

    def rotate(self) -> None:
        """Look further down next time; past the end the window is at its heads again."""
        self._cursors = dict(self._following)

    def _page(self, part: tuple[WorksetState, WorksetPriority], now: int, cursor: str | None) -> RowPage:
        state, priority = part
        due = now if state is WorksetState.RETRYING else None
        return self._store.page(state, priority=priority, limit=self._size, due=due, cursor=cursor)

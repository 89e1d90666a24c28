"""All rows of a state, page by page."""

from __future__ import annotations

from collections.abc import Iterator

from wsmon.domain.states import WorksetPriority, WorksetState
from wsmon.domain.times import Instant
from wsmon.domain.workset import Row
from wsmon.ports import StateStore

PAGE = 1000


def every_row(
    store: StateStore, state: WorksetState, *, priority: WorksetPriority | None = None, due: Instant | None = None
) -> Iterator[Row]:
    """Every readable row of the state in queue order; `due` keeps those whose moment is not after it."""
    cursor = None
    while True:
        page = store.page(state, priority=priority, cursor=cursor, limit=PAGE, due=due)
        yield from page.rows
        cursor = page.cursor
        if cursor is None:
            return

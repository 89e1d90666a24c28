"""Listings over all states, filtered, a page at a time."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from wsmon.domain.errors import InvalidInput
from wsmon.domain.states import WAITING, WorksetPriority, WorksetState
from wsmon.domain.times import Instant
from wsmon.domain.workset import Row, queue_moment
from wsmon.ports import StateStore

SCAN = 5000
"""How many rows one page may look at while it filters."""
LEAST_PAGE = 200

Place = tuple[int, int, str]
"""Tier, moment and id: where a row stands within its state."""


@dataclass(frozen=True, slots=True)
class Query:
    """Which worksets; everything must hold."""

    state: WorksetState | None = None
    priority: WorksetPriority | None = None
    cluster: str | None = None
    owner: str | None = None
    pattern: str | None = None
    """A shell pattern the whole id must match."""
    changed_since: Instant | None = None
    passes: Callable[[Row, Instant], bool] | None = None
    """A filter of wsmon.domain.filters, asked at the moment `now`."""
    now: Instant = 0

    @property
    def filters(self) -> bool:
        """Whether rows are dropped that the store gives."""
        return any(
            value is not None for value in (self.cluster, self.owner, self.pattern, self.changed_since, self.passes)
        )

    def matches(self, row: Row) -> bool:
        """Whether a row is wanted."""
        return (
            (self.priority is None or row.priority is self.priority)
            and (self.cluster is None or row.cluster == self.cluster)
            and (self.owner is None or row.holder == self.owner)
            and (self.pattern is None or fnmatchcase(row.workset_id, self.pattern))
            and (self.changed_since is None or row.updated_at >= self.changed_since)
            and (self.passes is None or self.passes(row, self.now))
        )


@dataclass(slots=True)
class Listing:
    """One page: states in the order of the table, each in queue order. It may be empty and yet have a cursor."""

    rows: list[Row] = field(default_factory=list)
    cursor: str | None = None
    malformed: list[str] = field(default_factory=list)


def listing(store: StateStore, query: Query, *, cursor: str | None = None, limit: int = 100) -> Listing:
    """At most `limit` rows after the cursor. Raises InvalidInput for a cursor that is none of ours."""
    states = [query.state] if query.state else list(WorksetState)
    state, inner, after = _decoded(cursor) if cursor else (states[0], None, None)
    if state not in states:
        raise InvalidInput("the cursor belongs to a listing of another state")
    found, seen = Listing(), 0
    for one in states[states.index(state) :]:
        while True:
            size = max(limit - len(found.rows), LEAST_PAGE) if query.filters else limit - len(found.rows)
            page = store.page(one, priority=query.priority, cursor=inner, limit=size)
            found.malformed += page.malformed
            for row in page.rows:
                if (after is None or _place(row) > after) and query.matches(row):
                    found.rows.append(row)
                    if len(found.rows) == limit:
                        found.cursor = _following(states, one, inner, page.cursor, row, last=row is page.rows[-1])
                        return found
            seen, inner, after = seen + size, page.cursor, None
            if inner is None:
                break
            if seen >= SCAN:
                found.cursor = _encoded(one, inner, None)
                return found
    return found


def everything(store: StateStore, query: Query) -> Iterator[Row]:
    """All rows, page by page."""
    cursor = None
    while True:
        page = listing(store, query, cursor=cursor, limit=1000)
        yield from page.rows
        cursor = page.cursor
        if cursor is None:
            return


def _following(
    states: list[WorksetState], state: WorksetState, inner: str | None, after: str | None, row: Row, *, last: bool
) -> str | None:
    """The cursor behind a full page: within the store's page, at its end, or at the next state."""
    if not last:
        return _encoded(state, inner, _place(row))
    if after is not None:
        return _encoded(state, after, None)
    return None if state is states[-1] else _encoded(states[states.index(state) + 1], None, None)


def _place(row: Row) -> Place:
    return (row.priority.tier if row.state in WAITING else 0, queue_moment(row), row.workset_id)


def _encoded(state: WorksetState, inner: str | None, after: Place | None) -> str:
    text = json.dumps([state.value, inner, after], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decoded(cursor: str) -> tuple[WorksetState, str | None, Place | None]:
    try:
        text = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        state, inner, after = json.loads(text)
        if inner is not None and not isinstance(inner, str):
            raise ValueError
        place = (int(after[0]), int(after[1]), str(after[2])) if after is not None else None
        return WorksetState(state), inner, place
    except (ValueError, TypeError, IndexError, KeyError, binascii.Error):
        raise InvalidInput("the cursor is none that a listing gave; begin without one") from None

"""Indexes that lag, as DynamoDB's do: rows and events surface late, and not in the order they were written."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from random import Random

from tests.simulation.faults import Faults, Kind
from tests.simulation.kernel import SECOND, Kernel
from wsmon.adapters.dynamo.keys import feed_sort
from wsmon.domain.change import Change, Event
from wsmon.domain.states import WAITING, WorksetPriority, WorksetState
from wsmon.domain.workset import Row, Workset, queue_moment, row_of


class Index:
    """What a reader of an index sees now."""

    def __init__(self, kernel: Kernel, faults: Faults, seed: int) -> None:
        self._kernel, self._faults, self._chance = kernel, faults, Random(f"{seed}/index")
        self._events: list[tuple[str, int, Event]] = []
        """(sort key, true moment it surfaces, event), in the feed's order."""
        self.surfaces: dict[str, int] = {}
        """When the newest version of each workset surfaces."""
        self._leaving: dict[tuple[str, int], int] = {}
        """Delivered events -> until when the outbox's index shows them."""
        self._shown: dict[str, Row | None] = {}
        self._hidden: dict[str, list[tuple[int, Row | None]]] = {}

    def add(self, change: Change) -> None:
        """A change was written."""
        name, after, now = change.workset_id, change.after, self._kernel.now
        lag = self._lag()
        self.add_event(change.event)
        # One item's versions reach an index in their order; different items' do not.
        surfaces = self.surfaces[name] = max(now + lag, self.surfaces.get(name, 0))
        row = row_of(after) if isinstance(after, Workset) else None
        if surfaces > now:
            self._hidden.setdefault(name, []).append((surfaces, row))
        else:
            self._shown[name] = row

    def add_event(self, event: Event) -> None:
        """An event was written."""
        insort(self._events, (feed_sort(event), self._kernel.now + self._lag(), event), key=lambda entry: entry[0])

    def _lag(self) -> int:
        if self._faults.hit(Kind.LONG_LAG, 0.03, self._chance):
            return int(self._chance.uniform(15, 120) * SECOND)
        if self._faults.hit(Kind.LAG, 0.5, self._chance):
            return int(self._chance.choice((0.05, 0.3, 2.0, 9.0)) * self._chance.random() * SECOND)
        return 0

    def behind(self) -> dict[str, Row | None]:
        """The worksets whose index row is older than their record, with the row that is shown."""
        now, behind = self._kernel.now, {}
        for name, versions in list(self._hidden.items()):
            while versions and versions[0][0] <= now:
                self._shown[name] = versions.pop(0)[1]
            if versions:
                behind[name] = self._shown.get(name)
            else:
                del self._hidden[name]
        return behind

    def page(
        self,
        rows: list[Row],
        state: WorksetState,
        priority: WorksetPriority | None,
        due: int | None,
        limit: int,
        *,
        newest_first: bool,
    ) -> list[Row]:
        """A page as the index shows it, from one as the base table has it."""
        behind = self.behind()
        if not behind:
            return rows
        kept = [row for row in rows if row.workset_id not in behind]
        for row in behind.values():
            fits = row is not None and row.state is state and (priority is None or row.priority is priority)
            if fits and row is not None and (due is None or queue_moment(row) <= due):
                kept.append(row)
        tiered = state in WAITING
        kept.sort(key=lambda r: (r.priority.tier if tiered else 0, queue_moment(r), r.workset_id), reverse=newest_first)
        return kept[:limit]

    def feed(self, after: str, limit: int) -> list[Event]:
        """The surfaced events that sort after a key, oldest first."""
        start, now = bisect_right(self._events, after, key=lambda entry: entry[0]), self._kernel.now
        found = (event for _, surfaces, event in self._events[start:] if surfaces <= now)
        return [event for event, _ in zip(found, range(limit), strict=False)]

    def surfaced(self, events: list[Event]) -> list[Event]:
        """Those of the outbox that its index shows."""
        now = self._kernel.now
        late = {(event.workset_id, event.seq) for _, surfaces, event in self._events if surfaces > now}
        return [event for event in events if (event.workset_id, event.seq) not in late]

    def delivered(self, keys: Sequence[tuple[str, int]]) -> None:
        """Events were taken off the outbox; its index may show them a while longer."""
        self._leaving = {key: until for key, until in self._leaving.items() if until > self._kernel.now}
        self._leaving |= {key: self._kernel.now + lag for key in keys if (lag := self._lag())}

    def still_shown(self) -> list[Event]:
        """What the outbox's index shows though it is off the outbox."""
        now = self._kernel.now
        shown = {key for key, until in self._leaving.items() if until > now}
        return [event for _, _, event in self._events if (event.workset_id, event.seq) in shown] if shown else []

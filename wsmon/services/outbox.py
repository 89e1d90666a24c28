"""Finds undelivered events, each once and in order per workset, whatever the index shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wsmon.domain.change import Event
from wsmon.ports import Clock, OutboxPage, StateStore

RESCAN_SECONDS = 300.0
SETTLED_SECONDS = 120.0
MAX_LINES = 50_000


@dataclass(frozen=True, slots=True)
class Found:
    """An undelivered event, or why it cannot be read."""

    key: tuple[str, int]
    event: Event | None
    problem: str = ""


class OutboxReader:
    """One reader's memory of the outbox; a new term of the duty makes a new one.

    The index only finds. Where an event does not follow the last one known of its workset, the
    base items are read consistently: so none is missed that the index shows late, and none is
    found again that was marked meanwhile. Every five minutes the index is read from its start.
    """

    def __init__(self, store: StateStore, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._known: dict[str, int] = {}
        """workset id -> the seq up to which everything was found, in order of use."""
        self._cursor: str | None = None
        self._began = clock.monotonic()
        self._rescan_due = self._began + RESCAN_SECONDS
        self.more = True
        """Whether another page waits now."""

    def fetch(self, limit: int) -> list[Found]:
        """What was not found before, from one page of the index. Where a read fails, nothing of the page is known yet."""
        page = self._store.undelivered(limit, self._cursor)
        reached: dict[str, int] = {}
        found = list(self._new(page, reached))
        for workset_id, seq in reached.items():
            self._remember(workset_id, seq)
        self._cursor, self.more = page.cursor, page.more
        if not page.more and self._clock.monotonic() >= self._rescan_due:
            self._cursor, self._rescan_due = None, self._clock.monotonic() + RESCAN_SECONDS
        while len(self._known) > MAX_LINES:
            self._known.pop(next(iter(self._known)))
        return found

    def _new(self, page: OutboxPage, reached: dict[str, int]) -> Iterator[Found]:
        """`reached` takes the place of what is known, until the whole page is through."""
        for workset_id, seq in page.broken:
            if seq > reached.get(workset_id, self._known.get(workset_id, 0)):
                yield from self._read(workset_id, seq, reached)
        for event in page.events:
            upto = reached.get(event.workset_id, self._known.get(event.workset_id))
            if upto is not None and event.seq <= upto:
                continue
            if self._follows(event, upto):
                reached[event.workset_id] = event.seq
                yield Found((event.workset_id, event.seq), event)
            else:
                yield from self._read(event.workset_id, event.seq, reached)

    def _follows(self, event: Event, upto: int | None) -> bool:
        if upto is not None:
            return event.seq == upto + 1
        # A first event has none before it, and later in a term an index shows no longer what the one before marked.
        return event.seq == 1 and self._clock.monotonic() - self._began > SETTLED_SECONDS

    def read(self, workset_id: str, seq: int) -> list[Found]:
        """Everything undelivered of a workset that was not found before, by its base items; `seq` was shown."""
        reached: dict[str, int] = {}
        found = self._read(workset_id, seq, reached)
        self._remember(workset_id, reached[workset_id])
        return found

    def _read(self, workset_id: str, seq: int, reached: dict[str, int]) -> list[Found]:
        page = self._store.undelivered_of(workset_id)
        upto = reached.get(workset_id, self._known.get(workset_id, 0))
        found = [Found((event.workset_id, event.seq), event) for event in page.events]
        found += [Found(key, None, problem) for key, problem in page.broken.items()]
        found.sort(key=lambda item: item.key[1])
        reached[workset_id] = max([seq, upto, int(page.cursor), *(item.key[1] for item in found)])
        return [item for item in found if item.key[1] > upto]

    def _remember(self, workset_id: str, seq: int) -> None:
        self._known.pop(workset_id, None)
        self._known[workset_id] = seq

"""The past, rebuilt from the events: the rows, counts, locks and clusters as they stood at any moment since one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from wsmon.domain.change import Event
from wsmon.domain.lives import COUNTED, HEALTH, Life, Phase
from wsmon.domain.pool import ClusterRecord, Held
from wsmon.domain.states import ClusterVerb, WorksetState
from wsmon.domain.times import Instant, micros
from wsmon.domain.workset import Lease, Row
from wsmon.ports import Clock, StateStore
from wsmon.services.alerting import derive
from wsmon.services.live import HELD, Delta, LiveView
from wsmon.services.tailing import Tail

MOST_EVENTS = 500_000
PAST = "past"
"""The kind of a cluster of which only the claims are known, and what was decided about it."""
_PHASES = {phase.value: phase for phase in Phase}


@dataclass(slots=True)
class Loaded:
    """What a replay is made of."""

    rows: dict[str, Row]
    """As they stand after the last event."""
    counts: dict[WorksetState, int]
    clusters: tuple[ClusterRecord, ...]
    events: list[Event]
    now: Instant


def load(store: StateStore, clock: Clock, since: Instant, *, skew: float) -> Loaded:
    """Read everything a replay since a moment needs; with more than MOST_EVENTS only the newest are kept."""
    view = LiveView(store, clock, skew=skew)
    deltas = view.open()
    last = next(deltas)
    for _ in deltas:
        pass  # the rest of the rows
    tail = Tail(store, store.feed_start(since))
    found = sorted((event for event, _ in tail.poll()), key=lambda one: (one.at, one.workset_id, one.seq))
    rows, latest = dict(view.rows), last.at + micros(skew)
    lives = {cluster.name: cluster.life for cluster in last.clusters}

    def was_loaded(event: Event) -> bool:
        """Whether the rows tell of it already; what came after they were read is left to the next replay."""
        known = lives.get(event.cluster) if event.cluster else rows.get(event.workset_id)
        return event.at <= latest if known is None else event.seq <= known.rev

    events = [event for event in found if was_loaded(event)][-MOST_EVENTS:]
    return Loaded(rows, dict(last.counts), last.clusters, events, last.at)


class Replay:
    """Stands behind one of the events, at first behind the last; goes back and on. One thread calls it.

    What a workset was before its first event in the list is read from its history when it is needed.
    """

    def __init__(self, store: StateStore, loaded: Loaded) -> None:
        self._store, self._events, self._clusters = store, loaded.events, loaded.clusters
        self.rows, self.counts = loaded.rows, loaded.counts
        self.place = len(loaded.events)
        """How many of the events have happened."""
        self._end = loaded.now
        self._changed: dict[str, Row] = {}
        self._gone: set[str] = set()
        self._before = _predecessors(loaded.events)
        self._lives = {event.cluster: _life(event, "after") for event in loaded.events if event.cluster}
        self._lives |= {cluster.name: cluster.life for cluster in loaded.clusters if cluster.life is not None}
        self._made = {event.cluster for event in loaded.events if event.verb is ClusterVerb.CREATE_ASKED}
        """Clusters that are not there before their creation was asked for."""

    @property
    def at(self) -> Instant:
        """The moment of the last event that has happened; before all of them, just before the first."""
        if self.place:
            return self._events[self.place - 1].at
        return self._events[0].at - 1 if self._events else self._end

    @property
    def last(self) -> Event | None:
        """The event that happened last."""
        return self._events[self.place - 1] if self.place else None

    @property
    def length(self) -> int:
        """How many events there are."""
        return len(self._events)

    def next_at(self) -> Instant | None:
        """When the next event happens; None behind the last."""
        return self._events[self.place].at if self.place < len(self._events) else None

    def step(self, by: int) -> int:
        """Go so many events on, or back; how many it were. Raises StoreError, and stands where it came to."""
        moved = 0
        while moved < abs(by) and (self.place < len(self._events) if by > 0 else self.place > 0):
            if by > 0:
                event = self._events[self.place]
                if event.cluster:
                    self._lives[event.cluster] = _life(event, "after")
                else:
                    self._stands(event.workset_id, event.row)
                self._count(event, 1)
                self.place += 1
            else:
                event = self._events[self.place - 1]
                if event.cluster:
                    self._lives[event.cluster] = _life(event, "before")
                else:
                    self._stands(event.workset_id, self._row_before(self.place - 1))
                self._count(event, -1)
                self.place -= 1
            moved += 1
        return moved

    def seek(self, at: Instant) -> int:
        """Go to how it stood at a moment; over how many events."""
        moved = 0
        while (following := self.next_at()) is not None and following <= at:
            moved += self.step(1)
        while self.place and self._events[self.place - 1].at > at:
            moved += self.step(-1)
        return moved

    def _stands(self, workset_id: str, row: Row | None) -> None:
        if row is None:
            self.rows.pop(workset_id, None)
            self._changed.pop(workset_id, None)
            self._gone.add(workset_id)
        else:
            self.rows[workset_id] = self._changed[workset_id] = row
            self._gone.discard(workset_id)

    def _count(self, event: Event, way: int) -> None:
        for state, amount in ((event.before, -way), (event.after, way)):
            if state is not None:
                self.counts[state] = self.counts.get(state, 0) + amount

    def _row_before(self, index: int) -> Row | None:
        known = self._before[index]
        if known is not None:
            return self._events[known].row
        event = self._events[index]
        if event.seq <= 1:
            return None
        found = self._store.history(event.workset_id, event.seq - 2, 1)
        return found[0].row if found and found[0].seq == event.seq - 1 else None

    def delta(self, at: Instant | None = None) -> Delta:
        """What changed since the last call, as the panels take it, seen at a moment (by default the last event's)."""
        now = self.at if at is None else at
        held = [row for row in self.rows.values() if row.state in HELD]
        leases = tuple(_lease(row) for row in held if row.holder is not None)
        changed, gone = self._changed, frozenset(self._gone)
        self._changed, self._gone = {}, set()
        return Delta(
            at=now,
            rows=changed,
            gone=gone,
            counts=dict(self.counts),
            leases=leases,
            clusters=tuple(_as_then(one, self._lives.get(one.name), held, now) for one in self._pool(held)),
            alerts=tuple(derive(self.rows.values(), leases, frozenset(), ())),
        )

    def _pool(self, held: list[Row]) -> list[ClusterRecord]:
        """Those there are now and were then, and those that are gone: of such a one nobody knows the slots any more (0)."""
        there = [cluster for cluster in self._clusters if self._was_there(cluster.name)]
        counted = {life.name for life in self._lives.values() if life.phase in COUNTED}
        gone = counted.union(row.cluster for row in held if row.cluster).difference(one.name for one in self._clusters)
        return [*there, *(ClusterRecord(name, 0, 0) for name in sorted(gone))]

    def _was_there(self, cluster: str) -> bool:
        """Before it was asked for, and once it was taken down, it was not."""
        life = self._lives.get(cluster)
        if life is None or life.phase is Phase.GONE:
            return life is None
        return life.phase is not Phase.NONE or cluster not in self._made


def _life(event: Event, when: str) -> Life:
    """What a cluster's event says of it `before`, or `after`."""
    told = (event.detail or {}).get(when)
    said = told if isinstance(told, dict) else {}
    return Life(
        event.cluster, drained=str(said.get("drained", "")), phase=_PHASES.get(str(said.get("phase")), Phase.NONE)
    )


def _predecessors(events: list[Event]) -> list[int | None]:
    """For each event the place of the one before it of the same workset."""
    last: dict[str, int] = {}
    found: list[int | None] = []
    for place, event in enumerate(events):
        found.append(last.get(event.workset_id))
        last[event.workset_id] = place
    return found


def _lease(row: Row) -> Lease:
    """As far as the events tell: no event tells of renewals, so its end is not known (duration 0)."""
    return Lease(row.workset_id, row.holder or "", row.token, 0, 0.0, row.locked_at or row.updated_at, 0)


def _as_then(cluster: ClusterRecord, life: Life | None, held: list[Row], now: Instant) -> ClusterRecord:
    """A cluster with what ran on it and was decided about it then; what it reported then, nobody kept."""
    claims: Mapping[str, Held] = {row.workset_id: Held(row.token) for row in held if row.cluster == cluster.name}
    closed, health = (life.closed, HEALTH.get(life.phase, "")) if life is not None else ("", "")
    return replace(
        cluster,
        claims=claims,
        kind=PAST,
        updated_at=now,
        health=health,
        load=0.0,
        cpu_percent=0.0,
        memory_percent=0.0,
        drained=closed,
        life=life,
    )

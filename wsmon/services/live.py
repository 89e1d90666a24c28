"""The live view: a snapshot of the store kept current from its feed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from wsmon.domain.change import Event
from wsmon.domain.observing import LeaseWatch
from wsmon.domain.ruling import Ruling
from wsmon.domain.states import TERMINAL, WorksetState
from wsmon.domain.times import Instant, micros
from wsmon.domain.workset import Lease, Row, Workset, row_of
from wsmon.ports import AlertRecord, Clock, ClusterRecord, MonitorRecord, StateStore
from wsmon.services.alerting import DerivedAlerts, quiet
from wsmon.services.doubts import CHECK_SECONDS, FIRST_CHECK_SECONDS, Doubts
from wsmon.services.paging import every_row
from wsmon.services.panels import SmallPanels

OPEN_PAGE = 200
LOAD_PAGE = 1000
INDEX_LAG_SECONDS = 60.0
"""The longest by which rows loaded from an index are believed to lag."""
# What an operator acts on is loaded first; archived and deleted worksets only count.
LOADED = (
    WorksetState.IN_PROGRESS,
    WorksetState.LOCKED,
    WorksetState.ERROR,
    WorksetState.FAILED,
    WorksetState.RETRYING,
    WorksetState.READY,
    WorksetState.COMPLETE,
    WorksetState.IGNORED,
)
HELD = frozenset({WorksetState.LOCKED, WorksetState.IN_PROGRESS})


@dataclass(frozen=True, slots=True)
class Delta:
    """What changed since the last one; the small panels come whole."""

    at: Instant
    rows: Mapping[str, Row] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    counts: Mapping[WorksetState, int] = field(default_factory=dict)
    leases: tuple[Lease, ...] = ()
    dead: frozenset[str] = frozenset()
    """Ids whose lease is proven dead."""
    clusters: tuple[ClusterRecord, ...] = ()
    monitors: tuple[MonitorRecord, ...] = ()
    alerts: tuple[AlertRecord, ...] = ()
    silenced: frozenset[str] = frozenset()
    """Fingerprints of alerts that a silence keeps quiet."""
    waiting_since: Instant | None = None
    """Of the oldest event that not every channel has."""
    waiting: int = 0
    """How many do, once it has stood so for two looks: at most COUNTED, one more for even more; 0: not counted."""
    read_at: Mapping[str, Instant] = field(default_factory=dict)
    """When each of the small panels (locks, clusters, monitors, alerts) was read, where that was not at `at`."""

    @property
    def waited(self) -> float | None:
        """Seconds for which the oldest event has waited for a channel; None: none waits."""
        return None if self.waiting_since is None else max(0.0, (self.at - self.waiting_since) / 1e6)

    def merged(self, newer: Delta) -> Delta:
        """Both in one: rows are merged, the rest is the newer's."""
        rows = {**self.rows, **newer.rows}
        gone = (self.gone - newer.rows.keys()) | newer.gone
        for workset_id in newer.gone:
            rows.pop(workset_id, None)
        return replace(newer, rows=rows, gone=gone)

    def news(self, told: Delta) -> bool:
        """Whether it says anything that the one before did not."""
        return bool(
            self.rows
            or self.gone
            or self.counts != told.counts
            or self.leases is not told.leases
            or self.dead is not told.dead
            or self.clusters is not told.clusters
            or self.monitors is not told.monitors
            or self.alerts is not told.alerts
            or self.silenced is not told.silenced
            or (self.waiting_since, self.waiting) != (told.waiting_since, told.waiting)
        )


class LiveView:
    """Folds the feed into rows and counts. One thread calls it; every call may raise StoreError.

    An event older than what is known is dropped, so duplicates and late ones do no harm. Of
    the finished worksets the newest `finished_limit` of each state are rows; all are counted.
    """

    def __init__(
        self,
        store: StateStore,
        clock: Clock,
        *,
        skew: float = 60.0,
        finished_limit: int = 2000,
        ruling: Ruling | None = None,
        counting: bool = False,
    ) -> None:
        """`counting`: whoever looks wants to know how many events wait for a channel."""
        self._store, self._clock = store, clock
        self._limit = finished_limit
        self._watch = LeaseWatch(skew)
        self._cursor = ""
        self._opened_at = 0
        self._revs: dict[str, int] = {}
        self._check_due = self._look_back_due = 0.0
        self._doubts = Doubts()
        self._panels, self._derived = SmallPanels(store, counting=counting), DerivedAlerts(ruling)
        self._dead: frozenset[str] = frozenset()
        self._silenced: frozenset[str] = frozenset()
        self._claims_moved = False
        self._stamp: object | None = None
        """Of the store as it was read last."""
        self._changed: dict[str, Row] = {}
        self._gone: set[str] = set()
        """What was folded and not told yet: a poll that fails half-way tells it with the next one."""
        self.rows: dict[str, Row] = {}
        self.counts: dict[WorksetState, int] = dict.fromkeys(WorksetState, 0)

    def open(self) -> Iterator[Delta]:
        """Load the store: the head of every state first, then the rest, a delta a page."""
        self._opened_at = self._clock.now()
        self._cursor = self._store.feed_start()  # before anything is read, so that nothing is missed
        self.counts = self._store.tallies()
        self._check_due = self._look_back_due = self._clock.monotonic() + FIRST_CHECK_SECONDS
        rest: dict[WorksetState, str] = {}
        heads: dict[str, Row] = {}
        for state in LOADED:
            page = self._store.page(state, limit=OPEN_PAGE, newest_first=state in TERMINAL)
            heads |= self._known(page.rows)
            if page.cursor is not None:
                rest[state] = page.cursor
        first = self._delta(heads, frozenset())
        yield first
        for state, cursor in rest.items():
            for rows in self._load(state, cursor):
                yield replace(first, at=self._clock.now(), rows=rows)

    def _load(self, state: WorksetState, cursor: str) -> Iterator[dict[str, Row]]:
        following: str | None = cursor
        loaded = OPEN_PAGE
        while following is not None and (state not in TERMINAL or loaded < self._limit):
            page = self._store.page(state, cursor=following, limit=LOAD_PAGE, newest_first=state in TERMINAL)
            loaded += len(page.rows)
            following = page.cursor
            yield self._known(page.rows)

    def _known(self, rows: Iterable[Row]) -> dict[str, Row]:
        """Keep the rows that are newer than what is known."""
        newer = {}
        for row in rows:
            if row.rev > self._revs.get(row.workset_id, 0):
                self._revs[row.workset_id] = row.rev
                self.rows[row.workset_id] = newer[row.workset_id] = row
                self._derived.note(row.workset_id, row)
        return newer

    def poll(self) -> Delta:
        """What changed since the last call that returned."""
        stamp = self._store.stamp()  # before anything is read, so that nothing is missed
        still = stamp is not None and stamp == self._stamp
        self._look_back()
        if not still:
            self._follow()
        due = self._clock.monotonic() >= self._check_due
        if due:
            self._verify(self._changed)
        delta = self._delta(self._changed, frozenset(self._gone), busy=due, still=still)
        self._changed, self._gone, self._stamp = {}, set(), stamp
        return delta

    def _follow(self) -> None:
        """Fold what the feed has."""
        while True:
            page = self._store.feed(self._cursor)
            for event in page.events:
                self._fold(event, self._changed, self._gone)
            self._cursor = page.cursor
            if not page.more:
                break

    def _look_back(self) -> None:
        """Now and then begin further back, for what an index showed only after the reader had gone on.

        A change of state that was missed shows in the tallies; one of priority, or a cancel, shows nowhere.
        """
        moment = self._clock.monotonic()
        if self._store.info.shared and moment >= self._look_back_due:
            # What was written well before the opening is in the rows that were loaded then.
            since = max(self._clock.now() - micros(2 * CHECK_SECONDS), self._opened_at - micros(INDEX_LAG_SECONDS))
            self._cursor = self._store.feed_start(since)
            self._look_back_due = moment + CHECK_SECONDS

    def _fold(self, event: Event, changed: dict[str, Row], gone: set[str]) -> None:
        workset_id = event.workset_id
        if event.cluster:
            self._claims_moved = True  # its panel is read anew
            return
        if event.seq <= self._revs.get(workset_id, 0):
            return
        known = self.rows.get(workset_id)
        before = known.state if known is not None else event.before
        if before is not None:
            self.counts[before] -= 1
        if event.after is not None:
            self.counts[event.after] += 1
        self._revs[workset_id] = event.seq
        self._doubts.late(event.at, known.state if known else None, event.row.state if event.row else None)
        self._claims_moved |= _slot(known) != _slot(event.row)
        if event.row is None:
            self._forget(workset_id, event.seq, changed, gone)
        else:
            self._derived.note(workset_id, event.row)
            self.rows[workset_id] = changed[workset_id] = event.row
            gone.discard(workset_id)

    def _verify(self, changed: dict[str, Row]) -> None:
        """Compare with the tallies; a state from which something is missing, and not only late, is read again."""
        at = self._clock.now()
        tallies = self._store.tallies()
        have = dict.fromkeys(WorksetState, 0)
        for row in self.rows.values():
            have[row.state] += 1
        # Of a finished state not every row may be loaded; where all are, it counts like the others.
        whole = [s for s in LOADED if s not in TERMINAL or max(have[s], tallies[s]) <= self._limit]
        for state in self._doubts.check(at, have, tallies, whole):
            self._read_again(state, changed)
        self.counts = tallies
        self._check_due = self._clock.monotonic() + self._doubts.pause

    def _read_again(self, state: WorksetState, changed: dict[str, Row]) -> None:
        """All rows of a state; one that is known in it and was not found has left it, the record says whereto."""
        missing = {workset_id for workset_id, row in self.rows.items() if row.state is state}
        found = list(every_row(self._store, state))
        changed |= self._known(found)
        missing -= {row.workset_id for row in found}
        for workset_id in sorted(missing):
            record = self._store.record(workset_id)
            if isinstance(record, Workset):
                changed |= self._known([row_of(record)])
            elif record is not None and record.rev > self._revs.get(workset_id, 0):
                self._forget(workset_id, record.rev, changed, self._gone)

    def _forget(self, workset_id: str, rev: int, changed: dict[str, Row], gone: set[str]) -> None:
        """It was purged."""
        self._revs[workset_id] = rev
        self._derived.note(workset_id, None)
        self.rows.pop(workset_id, None)
        changed.pop(workset_id, None)
        gone.add(workset_id)

    def _delta(self, rows: dict[str, Row], gone: frozenset[str], *, busy: bool = False, still: bool = False) -> Delta:
        panels, asked = self._panels, self._clock.now()
        if still:
            panels.still(asked)
        read = still or panels.look(asked, claims_moved=self._claims_moved, busy=busy)
        moment, now = self._clock.monotonic(), self._clock.now()
        if read:
            leases = panels.leases
            if not still:
                self._watch.observe(leases, moment)
            dead = frozenset(lease.workset_id for lease in leases if self._watch.dead(lease, now, moment))
            self._dead = dead if dead != self._dead else self._dead
        self._claims_moved = False
        alerts = self._derived.alerts(panels.leases, self._dead, panels.alerts)
        silenced = quiet(alerts, panels.silences, now)
        self._silenced = silenced if silenced != self._silenced else self._silenced
        return Delta(
            at=now,
            rows=rows,
            gone=gone,
            counts=dict(self.counts),
            leases=panels.leases,
            dead=self._dead,
            clusters=panels.clusters,
            monitors=panels.monitors,
            alerts=alerts,
            silenced=self._silenced,
            waiting_since=panels.waiting_since,
            waiting=panels.waiting,
            read_at=panels.read_at,
        )


def _slot(row: Row | None) -> str | None:
    """The cluster on which a row's workset may hold a slot."""
    return row.cluster if row is not None and row.state in HELD else None

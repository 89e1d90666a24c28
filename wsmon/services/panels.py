"""What the small panels show, read whole: leases, clusters, monitors, raised alerts, silences, and since when an event waits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from wsmon.domain.alerts import SilenceRecord
from wsmon.domain.times import Instant
from wsmon.domain.workset import Lease
from wsmon.ports import AlertRecord, ClusterRecord, MonitorRecord, StateStore

T = TypeVar("T")
ALERTS, MONITORS, CLUSTERS, SILENCES, OUTBOX = "alerts", "monitors", "clusters", "silences", "outbox"
COUNTED = 100
LEASES = "locks"
TURNS = (ALERTS, MONITORS, ALERTS, CLUSTERS, ALERTS, SILENCES, ALERTS, OUTBOX)


class SmallPanels:
    """Keeps what was read last; a tuple that reads the same stays the same object.

    Where every read is paid for (a shared store) the leases are read each time and the rest takes
    turns, so that no look makes more than two calls. The clusters' claims are two calls and take the
    leases' place; they come at once when the feed told of a slot that was taken or given back.
    """

    def __init__(self, store: StateStore, *, counting: bool = False) -> None:
        """`counting`: how many events wait is told as well, once the oldest has waited from one look to the next."""
        self._store, self._thrifty, self._counting = store, store.info.shared, counting
        self._turn, self._last = 0, CLUSTERS
        self._opened = self._claims_moved = False
        self.leases: tuple[Lease, ...] = ()
        self.clusters: tuple[ClusterRecord, ...] = ()
        self.monitors: tuple[MonitorRecord, ...] = ()
        self.alerts: tuple[AlertRecord, ...] = ()
        self.silences: tuple[SilenceRecord, ...] = ()
        self.waiting_since: Instant | None = None
        """Of the oldest event that not every channel has."""
        self.waiting = 0
        """How many do; 0: not counted, one more than COUNTED: more than that."""
        self.read_at: dict[str, Instant] = {}
        """When each was looked at last."""

    def still(self, now: Instant) -> None:
        """The store is known to be as it was read; what waits is still to be counted once it has stood for two looks."""
        if self._counting and self.waiting_since is not None and not self.waiting:
            self._look_at_outbox()
        self.read_at = dict.fromkeys(self.read_at, now)

    def look(self, now: Instant, *, claims_moved: bool = False, busy: bool = False) -> bool:
        """Read what is due; `busy` when this look has made another call already. Whether the leases were read."""
        self._claims_moved |= claims_moved
        if self._thrifty and self._opened:
            turn = "" if busy else self._next()
            leases, due = turn != CLUSTERS, {turn}
        else:
            leases, due, self._opened = True, {*TURNS}, True
        self.read_at = self.read_at | dict.fromkeys({*due, *([LEASES] if leases else [])}, now)
        if leases:
            self.leases = _kept(self.leases, self._store.leases(consistent=False))
        if ALERTS in due:
            self.alerts = _kept(self.alerts, self._store.alerts(consistent=False))
        if SILENCES in due:
            self.silences = _kept(self.silences, self._store.silences(consistent=False))
        if OUTBOX in due:
            self._look_at_outbox()
        if MONITORS in due:
            self.monitors = _kept(self.monitors, self._store.monitors(consistent=False))
        if CLUSTERS in due:
            self.clusters = _kept(self.clusters, self._store.clusters(consistent=False))
            self._claims_moved = False
        return leases

    def _look_at_outbox(self) -> None:
        counts = self._counting and self.waiting_since is not None
        page = self._store.undelivered(COUNTED if counts else 1)
        oldest = page.events[0].at if page.events else None
        still = oldest is not None and oldest == self.waiting_since
        self.waiting = len(page.events) + page.more if counts and still else 0
        self.waiting_since = oldest

    def _next(self) -> str:
        """Whose turn it is; never the clusters twice in a row, or the leases would not be read."""
        if self._last != CLUSTERS and self._claims_moved:
            self._last = CLUSTERS
            return CLUSTERS
        turn = TURNS[self._turn]
        if turn == self._last == CLUSTERS:
            self._turn += 1
            turn = TURNS[self._turn % len(TURNS)]
        self._turn, self._last = (self._turn + 1) % len(TURNS), turn
        return turn


def _kept(known: tuple[T, ...], found: Sequence[T]) -> tuple[T, ...]:
    read = tuple(found)
    return known if known == read else read

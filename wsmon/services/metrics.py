"""Gathers figures and hands them to the sinks once a minute; a sink that is down delays nothing else."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from wsmon.domain import metering as m
from wsmon.domain.alerts import ACKNOWLEDGED, BY_STATE, FIRING
from wsmon.domain.change import Event
from wsmon.domain.pool import ClusterRecord
from wsmon.domain.ruling import OFF, Ruling
from wsmon.domain.states import WorksetState
from wsmon.domain.times import isoformat
from wsmon.ports import Clock, Log, MetricSink, StateStore

BACKLOG_COUNTED = 1000
BROKEN = (WorksetState.ERROR, WorksetState.FAILED)


def gauges(store: StateStore, clock: Clock, ruling: Ruling | None = None) -> list[m.Series]:
    """What the store shows now. Raises StoreError."""
    ruling = ruling or Ruling()
    now = clock.now()
    tally = m.Tally()
    counts = store.tallies()
    for state, count in counts.items():
        tally.add(m.QUEUE_DEPTH, count, m.dimensions(state=state.value))
    for cluster in store.clusters():
        tally.add(m.UTILIZATION, _utilization(cluster), m.dimensions(cluster=cluster.name))
        cost = round(cluster.vcpus * cluster.cost_per_vcpu_hour, 6)
        tally.add(m.COST, cost, m.dimensions(cluster=cluster.name))
    tally.add(m.SPEND, store.spent(isoformat(now)[:10]) / 1e6)
    waiting = store.undelivered(BACKLOG_COUNTED).events
    tally.add(m.LAG, max(0.0, (now - waiting[0].at) / 1e6) if waiting else 0.0)
    tally.add(m.BACKLOG, len(waiting))
    for severity, firing in _firing(store, counts, ruling).items():
        tally.add(m.ALERTS, firing, m.dimensions(severity=severity))
    return tally.take()


def _firing(store: StateStore, counts: Mapping[WorksetState, int], ruling: Ruling) -> Counter[str]:
    """How many alerts nobody has taken on, by severity; what is off is not counted."""
    found = Counter({"warning": 0, "critical": 0})
    for state in BROKEN:
        found[ruling.severity(state.value, "warning")] += counts[state]
    for alert in ruling.alerts(store.alerts()):
        if alert.kind not in BY_STATE:
            found[alert.severity] += alert.status == FIRING
        elif alert.status == ACKNOWLEDGED:
            found[ruling.severity(alert.kind, "warning")] -= 1  # by its state it was counted above
    del found[OFF]
    return Counter({severity: max(0, firing) for severity, firing in found.items()})


def _utilization(cluster: ClusterRecord) -> float:
    if cluster.vcpus and cluster.vcpus_used:
        return round(100 * cluster.vcpus_used / cluster.vcpus, 3)
    return round(100 * len(cluster.claims) / cluster.slots, 3) if cluster.slots else 0.0


class Metrics:
    """One monitor's figures. `count` is safe from any thread; `step` is one pass of its own loop."""

    def __init__(
        self,
        store: StateStore,
        clock: Clock,
        sinks: Sequence[MetricSink],
        on_duty: Callable[[], bool],
        log: Log,
        period: float = 60.0,
        ruling: Ruling | None = None,
    ) -> None:
        """The gauges are reported by whoever is on duty."""
        self._store, self._clock, self._sinks, self._on_duty, self._log = store, clock, sinks, on_duty, log
        self._period, self._ruling = period, ruling
        self._mutex = threading.Lock()
        self._tally = m.Tally()
        self._kept: dict[int, m.Tally] = {index: m.Tally() for index in range(len(sinks))}
        """What a sink did not take yet."""

    def count(self, metric: m.Metric, value: float = 1, dims: m.Dimensions = ()) -> None:
        """Note a value."""
        with self._mutex:
            self._tally.add(metric, value, dims)

    def saw(self, event: Event) -> None:
        """Note what an event counts for."""
        with self._mutex:
            for metric, value, dims in m.of_event(event):
                self._tally.add(metric, value, dims)

    def step(self) -> float:
        """Report once; seconds until the next time. Raises StoreError where the gauges cannot be read."""
        with self._mutex:
            counted = self._tally.take()
        try:
            measured = gauges(self._store, self._clock, self._ruling) if self._on_duty() else []
        finally:
            self._keep(counted)
        for index, sink in enumerate(self._sinks):
            self._report(index, sink, measured)
        return self._period

    def _keep(self, counted: Iterable[m.Series]) -> None:
        counted = list(counted)
        for kept in self._kept.values():
            kept.merge(counted)

    def _report(self, index: int, sink: MetricSink, measured: Sequence[m.Series]) -> None:
        counted = self._kept[index].take()
        try:
            sink.report([*counted, *measured], self._clock.now())
        except Exception as error:
            # Whatever a sink raises, the figures are kept for the next time, and nothing else waits for it.
            self._kept[index].merge(counted)
            self._log.warning("metrics not reported", sink=type(sink).__name__, error=str(error)[:200])

    def close(self) -> None:
        """Report what is left. Raises StoreError."""
        self.step()

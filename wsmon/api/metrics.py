"""Figures for Prometheus: what the store tells at each scrape, and what this server has done."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from wsmon.domain.errors import StoreError
from wsmon.domain.times import micros
from wsmon.ports import Clock, StateStore

MONITOR_ALIVE_SECONDS = 120.0


class Meters:
    """What this server counts by itself."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "wsmon_http_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "wsmon_http_request_seconds", "How long an answer took to begin.", ("route",), registry=self.registry
        )
        self.denied = Counter("wsmon_http_denied", "Requests refused at the door.", ("status",), registry=self.registry)
        self.streams = Gauge("wsmon_http_event_streams", "Event streams open now.", registry=self.registry)

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self.registry)


class StoreFigures(Collector):
    """Queue depth, locks, monitors and slots, read from the store when somebody asks."""

    def __init__(self, store: StateStore, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def collect(self) -> Iterator[Metric]:
        """The gauges; without a store only `wsmon_store_up 0`."""
        try:
            yield from self._figures()
            up = 1
        except StoreError:
            up = 0
        yield GaugeMetricFamily("wsmon_store_up", "Whether the store answered.", value=up)

    def describe(self) -> Iterator[Metric]:
        """Nothing: registering must not ask the store."""
        return iter(())

    def _figures(self) -> list[Metric]:
        now = self._clock.now()
        depth = GaugeMetricFamily("wsmon_worksets", "Worksets in each state.", labels=("state",))
        for state, count in self._store.tallies().items():
            depth.add_metric((state.value,), count)
        leases = self._store.leases()
        locks = GaugeMetricFamily("wsmon_locks", "Locks, live and past their expiry.", labels=("lock",))
        expired = sum(lease.expires_at < now for lease in leases)
        locks.add_metric(("live",), len(leases) - expired)
        locks.add_metric(("expired",), expired)
        alive = now - micros(MONITOR_ALIVE_SECONDS)
        monitors = sum(monitor.heartbeat_at >= alive for monitor in self._store.monitors())
        slots = GaugeMetricFamily("wsmon_cluster_slots", "Slots of each cluster.", labels=("cluster",))
        taken = GaugeMetricFamily("wsmon_cluster_slots_taken", "Slots taken on each cluster.", labels=("cluster",))
        for cluster in self._store.clusters():
            slots.add_metric((cluster.name,), cluster.slots)
            taken.add_metric((cluster.name,), len(cluster.claims))
        seen = GaugeMetricFamily("wsmon_monitors", "Monitors with a heartbeat in the last two minutes.", value=monitors)
        return [depth, locks, seen, slots, taken]

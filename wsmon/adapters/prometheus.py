"""Prometheus: the same figures under its own convention of names."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from wsmon.domain.metering import PROCESSING, WAIT, Metric, Series, by_name
from wsmon.domain.times import Instant

_SUFFIXES = {"ClusterCostPerHour": "_dollars", "SpendToday": "_dollars", "OutboxLag": "_seconds"}
_SUMMED = {PROCESSING.name, WAIT.name}


def prometheus_name(metric: Metric) -> str:
    """`WorksetQueueDepth` as `wsmon_workset_queue_depth`, with its unit."""
    words = re.sub(r"(?<!^)(?=[A-Z])", "_", metric.name).lower()
    suffix = "_seconds" if metric.name in _SUMMED else _SUFFIXES.get(metric.name, "")
    return f"wsmon_{words}{'_percent' if metric.unit == 'Percent' else suffix}"


class PrometheusSink(Collector):
    """Remembers the last gauges and adds counters up, for a registry to collect."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._sums: dict[tuple[str, Any], tuple[float, float]] = {}
        """(metric, dimensions) -> how many values, and their sum, since the process began."""
        self._last: dict[tuple[str, Any], float] = {}
        self._metrics: dict[str, Metric] = {}

    def report(self, series: Sequence[Series], at: Instant) -> None:
        """Take a report; gauges that it does not mention stay only until the next that has gauges."""
        del at
        with self._mutex:
            fresh = {one.metric.name for one in series if not _adds(one.metric)}
            self._last = {key: value for key, value in self._last.items() if key[0] not in fresh}
            for one in series:
                self._metrics[one.metric.name] = one.metric
                key = (one.metric.name, one.dimensions)
                if _adds(one.metric):
                    count, total = self._sums.get(key, (0.0, 0.0))
                    self._sums[key] = (count + one.count, total + one.total)
                else:
                    self._last[key] = next(reversed(one.values))

    def collect(self) -> Iterator[Family]:
        """Everything in Prometheus' forms."""
        with self._mutex:
            sums, last, metrics = dict(self._sums), dict(self._last), dict(self._metrics)
        for name, metric in metrics.items():
            found = {dims: value for (n, dims), value in [*sums.items(), *last.items()] if n == name}
            yield _family(metric, found)

    def describe(self) -> Iterator[Family]:
        """Nothing: what there is, is known when it comes."""
        return iter(())


def _adds(metric: Metric) -> bool:
    return metric.adds or metric.name in _SUMMED


def _family(metric: Metric, found: dict[Any, Any]) -> Family:
    labels = sorted({name for dims in found for name, _ in dims})
    name = prometheus_name(metric)
    family: Any
    if metric.name in _SUMMED:
        family = SummaryMetricFamily(name, metric.text, labels=labels)
    elif metric.adds:
        family = CounterMetricFamily(name, metric.text, labels=labels)
    else:
        family = GaugeMetricFamily(name, metric.text, labels=labels)
    for dims, value in found.items():
        values = [dict(dims).get(label, "") for label in labels]
        if metric.name in _SUMMED:
            family.add_metric(values, count_value=value[0], sum_value=value[1])
        else:
            family.add_metric(values, value[1] if metric.adds else value)
    return family  # type: ignore[no-any-return]


class GaugeCollector(Collector):
    """The gauges, read when somebody scrapes: for the API, which has no duty to wait for."""

    def __init__(self, read: Callable[[], Sequence[Series]]) -> None:
        """`read` may raise anything; then there are no gauges this time."""
        self._read = read

    def collect(self) -> Iterator[Family]:
        """The gauges now."""
        try:
            found = by_name(self._read())
        except Exception:
            return
        for series in found.values():
            yield _family(series[0].metric, {one.dimensions: next(reversed(one.values)) for one in series})

    def describe(self) -> Iterator[Family]:
        """Nothing: registering must not ask the store."""
        return iter(())


def fill_registry(registry: CollectorRegistry, read: Callable[[], Sequence[Series]]) -> None:
    """Let a registry show the gauges that `read` gives, such as `lambda: gauges(store, clock)`."""
    registry.register(GaugeCollector(read))


def serve(sink: PrometheusSink, host: str, port: int) -> Callable[[], None]:
    """Serve a sink's figures over HTTP on a thread; gives what ends it. Raises OSError."""
    registry = CollectorRegistry()
    registry.register(sink)
    server, thread = start_http_server(port, addr=host, registry=registry)

    def end() -> None:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)

    return end

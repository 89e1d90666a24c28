"""Figures about worksets and clusters, gathered in memory and given away once a minute."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from wsmon.domain.change import Event
from wsmon.domain.states import Verb

Dimensions = tuple[tuple[str, str], ...]
"""(name, value) in order of name; never a workset id, or the figures would be as many as the worksets."""
MAX_SERIES = 2000
MAX_VALUES = 5000
"""Different values of one series between two reports; more are rounded to two digits."""


class Unit(StrEnum):
    """CloudWatch's words."""

    COUNT = "Count"
    SECONDS = "Seconds"
    PERCENT = "Percent"
    NONE = "None"


@dataclass(frozen=True, slots=True)
class Metric:
    """What a figure means."""

    name: str
    unit: Unit
    text: str
    adds: bool = False
    """Counts up for ever; otherwise it is measured, or distributed over values."""


TRANSITIONS = Metric("WorksetStateTransitions", Unit.COUNT, "Worksets that came into a state.", adds=True)
QUEUE_DEPTH = Metric("WorksetQueueDepth", Unit.COUNT, "Worksets in each state.")
ACQUISITIONS = Metric("WorksetLockAcquisitions", Unit.COUNT, "Locks taken.", adds=True)
LOCK_FAILURES = Metric("WorksetLockFailures", Unit.COUNT, "Locks that somebody else had or that were lost.", adds=True)
PROCESSING = Metric("WorksetProcessingDuration", Unit.SECONDS, "From the start of a run to its end.")
WAIT = Metric("WorksetWaitDuration", Unit.SECONDS, "From ready to the start of a run.")
UTILIZATION = Metric("ClusterUtilization", Unit.PERCENT, "vCPUs, or else slots, that are taken.")
COST = Metric("ClusterCostPerHour", Unit.NONE, "Dollars an hour at the cluster's price.")
SPEND = Metric("SpendToday", Unit.NONE, "Dollars booked on this UTC day.")
LAG = Metric("OutboxLag", Unit.SECONDS, "Age of the oldest event that not every channel has.")
BACKLOG = Metric("OutboxBacklog", Unit.COUNT, "Events that not every channel has; 1,000 are counted at most.")
ALERTS = Metric("AlertsFiring", Unit.COUNT, "Alerts that nobody has taken on.")
METRICS = (
    TRANSITIONS,
    QUEUE_DEPTH,
    ACQUISITIONS,
    LOCK_FAILURES,
    PROCESSING,
    WAIT,
    UTILIZATION,
    COST,
    SPEND,
    LAG,
    BACKLOG,
    ALERTS,
)


@dataclass(slots=True)
class Series:
    """The values of one metric with one set of dimensions: value -> how often."""

    metric: Metric
    dimensions: Dimensions
    values: dict[float, float] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """The sum of all values."""
        return sum(value * times for value, times in self.values.items())

    @property
    def count(self) -> float:
        """How many values."""
        return sum(self.values.values())


def dimensions(**named: str) -> Dimensions:
    """Dimensions, those without a value left out."""
    return tuple(sorted((name, value) for name, value in named.items() if value))


class Tally:
    """Figures since the last report. Not for several threads at once."""

    def __init__(self) -> None:
        self._series: dict[tuple[str, Dimensions], Series] = {}

    def add(self, metric: Metric, value: float, dims: Dimensions = ()) -> None:
        """Note a value; a counter's value is added to what it has."""
        key = (metric.name, dims)
        series = self._series.get(key)
        if series is None:
            if len(self._series) >= MAX_SERIES:
                return
            series = self._series[key] = Series(metric, dims)
        if metric.adds:
            series.values = {series.total + value: 1.0}
            return
        if len(series.values) >= MAX_VALUES:
            value = float(f"{value:.2g}")
        series.values[value] = series.values.get(value, 0.0) + 1.0

    def merge(self, series: Iterable[Series]) -> None:
        """Take back what could not be given away."""
        for one in series:
            for value, times in one.values.items():
                for _ in range(int(times)):
                    self.add(one.metric, value, one.dimensions)

    def take(self) -> list[Series]:
        """Everything since the last call."""
        taken, self._series = list(self._series.values()), {}
        return taken


def of_event(event: Event) -> Iterable[tuple[Metric, float, Dimensions]]:
    """What one event counts for."""
    row = event.row
    if row is None or event.after is None:
        return
    tier, cluster = row.priority.value, row.cluster or ""
    if event.after is not event.before:
        yield TRANSITIONS, 1, dimensions(state=event.after.value, priority=tier)
    if event.verb in {Verb.ACQUIRE, Verb.ADOPT}:
        yield ACQUISITIONS, 1, dimensions(priority=tier)
    if event.verb is Verb.START and row.started_at is not None:
        yield WAIT, max(0.0, (row.started_at - row.queued_at) / 1e6), dimensions(priority=tier, cluster=cluster)
    if event.verb in {Verb.COMPLETE, Verb.FAIL} and row.started_at is not None:
        seconds = max(0.0, (event.at - row.started_at) / 1e6)
        yield PROCESSING, seconds, dimensions(priority=tier, cluster=cluster, state=event.after.value)


def by_name(series: Iterable[Series]) -> Mapping[str, list[Series]]:
    """Series under their metric's name."""
    found: dict[str, list[Series]] = {}
    for one in series:
        found.setdefault(one.metric.name, []).append(one)
    return found

"""What happened in a span of time, from its events."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from wsmon.domain.change import Event
from wsmon.domain.states import Verb, WorksetState
from wsmon.domain.times import Instant, isoformat

PERCENTS = (50, 90, 99)


@dataclass(slots=True)
class Group:
    """The figures of all worksets, of one priority, of one cluster or of one workset; seconds and dollars."""

    worksets: set[str] = field(default_factory=set)
    """Those whose runs ended, well or not."""
    registered: int = 0
    completed: int = 0
    failed: int = 0
    retries: int = 0
    waits: list[float] = field(default_factory=list)
    runs: list[float] = field(default_factory=list)
    cost: float = 0.0

    def document(self) -> dict[str, Any]:
        """As plain values."""
        paid = round(self.cost, 6)
        return {
            "registered": self.registered,
            "completed": self.completed,
            "failed": self.failed,
            "retries": self.retries,
            "wait_seconds": percentiles(self.waits),
            "run_seconds": percentiles(self.runs),
            "cost_usd": paid,
            "cost_per_completed_usd": round(paid / self.completed, 6) if self.completed else None,
            "cost_per_workset_usd": round(paid / len(self.worksets), 6) if self.worksets else None,
        }


class Report:
    """Folds events, each once whatever order they come in."""

    def __init__(self, since: Instant, until: Instant, *, by_workset: bool = False) -> None:
        """`by_workset`: each workset is a group of its own as well."""
        self.since, self.until = since, until
        self.worksets: dict[str, Group] | None = {} if by_workset else None
        self.all = Group()
        self.priorities: dict[str, Group] = {}
        self.clusters: dict[str, Group] = {}
        self.categories: Counter[str] = Counter()
        self._seen: set[tuple[str, int]] = set()

    def add(self, events: Iterable[Event]) -> None:
        """Take note of events of the span."""
        for event in events:
            key = (event.workset_id, event.seq)
            if self.since <= event.at < self.until and key not in self._seen and event.row is not None:
                self._seen.add(key)
                self._fold(event)

    def _fold(self, event: Event) -> None:
        row = event.row
        assert row is not None
        groups = [self.all, self.priorities.setdefault(row.priority.value, Group())]
        if row.cluster:
            groups.append(self.clusters.setdefault(row.cluster, Group()))
        if self.worksets is not None:
            groups.append(self.worksets.setdefault(event.workset_id, Group()))
        cost = sum(((event.detail or {}).get("spend") or {}).values())
        ended = event.verb in {Verb.COMPLETE, Verb.FAIL}
        run = (event.at - row.started_at) / 1e6 if ended and row.started_at is not None else None
        waited = None
        if event.verb is Verb.START and row.started_at is not None:
            waited = (row.started_at - row.queued_at) / 1e6
        broke = event.after in {WorksetState.ERROR, WorksetState.FAILED} and event.before is not event.after
        for group in groups:
            group.cost += cost
            group.registered += event.verb is Verb.REGISTER
            group.completed += event.verb is Verb.COMPLETE
            group.failed += broke
            group.retries += event.after is WorksetState.RETRYING and event.before is not event.after
            group.worksets |= {event.workset_id} if run is not None else set()
            group.runs += [max(0.0, run)] if run is not None else []
            group.waits += [max(0.0, waited)] if waited is not None else []
        if event.verb is Verb.FAIL and row.category is not None:
            self.categories[row.category.value] += 1

    def document(self) -> dict[str, Any]:
        """As plain values, for people and programs; worksets, where they are told, the dearest first."""
        days = max((self.until - self.since) / 86_400e6, 1e-9)
        by_cost = sorted((self.worksets or {}).items(), key=lambda item: (-item[1].cost, item[0]))
        return {
            "since": isoformat(self.since),
            "until": isoformat(self.until),
            **self.all.document(),
            "completed_per_day": round(self.all.completed / days, 3),
            "failures_by_category": dict(self.categories.most_common()),
            "priorities": {name: group.document() for name, group in sorted(self.priorities.items())},
            "clusters": {name: group.document() for name, group in sorted(self.clusters.items())},
            **({} if self.worksets is None else {"worksets": {name: group.document() for name, group in by_cost}}),
        }


def percentiles(values: Sequence[float]) -> dict[str, float] | None:
    """p50, p90 and p99 by nearest rank, and the greatest; None without values."""
    if not values:
        return None
    ordered = sorted(values)
    found = {f"p{percent}": ordered[math.ceil(percent / 100 * len(ordered)) - 1] for percent in PERCENTS}
    return {name: round(value, 3) for name, value in {**found, "max": ordered[-1]}.items()}

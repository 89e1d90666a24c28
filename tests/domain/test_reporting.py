"""A report from events: figures by hand."""

from __future__ import annotations

from dataclasses import replace

from tests.domain.build import POLICY, RUN, SECOND, T0, ctx
from wsmon.domain import holding, operating
from wsmon.domain.change import Change, Event
from wsmon.domain.reporting import Report, percentiles
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import ErrorCategory, WorksetPriority
from wsmon.domain.workset import Workset


def lifecycle(name: str, wait: int, run: int, failure: ErrorCategory | None, tier: WorksetPriority) -> list[Event]:
    events: list[Event] = []

    def said(change: Change) -> Workset:
        events.append(change.event)
        assert isinstance(change.after, Workset)
        return change.after

    workset = said(operating.register(WorksetSpec(name, "b", "p", tier), ctx(T0)))
    workset = said(holding.acquire(workset, ctx(T0 + wait * SECOND), holder="m", duration=60))
    workset = said(holding.start(workset, ctx(T0 + wait * SECOND + 1), token=1, run=RUN))
    end = ctx(T0 + (wait + run) * SECOND + 1)
    if failure is None:
        said(holding.complete(workset, end, token=1))
    else:
        said(holding.fail(workset, end, token=1, category=failure, details="x", policy=POLICY))
    events[1] = replace(events[1], detail={"spend": {"2027-01-15": 2.5}})
    return events


def test_figures_by_hand() -> None:
    events = [event for n in range(1, 11) for event in lifecycle(f"w{n}", n, 10 * n, None, WorksetPriority.NORMAL)]
    events += lifecycle("bad", 1, 1, ErrorCategory.DATA, WorksetPriority.URGENT)
    events += lifecycle("flaky", 1, 1, ErrorCategory.TRANSIENT, WorksetPriority.URGENT)
    report = Report(T0, T0 + 86_400 * SECOND)
    report.add(reversed(events))
    report.add(events[:5])  # a feed shows some twice
    found = report.document()
    assert (found["registered"], found["completed"], found["failed"], found["retries"]) == (12, 10, 1, 1)
    assert found["completed_per_day"] == 10
    assert found["failures_by_category"] == {"data": 1, "transient": 1}
    assert found["priorities"]["normal"]["run_seconds"] == {"p50": 50.0, "p90": 90.0, "p99": 100.0, "max": 100.0}
    assert found["priorities"]["normal"]["wait_seconds"]["max"] == 10.0
    assert (found["cost_usd"], found["cost_per_completed_usd"]) == (30.0, 3.0)
    assert found["priorities"]["urgent"]["cost_usd"] == 5.0
    assert found["cost_per_workset_usd"] == 2.5
    assert "worksets" not in found


def test_cost_by_workset_the_dearest_first() -> None:
    events = [event for n in range(1, 4) for event in lifecycle(f"w{n}", n, n, None, WorksetPriority.NORMAL)]
    events[5] = replace(events[5], detail={"spend": {"2027-01-15": 9.0, "2027-01-16": 0.5}})  # w2's second event
    report = Report(T0, T0 + 86_400 * SECOND, by_workset=True)
    report.add(events)
    found = report.document()
    assert [(name, group["cost_usd"]) for name, group in found["worksets"].items()] == [
        ("w2", 9.5),
        ("w1", 2.5),
        ("w3", 2.5),
    ]
    assert found["worksets"]["w3"]["run_seconds"]["max"] == 3.0
    assert sum(group["cost_usd"] for group in found["worksets"].values()) == found["cost_usd"]


def test_what_lies_outside_the_span_does_not_count() -> None:
    report = Report(T0 + 5 * SECOND, T0 + 86_400 * SECOND)
    report.add(lifecycle("w", 2, 10, None, WorksetPriority.LOW))
    found = report.document()
    assert (found["registered"], found["completed"]) == (0, 1)
    assert found["wait_seconds"] is None


def test_percentiles_by_nearest_rank() -> None:
    assert percentiles([]) is None
    assert percentiles([3.0]) == {"p50": 3.0, "p90": 3.0, "p99": 3.0, "max": 3.0}

"""Figures stay few however much is counted, and none is lost with a report that failed."""

from __future__ import annotations

import pytest

from wsmon.domain import metering
from wsmon.domain.metering import QUEUE_DEPTH, TRANSITIONS, WAIT, Tally, by_name, dimensions


def test_beyond_its_bound_no_new_series_begins_and_the_known_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metering, "MAX_SERIES", 2)
    tally = Tally()
    for cluster in ("a", "b", "c", "a"):
        tally.add(TRANSITIONS, 1, dimensions(cluster=cluster))
    assert {series.dimensions: series.total for series in tally.take()} == {
        dimensions(cluster="a"): 2.0,
        dimensions(cluster="b"): 1.0,
    }


def test_beyond_its_bound_a_distribution_gets_coarse_and_still_counts_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metering, "MAX_VALUES", 3)
    tally = Tally()
    values = [1.0, 2.0, 3.0, 123.4, 124.4, 0.0512]
    for value in values:
        tally.add(WAIT, value)
    (series,) = tally.take()
    assert series.values == {1.0: 1.0, 2.0: 1.0, 3.0: 1.0, 120.0: 2.0, 0.051: 1.0}
    assert series.count == len(values)


def test_what_could_not_be_given_away_is_in_the_next_report() -> None:
    tally = Tally()
    for value in (1.0, 1.0, 5.0):
        tally.add(WAIT, value, dimensions(priority="low"))
    tally.add(TRANSITIONS, 3)
    kept = tally.take()
    assert tally.take() == []
    tally.add(TRANSITIONS, 2)
    tally.merge(kept)
    named = by_name(tally.take())
    assert list(named) == [TRANSITIONS.name, WAIT.name]
    assert named[TRANSITIONS.name][0].total == 5.0
    assert named[WAIT.name][0].values == {1.0: 2.0, 5.0: 1.0}
    assert named[WAIT.name][0].dimensions == (("priority", "low"),)
    assert QUEUE_DEPTH.name not in named

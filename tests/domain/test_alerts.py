"""Which conditions are alerts, rule by rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.domain.build import SECOND, T0, complete, locked, ready, running
from wsmon.domain.alerts import ACKNOWLEDGED, AlertRecord, Facts, Rules, conditions
from wsmon.domain.pool import ClusterRecord
from wsmon.domain.ruling import merged
from wsmon.domain.states import WorksetState
from wsmon.domain.workset import Lease, row_of

RULES = Rules(running_longer=100, waiting_longer=200, backlog=5, silent=50, budget=1_000_000, standing=30)
CLUSTER = ClusterRecord("c1", 4, T0)
LEASE = Lease("w1", "m1", 1, 0, 60, T0, T0)
BACKLOG = {WorksetState.READY: 6}


def kinds(facts: Facts, later: float = 0, rules: Rules = RULES) -> list[str]:
    return [f"{alert.kind} {alert.severity}" for alert in conditions(facts, rules, T0 + round(later * SECOND))]


@pytest.mark.parametrize(
    ("facts", "later", "expected"),
    [
        ({}, 0, []),
        ({"rows": [row_of(running())], "leases": [LEASE]}, 100, []),
        ({"rows": [row_of(running())], "leases": [LEASE]}, 101, ["running long warning"]),
        ({"rows": [row_of(running())], "leases": [LEASE], "expected": {"w1": 51}}, 102, []),
        ({"rows": [row_of(running())], "leases": [LEASE], "expected": {"w1": 51}}, 103, ["running long warning"]),
        ({"rows": [row_of(running())], "leases": [LEASE], "dead": {"w1"}}, 0, ["dead lock warning"]),
        ({"rows": [replace(row_of(running()), holder=None)]}, 0, ["unattended warning"]),
        ({"oldest": [row_of(ready())]}, 200, []),
        ({"oldest": [row_of(ready())]}, 201, ["waiting long warning"]),
        ({"counts": {WorksetState.READY: 5}}, 0, []),
        ({"counts": BACKLOG}, 0, ["queue backlog warning"]),
        ({"clusters": [CLUSTER, replace(CLUSTER, health="degraded"), replace(CLUSTER, health="stopped")]}, 0, []),
        ({"clusters": [replace(CLUSTER, health="failed")]}, 0, ["cluster unhealthy critical"]),
        ({"clusters": [replace(CLUSTER, health="draining")]}, 0, ["cluster unhealthy warning"]),
        ({"clusters": [replace(CLUSTER, refused_at=T0)]}, 0, []),
        (
            {"clusters": [replace(CLUSTER, refused_at=T0)], "counts": {WorksetState.READY: 1}},
            0,
            ["no capacity warning"],
        ),
        ({"clusters": [replace(CLUSTER, refused_at=T0)], "counts": {WorksetState.READY: 1}}, 1801, []),
        ({"monitors": {"m1": T0}}, 50, []),
        ({"monitors": {"m1": T0}}, 51, ["monitor silent critical"]),
        ({"spent": 799_999}, 0, []),
        ({"spent": 800_000}, 0, ["budget warning"]),
        ({"spent": 1_000_000}, 0, ["budget critical"]),
        ({"undelivered_since": T0}, 900, []),
        ({"undelivered_since": T0}, 901, ["outbox backlog warning"]),
        ({"channels": {"hook": (T0, "HTTP 500")}}, 29, []),
        ({"channels": {"hook": (T0, "HTTP 500")}}, 30, ["channel failing critical"]),
    ],
)
def test_each_rule_at_its_edge(facts: dict[str, Any], later: float, expected: list[str]) -> None:
    assert kinds(Facts(**facts), later) == expected


def test_a_rule_that_is_off_says_nothing() -> None:
    off = Rules(running_times=None, waiting_longer=None, backlog=None, budget=None)
    facts = Facts(rows=[row_of(running())], leases=[LEASE], oldest=[row_of(ready())], counts=BACKLOG, spent=10**9)
    assert kinds(facts, 10**6, off) == []


def test_what_was_said_to_a_derived_alert_stands_and_ends_with_it() -> None:
    derived = [AlertRecord("error/w1", "error", "warning", "w1", "x", 1, 1)]
    said = replace(derived[0], status=ACKNOWLEDGED, by="ann")
    assert [alert.by for alert in merged(derived, [said])] == ["ann"]
    assert merged([], [said]) == []


def test_an_orphaned_run_is_told_of_once() -> None:
    stored = [AlertRecord("orphaned/w1", "orphaned", "critical", "w1", "x", 1, 1)]
    derived = [AlertRecord("unattended/w1", "unattended", "warning", "w1", "x", 1, 1)]
    assert [alert.kind for alert in merged(derived, stored)] == ["orphaned"]
    assert [alert.kind for alert in merged(derived, [replace(stored[0], status="resolved")])] == ["unattended"]


def test_locked_and_complete_worksets_are_no_alerts() -> None:
    assert kinds(Facts(rows=[row_of(locked()), row_of(complete())], leases=[LEASE])) == []

"""Fit, score, budget, affinity, zone, ageing and creation, one at a time."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scheduling.build import HOUR, NOW, SECOND, cluster, waiting
from wsmon.domain.errors import InvalidInput
from wsmon.domain.needs import Needs, check_requirements, microdollars, needs_from, needs_of
from wsmon.domain.pool import ClusterRecord, Held
from wsmon.domain.queueing import Creation, Policy, Waiting
from wsmon.domain.scheduling import Action, Decision, plan

NO_AGEING = Policy(max_wait=None)


def only(one: Waiting, *pool: ClusterRecord, policy: Policy = NO_AGEING) -> Decision:
    (decision,) = plan([one], pool, policy, NOW)
    return decision


@pytest.mark.parametrize(
    ("needs", "facts", "verdict", "said"),
    [
        ({}, {}, "fits", "3 of 3 slots free"),
        ({"vcpus": 4}, {"vcpus": 8}, "fits", "8 of 8 vCPUs"),
        ({"vcpus": 9}, {"vcpus": 8}, "too small", "needs 9 vCPUs, it has 8"),
        ({"memory_mib": 2048}, {"memory_mib": 1024}, "too small", "needs 2,048 MiB of memory, it has 1,024"),
        ({"storage_gib": 500}, {"storage_gib": 100}, "too small", "GiB of free storage"),
        ({"vcpus": 6}, {"vcpus": 8, "claims": {"r": Held(1, 4)}}, "full", "4 of 8 are free"),
        ({}, {"claims": {"a": Held(1), "b": Held(1), "c": Held(1)}}, "full", "3 of 3 slots are taken"),
        ({"affinity": "c2"}, {}, "affinity", "tied to c2"),
        ({"zone": "a", "zone_required": True}, {"zone": "b"}, "other zone", "needs zone a, it lies in b"),
        ({"zone": "a"}, {"zone": "b"}, "fits", "free"),
        ({"instance_type": "x"}, {"instance_types": ("y", "z")}, "instance type", "needs x, it has y, z"),
        ({}, {"health": "unreachable", "note": "no route"}, "unhealthy", "unreachable: no route"),
        ({}, {"drained": "ann: new image"}, "unhealthy", "drained: ann: new image"),
        ({}, {"health": "degraded"}, "fits", "free"),
        ({}, {"updated_at": NOW - 2 * HOUR}, "silent", "for 2h00"),
        ({}, {"slots": 0}, "too small", "no slots"),
    ],
)
def test_verdicts(needs: dict[str, Any], facts: dict[str, Any], verdict: str, said: str) -> None:
    decision = only(waiting(**needs), cluster(**facts))
    (found,) = decision.clusters
    assert found.verdict.value == verdict
    assert said in "; ".join(found.reasons)
    assert (decision.action is Action.START) == (verdict == "fits")


def test_all_that_rules_a_cluster_out_is_said_together() -> None:
    (found,) = only(waiting(vcpus=99, affinity="other"), cluster(vcpus=8, health="failed")).clusters
    assert found.verdict.value == "affinity"
    assert len(found.reasons) == 3


@pytest.mark.parametrize(
    ("pool", "chosen"),
    [
        # 10 * 0.02 + |0.6 - 0| = 0.8 against 10 * 0.05 + |0.6 - 0.5| = 0.6
        (
            [
                ("a", {"cost_per_vcpu_hour": 0.02, "vcpus": 8}),
                ("b", {"cost_per_vcpu_hour": 0.05, "vcpus": 8, "used": 4}),
            ],
            "b",
        ),
        ([("a", {"cost_per_vcpu_hour": 0.05}), ("b", {"cost_per_vcpu_hour": 0.02})], "b"),
        ([("b", {}), ("a", {})], "a"),
        ([("a", {"refused_at": NOW - SECOND}), ("b", {"cost_per_vcpu_hour": 9.0})], "b"),
        ([("a", {"refused_at": NOW - 2 * HOUR}), ("b", {"cost_per_vcpu_hour": 9.0})], "a"),
        ([("a", {"health": "degraded"}), ("b", {"cost_per_vcpu_hour": 9.0})], "b"),
        ([("a", {"zone": "far"}), ("b", {"zone": "near", "cost_per_vcpu_hour": 9.0})], "b"),
    ],
)
def test_the_best_of_what_fits(pool: list[tuple[str, dict[str, Any]]], chosen: str) -> None:
    made = []
    for name, facts in pool:
        used = facts.pop("used", 0)
        made.append(cluster(name, 2, claims={"r": Held(1, used)} if used else {}, **facts))
    assert only(waiting(zone="near"), *made).cluster == chosen


def test_the_score_is_in_the_verdict() -> None:
    one = cluster(slots=4, vcpus=10, cost_per_vcpu_hour=0.03, claims={"r": Held(1, 5)})
    assert only(waiting(), one).clusters[0].score == pytest.approx(10 * 0.03 + 0.1)


def test_a_plan_fills_the_pool_in_order_and_no_further() -> None:
    queue = [waiting("n", hours=3), waiting("l", "low", hours=9), waiting("u", "urgent"), waiting("n2", hours=2)]
    decisions = plan(queue, [cluster("a", 2), cluster("b", 1)], NO_AGEING, NOW)
    assert [(d.workset_id, d.action.value) for d in decisions] == [
        ("u", "start"),
        ("n", "start"),
        ("n2", "start"),
        ("l", "wait"),
    ]
    assert sorted(d.cluster or "" for d in decisions) == ["", "a", "a", "b"]


@pytest.mark.parametrize("what", ["vcpus", "memory_mib"])
def test_what_one_plan_places_counts_for_the_next_of_the_same_plan(what: str) -> None:
    needs: dict[str, Any] = {what: 4}
    queue = [waiting(f"w{n}", hours=5 - n, **needs) for n in range(3)]
    one = cluster(slots=3, vcpus=8, memory_mib=8)
    third = plan(queue, [one], NO_AGEING, NOW)[2]
    assert third.action is Action.WAIT
    assert third.clusters[0].verdict.value == "full"


def test_cost_order_puts_the_cheap_first_and_the_unknown_last() -> None:
    queue = [waiting("dear", hours=3, usd=9), waiting("unknown", hours=9), waiting("cheap", usd=0.5)]
    found = plan(queue, [], Policy(max_wait=None, cost_order=True), NOW)
    assert [decision.workset_id for decision in found] == ["cheap", "dear", "unknown"]


def test_over_budget_only_urgent_starts_and_the_next_day_is_the_estimate() -> None:
    policy = Policy(max_wait=None, budget=microdollars(100), spent=microdollars(80))
    queue = [waiting("u", "urgent", usd=50), waiting("n", usd=1)]
    urgent, normal = plan(queue, [cluster()], policy, NOW)
    assert urgent.action is Action.START
    assert normal.action is Action.WAIT
    assert normal.clusters[0].verdict.value == "budget"
    assert "$130.00 of the day's $100.00" in normal.clusters[0].reasons[-1]
    assert normal.estimated_start == (NOW // (24 * HOUR) + 1) * 24 * HOUR


def test_a_cheap_one_passes_a_dear_one_that_the_budget_bars() -> None:
    policy = Policy(max_wait=None, budget=microdollars(100), spent=microdollars(80))
    dear, cheap = plan([waiting("a", hours=1, usd=50), waiting("b", usd=10)], [cluster()], policy, NOW)
    assert (dear.action, cheap.action) == (Action.WAIT, Action.START)


def test_estimates_follow_what_runs() -> None:
    claims = {"r1": Held(1, 4, 0, NOW + 2 * HOUR), "r2": Held(1, 4, 0, NOW + HOUR)}
    queue = [waiting(f"w{n}", hours=5 - n, vcpus=4, minutes=600) for n in range(3)]
    pool = [cluster(slots=2, vcpus=8, claims=claims)]
    found = [decision.estimated_start for decision in plan(queue, pool, NO_AGEING, NOW)]
    assert found == [NOW + HOUR, NOW + 2 * HOUR, NOW + 11 * HOUR]
    unknown = [cluster(slots=1, claims={"r1": Held(1)})]
    assert plan(queue, unknown, NO_AGEING, NOW)[0].estimated_start is None


def test_what_waited_too_long_keeps_a_cluster_for_itself() -> None:
    pool = [cluster(slots=4, vcpus=16, claims={"r": Held(1, 4)})]
    large, small = waiting("large", hours=5, vcpus=16), waiting("small", vcpus=1)
    decisions = plan([large, small], pool, Policy(max_wait=3600), NOW)
    assert [decision.action.value for decision in decisions] == ["wait", "wait"]
    assert decisions[1].clusters[0].verdict.value == "held"
    assert "kept free for large" in decisions[1].clusters[0].reasons[0]
    assert plan([large, small], pool, NO_AGEING, NOW)[1].action is Action.START


class TestCreation:
    TEMPLATE = cluster("new", 2, vcpus=8)

    def actions(self, queue: list[Waiting], *pool: ClusterRecord, lead: float = 900) -> list[str]:
        policy = Policy(max_wait=None, creation=Creation((self.TEMPLATE,), lead))
        return [decision.action.value for decision in plan(queue, pool, policy, NOW)]

    def test_what_fits_nowhere_gets_one_until_that_is_full(self) -> None:
        queue = [waiting(f"w{n}", vcpus=2) for n in range(3)]
        assert self.actions(queue) == ["create", "create", "wait"]
        assert self.actions(queue, cluster(slots=1)) == ["start", "create", "create"]

    def test_of_several_kinds_the_first_that_would_do(self) -> None:
        policy = Policy(max_wait=None, creation=Creation((self.TEMPLATE, cluster("large", 1, vcpus=96, zone="z")), 900))
        queue = [waiting("w0", vcpus=8), waiting("w1", vcpus=90), waiting("w2", vcpus=2), waiting("w3", vcpus=2)]
        assert [one.makes for one in plan(queue, [], policy, NOW)] == ["new", "large", "", ""], "each is filled up"
        far = waiting("w4", zone="z", zone_required=True)
        assert [one.makes for one in plan([far], [], policy, NOW)] == ["large"]

    def test_not_for_what_would_not_fit_it(self) -> None:
        assert self.actions([waiting(vcpus=9)]) == ["wait"]
        assert self.actions([waiting(affinity="other")]) == ["wait"]

    def test_not_when_waiting_is_quicker(self) -> None:
        soon = cluster(slots=1, claims={"r": Held(1, 0, 0, NOW + 600 * SECOND)})
        assert self.actions([waiting()], soon) == ["wait"]
        assert self.actions([waiting()], soon, lead=60) == ["create"]

    def test_not_over_budget(self) -> None:
        policy = Policy(creation=Creation((self.TEMPLATE,)), budget=1, spent=1)
        assert only(waiting(), policy=policy).action is Action.WAIT


class TestNeeds:
    def test_the_predecessors_names(self) -> None:
        requirements = {
            "estimated_memory_gb": 1.5,
            "estimated_storage_gb": "20",
            "estimated_duration_minutes": 90,
            "preferred_availability_zone": "us-west-2d",
        }
        needs = needs_of(requirements, {"estimated_cost": 7, "estimated_cost_usd": 2.5})
        assert needs == Needs(0, 1536, 20, "us-west-2d", False, None, 90.0, 2_500_000)
        assert needs_from(needs.document()) == needs
        assert needs_from({**needs.document(), "of a later version": 1}) == needs

    @pytest.mark.parametrize("value", ["x", -1, float("nan"), float("inf"), True, [1], 10**400])
    def test_what_cannot_be_read_is_not_said(self, value: object) -> None:
        assert needs_of({"vcpus": value}, {"estimated_cost_usd": value}) == Needs()
        with pytest.raises(InvalidInput, match="vcpus"):
            check_requirements({"vcpus": value})

    @pytest.mark.parametrize("requirements", [{"zone": 7}, {"zone_required": "yes"}])
    def test_other_kinds_are_refused(self, requirements: dict[str, Any]) -> None:
        with pytest.raises(InvalidInput, match="zone"):
            check_requirements(requirements)

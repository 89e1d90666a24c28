"""What holds of every plan, whatever the queue and the pool."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.scheduling.build import EXAMPLES, HOUR, NOW, POLICIES, SECOND, cluster, pools, queues, waiting
from wsmon.domain.fitting import Fit
from wsmon.domain.pool import USABLE, ClusterRecord, Held
from wsmon.domain.queueing import Policy, Waiting, tier_of
from wsmon.domain.scheduling import Action, Decision, plan
from wsmon.domain.states import WorksetPriority


def started(decisions: tuple[Decision, ...]) -> list[Decision]:
    return [decision for decision in decisions if decision.action is Action.START]


@EXAMPLES
@given(queues(), pools(), POLICIES)
def test_never_over_capacity(queue: list[Waiting], pool: list[ClusterRecord], policy: Policy) -> None:
    decisions = started(plan(queue, pool, policy, NOW))
    for one in pool:
        here = [decision.needs for decision in decisions if decision.cluster == one.name]
        if not here:
            continue
        assert one.health in USABLE
        assert not one.drained
        assert len(one.claims) + len(here) <= one.slots
        if one.vcpus and any(needs.vcpus for needs in here):
            assert one.vcpus_used + sum(needs.vcpus for needs in here) <= one.vcpus
        if one.memory_mib and any(needs.memory_mib for needs in here):
            assert one.memory_used_mib + sum(needs.memory_mib for needs in here) <= one.memory_mib


@EXAMPLES
@given(queues(), pools(), POLICIES)
def test_never_past_the_budget_but_by_urgent(queue: list[Waiting], pool: list[ClusterRecord], policy: Policy) -> None:
    spent = policy.spent
    for decision in started(plan(queue, pool, policy, NOW)):
        cost = decision.needs.cost or 0
        if policy.budget is not None and decision.priority is not WorksetPriority.URGENT:
            assert spent < policy.budget
            assert spent + cost <= policy.budget
        spent += cost


@EXAMPLES
@given(queues(), pools(), POLICIES)
def test_decisions_are_complete(queue: list[Waiting], pool: list[ClusterRecord], policy: Policy) -> None:
    decisions = plan(queue, pool, policy, NOW)
    assert sorted(decision.workset_id for decision in decisions) == sorted(one.workset_id for one in queue)
    assert [decision.position for decision in decisions] == list(range(1, len(queue) + 1))
    for decision in decisions:
        assert [one.cluster for one in decision.clusters] == sorted(one.name for one in pool)
        assert all(one.reasons for one in decision.clusters)
        assert all((one.score is None) == (one.verdict is not Fit.FITS) for one in decision.clusters)
        if decision.action is Action.START:
            (chosen,) = [one for one in decision.clusters if one.cluster == decision.cluster]
            assert chosen.verdict is Fit.FITS
            assert decision.estimated_start == NOW
        else:
            assert decision.cluster is None
            assert decision.estimated_start is None or decision.estimated_start >= NOW
            assert all(one.verdict is not Fit.FITS for one in decision.clusters)


@EXAMPLES
@given(queues(), pools(), POLICIES, st.randoms(use_true_random=False))
def test_the_same_whatever_order_it_is_told_in(
    queue: list[Waiting], pool: list[ClusterRecord], policy: Policy, chance: object
) -> None:
    told = plan(queue, pool, policy, NOW)
    chance.shuffle(queue)  # type: ignore[attr-defined]
    chance.shuffle(pool)  # type: ignore[attr-defined]
    assert plan(queue, pool, policy, NOW) == told


@EXAMPLES
@given(queues(), pools(), POLICIES)
def test_the_order_is_tier_then_cost_then_age(queue: list[Waiting], pool: list[ClusterRecord], policy: Policy) -> None:
    by_id = {one.workset_id: one for one in queue}
    decisions = plan(queue, pool, policy, NOW)
    for first, second in pairwise(decisions):
        a, b = by_id[first.workset_id], by_id[second.workset_id]
        assert first.tier <= second.tier
        if first.tier < second.tier:
            continue
        costs = [float("inf") if one.needs.cost is None else one.needs.cost for one in (a, b)]
        if policy.cost_order and costs[0] != costs[1]:
            assert costs[0] < costs[1]
        else:
            assert (a.since, a.workset_id) < (b.since, b.workset_id)


@EXAMPLES
@given(queues(), pools())
def test_urgent_never_waits_behind_another_when_both_fit(queue: list[Waiting], pool: list[ClusterRecord]) -> None:
    """Without ageing: whatever starts for a lesser tier, no urgent one that waits could have had its place."""
    decisions = plan(queue, pool, Policy(max_wait=None), NOW)
    used = Counter(d.cluster for d in started(decisions) if d.priority is WorksetPriority.URGENT)
    for decision in decisions:
        if decision.priority is WorksetPriority.URGENT and decision.action is Action.WAIT:
            lesser = [d for d in started(decisions) if d.priority is not WorksetPriority.URGENT]
            able = {one.cluster for one in decision.clusters if one.verdict is Fit.FULL}
            for other in lesser:
                if other.cluster in able:
                    # It lacked vCPU or memory there, not the slot the other one got.
                    one = next(c for c in pool if c.name == other.cluster)
                    assert len(one.claims) + used[one.name] < one.slots


@EXAMPLES
@given(st.integers(0, 60), st.sampled_from(list(WorksetPriority)), st.sampled_from([900.0, 3600.0]))
def test_ageing_lifts_one_tier_for_every_max_wait(hours: int, priority: WorksetPriority, max_wait: float) -> None:
    policy = Policy(max_wait=max_wait)
    assert tier_of(waiting(priority=priority, hours=hours), policy, NOW) == priority.tier - int(
        hours * 3600 // max_wait
    )
    assert tier_of(waiting(priority=priority, hours=hours), Policy(max_wait=None), NOW) == priority.tier


def outlasts(small: str, large: Waiting, pool: list[ClusterRecord], policy: Policy, hours: int) -> int | None:
    """Play on: small urgent worksets without end beside a large one; the hour at which it starts."""
    ends: dict[str, tuple[str, int, Needed]] = {}
    for hour in range(hours):
        now = NOW + hour * HOUR
        ends = {name: run for name, run in ends.items() if run[1] > hour}
        claims = {one.name: {n: Held(1, r[2], 0) for n, r in ends.items() if r[0] == one.name} for one in pool}
        current = [cluster(c.name, c.slots, updated_at=now, vcpus=c.vcpus, claims=claims[c.name]) for c in pool]
        fresh = [
            Waiting(f"s{hour:03}.{n}", WorksetPriority(small), now - SECOND, waiting(vcpus=4, usd=1).needs)
            for n in range(8)
        ]
        for decision in started(plan([large, *fresh], current, policy, now)):
            if decision.workset_id == large.workset_id:
                return hour
            assert decision.cluster is not None
            # Lengths differ, so that clusters never empty by themselves at once.
            ends[decision.workset_id] = (decision.cluster, hour + 2 + len(ends) % 3, decision.needs.vcpus)
    return None


Needed = int


@EXAMPLES
@given(st.sampled_from(["low", "normal"]), st.integers(1, 3), st.booleans())
def test_nothing_starves(priority: str, count: int, cost_order: bool) -> None:
    """A large one in the lowest tier, dear and last in order, starts all the same: aged, it keeps a cluster free."""
    pool = [cluster(f"c{n}", 4, vcpus=16) for n in range(count)]
    large = waiting("large", priority, vcpus=16, usd=900)
    policy = Policy(max_wait=4 * 3600.0, cost_order=cost_order)
    at = outlasts("urgent", large, pool, policy, hours=40)
    assert at is not None
    assert at <= 3 * 4 + 5, "lifted three times, and the longest run of its cluster after that"


def test_without_ageing_it_would_starve() -> None:
    large = waiting("large", "low", vcpus=16)
    assert outlasts("urgent", large, [cluster(vcpus=16, slots=4)], Policy(max_wait=None), hours=40) is None

"""A claim takes slot, vCPU, memory and the day's dollars in its own commit, and gives back what it took."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.contract.conftest import World
from wsmon.domain.change import SlotClaim
from wsmon.domain.errors import NoCapacity, OverBudget
from wsmon.domain.needs import microdollars
from wsmon.domain.pool import ClusterRecord, Held, Taken
from wsmon.domain.states import ErrorCategory, WorksetState
from wsmon.domain.workset import RetryPolicy, RunRecord

S = WorksetState
RUN = RunRecord(1, "place", "host", "boot", "/runs/1")
TODAY, TOMORROW = "2026-11-24", "2026-11-25"


def claim(
    vcpus: int = 0, memory: int = 0, usd: float = 0, *, slots: int = 9, budget: float | None = None, day: str = TODAY
) -> SlotClaim:
    takes = Taken(vcpus, memory, microdollars(usd), day, 77)
    return SlotClaim("pool", slots, takes, 10, 100, None if budget is None else microdollars(budget))


def take(world: World, name: str, wanted: SlotClaim, **more: Any) -> int:
    if world.store.record(name) is None:
        world.register(name)
    return world.commands.acquire(name, holder="m", seconds=60, claim=wanted, **more).token


def used(world: World) -> tuple[int, int, int]:
    (pool,) = world.other().clusters()
    return len(pool.claims), pool.vcpus_used, pool.memory_used_mib


@pytest.fixture(autouse=True)
def _reported(world: World) -> None:
    world.store.put_cluster(ClusterRecord("pool", 9, 1, vcpus=10, memory_mib=100))


def test_vcpus_and_memory_never_pass_what_there_is(world: World) -> None:
    take(world, "a", claim(6, 50))
    with pytest.raises(NoCapacity, match="vCPU"):
        take(world, "b", claim(5, 1))
    with pytest.raises(NoCapacity, match="memory"):
        take(world, "b", claim(1, 51))
    assert used(world) == (1, 6, 50)
    take(world, "b", claim(4, 50))
    assert used(world) == (2, 10, 100)
    take(world, "c", claim(0, 0))  # what says nothing takes a slot alone
    assert world.other().clusters()[0].claims["a"] == Held(1, 6, 50, 77)


@pytest.mark.parametrize("way_out", ["release", "complete", "fail", "unlock"])
def test_every_way_out_gives_back_what_was_taken(world: World, way_out: str) -> None:
    commands, token = world.commands, take(world, "a", claim(6, 50, 5))
    if way_out in {"complete", "fail"}:
        commands.start("a", token=token, run=RUN)
    match way_out:
        case "release":
            commands.release("a", token=token)
        case "complete":
            commands.complete("a", token=token)
        case "fail":
            commands.fail("a", token=token, category=ErrorCategory.DATA, details="x")
        case _:
            commands.unlock("a", reason="x")
    assert used(world) == (0, 0, 0)
    assert commands.get("a").taken is None
    take(world, "b", claim(10, 100))


def test_an_adoption_keeps_what_was_taken(world: World) -> None:
    token = take(world, "a", claim(6, 50, 5))
    world.commands.start("a", token=token, run=RUN)
    world.commands.unlock("a", reason="x")
    _, lease = world.commands.adopt("a", holder="heir", seconds=60)
    assert world.other().clusters()[0].claims == {"a": Held(lease.token, 6, 50, 77)}
    assert used(world) == (1, 6, 50)
    world.commands.complete("a", token=lease.token)
    assert used(world) == (0, 0, 0)


def test_a_dead_lock_taken_over_with_other_needs_leaves_no_rest(world: World) -> None:
    world.register("a")
    first = world.commands.acquire("a", holder="m", seconds=60, claim=claim(6, 50, 5))
    world.commands.acquire("a", holder="n", seconds=60, dead=first.mark, claim=claim(10, 20, 7, day=TOMORROW))
    assert used(world) == (1, 10, 20)
    assert (world.store.spent(TODAY), world.store.spent(TOMORROW)) == (0, microdollars(7))


class TestSpend:
    """Estimates are booked on the day of the claim, and put right there by the result."""

    def spent(self, world: World) -> float:
        return world.other().spent(TODAY) / 1e6

    def test_an_estimate_is_booked_and_put_right(self, world: World) -> None:
        token = take(world, "a", claim(usd=5))
        assert self.spent(world) == 5
        world.commands.start("a", token=token, run=RUN)
        world.commands.complete("a", token=token, metrics={"cost_usd": 3.25})
        assert self.spent(world) == 3.25
        booked = [e.detail["spend"] for e in world.store.history("a") if e.detail and "spend" in e.detail]
        assert booked == [{TODAY: 5.0}, {TODAY: -1.75}]

    def test_a_claim_without_a_start_costs_nothing(self, world: World) -> None:
        token = take(world, "a", claim(usd=5))
        world.commands.release("a", token=token)
        assert self.spent(world) == 0

    def test_a_failed_run_costs_what_it_did_or_else_its_estimate(self, world: World) -> None:
        world.commands.policy = RetryPolicy(max_attempts=9)
        for name, metrics, left in (("a", {"cost_usd": 2}, 2), ("b", None, 7)):
            token = take(world, name, claim(usd=5))
            world.commands.start(name, token=token, run=RUN)
            world.commands.fail(name, token=token, category=ErrorCategory.TRANSIENT, details="", metrics=metrics)
            assert self.spent(world) == left

    def test_nothing_goes_past_the_budget_but_what_has_none(self, world: World) -> None:
        take(world, "a", claim(usd=60, budget=100))
        with pytest.raises(OverBudget, match=TODAY):
            take(world, "b", claim(usd=41, budget=100))
        with pytest.raises(OverBudget):
            take(world, "b", claim(usd=101, budget=100, day=TOMORROW))
        assert (self.spent(world), world.commands.get("b").state) == (60, S.READY)
        take(world, "b", claim(usd=40, budget=100))
        with pytest.raises(OverBudget):
            take(world, "c", claim(budget=100))  # nobody said what it costs, and nothing is left
        take(world, "c", claim(usd=500))  # urgent: no bound
        take(world, "d", claim(usd=1, budget=100, day=TOMORROW))
        assert self.spent(world) == 600
        assert used(world)[0] == 4

    def test_a_store_that_knows_no_such_day(self, world: World) -> None:
        assert world.store.spent("1999-01-01") == 0


def test_of_many_at_once_only_what_fits_gets_in(world: World) -> None:
    names = [f"w{n}" for n in range(8)]
    for name in names:
        world.register(name)
    won: list[str] = []

    def race(name: str) -> None:
        try:
            take(world, name, claim(3, 10, 30, budget=80))
        except NoCapacity:
            return
        won.append(name)

    threads = [threading.Thread(target=race, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 2, "three would fit, two can be paid"
    assert used(world) == (2, 6, 20)
    assert world.store.spent(TODAY) == microdollars(60)

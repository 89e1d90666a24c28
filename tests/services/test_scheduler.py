"""The scheduler on a store: what monitors take, why the rest waits, and what would be if."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.services.world import CLOCK, World
from wsmon.domain.change import SlotClaim
from wsmon.domain.needs import microdollars
from wsmon.domain.pool import ClusterRecord, Taken
from wsmon.domain.queueing import Policy
from wsmon.domain.scheduling import Action, plan
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import ErrorCategory, Verb, WorksetPriority, WorksetState
from wsmon.ports import MonitorRecord, RowPage
from wsmon.services.attending import Attendance
from wsmon.services.scheduler import Assumptions, Scheduler, draw
from wsmon.services.window import Window

S = WorksetState
P = WorksetPriority


def pool(world: World, name: str = "c1", slots: int = 2, **facts: object) -> ClusterRecord:
    made = replace(ClusterRecord(name, slots, CLOCK.now()), **facts)  # type: ignore[arg-type]
    world.store.put_cluster(made)
    return made


def add(world: World, name: str, priority: str = "normal", **requirements: object) -> None:
    world.commands.register(WorksetSpec(name, "b", "p", P(priority), {}, requirements))


def scheduler(world: World, **policy: object) -> Scheduler:
    return Scheduler(world.store, CLOCK, Policy(**policy))  # type: ignore[arg-type]


class TestWhy:
    def test_a_waiting_one_hears_every_cluster_its_place_and_who_is_ahead(self, world: World) -> None:
        pool(world, "full", 0)
        pool(world, "small", vcpus=4)
        for name in ("a", "b"):
            add(world, name)
        add(world, "large", vcpus=8)
        found = scheduler(world).why("large")
        assert found is not None
        assert list(found)[:2] == ["workset_id", "state"]
        assert (found["state"], found["position"], found["action"], found["cluster"]) == ("ready", 3, "wait", None)
        assert found["ahead"] == ["a", "b"]
        assert [(one["cluster"], one["verdict"]) for one in found["clusters"]] == [
            ("full", "too small"),
            ("small", "too small"),
        ]
        assert "needs 8 vCPUs, it has 4" in found["clusters"][1]["reasons"][0]

    def test_what_no_monitor_has_room_for_waits_for_one(self, world: World) -> None:
        pool(world, slots=4, kind="local")
        for name in ("a", "b"):
            add(world, name)
        planner = Scheduler(world.store, CLOCK, attendance=Attendance(world.store, CLOCK, 60))

        def why(name: str = "b") -> tuple[str, str | None, str]:
            found = planner.why(name)
            assert found is not None
            return found["action"], found["estimated_start"] and "known", found.get("monitors", "")

        assert why() == ("wait", None, "no monitor is alive; start one with `wsmon monitor`")
        now = CLOCK.now()
        full = MonitorRecord("m1", "h", 1, now, now, holding=2, most=2, pool="c1")
        other = MonitorRecord("m2", "h2", 1, now, now, holding=0, most=2, pool="c2")
        silent = MonitorRecord("m3", "h", 1, now, now - 61_000_000, most=9, pool="c1")
        for record in (full, other, silent):
            world.store.put_monitor(record)
        assert why() == ("wait", None, "m1 attends 2 of 2 runs (monitor.max_concurrent)"), "m2 starts nothing on c1"
        world.commands.acquire("a", holder="m1", seconds=60, claim=SlotClaim("c1", 4, Taken(until=now + 600_000_000)))
        assert why() == ("wait", "known", "m1 attends 2 of 2 runs (monitor.max_concurrent)")
        pool(world, slots=4, kind="settings")
        assert why() == ("start", "known", ""), "m2 has room, and reaches it"
        world.store.put_monitor(replace(other, stopping=True))
        assert "m1 attends" in why()[2]
        world.store.put_monitor(replace(full, holding=1))
        assert why()[0] == "start"

    def test_what_waits_for_a_cluster_does_not_wait_for_a_monitor(self, world: World) -> None:
        pool(world, slots=0)
        add(world, "a")
        planner = Scheduler(world.store, CLOCK, attendance=Attendance(world.store, CLOCK, 60))
        found = planner.why("a")
        assert found is not None
        assert found["monitors"].startswith("no monitor is alive"), "a cluster falls silent for that"
        now = CLOCK.now()
        world.store.put_monitor(MonitorRecord("m1", "h", 1, now, now, holding=2, most=2))
        found = planner.why("a")
        assert found is not None
        assert "monitors" not in found

    def test_one_beyond_the_window_is_placed_after_it(self, world: World) -> None:
        for n in range(9):
            add(world, f"w{n}")
        found = Scheduler(world.store, CLOCK, size=4).why("w8")
        assert found is not None
        assert found["position"] == "> 4"

    def test_a_retry_that_is_not_due_says_when(self, world: World) -> None:
        pool(world)
        add(world, "w1")
        token = world.commands.acquire("w1", holder="m", seconds=60).token
        world.commands.start("w1", token=token)
        world.commands.fail("w1", token=token, category=ErrorCategory.TRANSIENT, details="x")
        found = scheduler(world).why("w1")
        assert found is not None
        assert found["state"] == "retrying"
        assert found["action"] == "wait"
        assert found["estimated_start"] >= found["retry_after"]

    def test_a_running_one_shows_the_decision_its_lock_was_taken_by(self, world: World) -> None:
        world.register()
        monitor = world.monitor(command=("sleep", "60"))
        world.until(monitor, S.IN_PROGRESS)
        event = next(event for event in world.history() if event.verb is Verb.ACQUIRE)
        assert event.detail is not None
        found = scheduler(world).why("w1")
        assert found is not None
        assert {**event.detail["decision"], "state": "in_progress"} == found
        assert (found["cluster"], found["clusters"][0]["verdict"]) == ("local", "fits")

    def test_nothing_is_known_of_one_a_caller_locked(self, world: World) -> None:
        world.register()
        world.commands.acquire("w1", holder="me", seconds=60)
        assert scheduler(world).why("w1") is None
        assert scheduler(world).why("none") is None


class TestAsIf:
    def test_another_cluster_a_budget_and_a_priority(self, world: World) -> None:
        pool(world, slots=1)
        for name in ("a", "b", "c"):
            world.commands.register(WorksetSpec(name, "b", "p", metadata={"estimated_cost_usd": 5}))
        plain = scheduler(world).outlook()
        assert [d.workset_id for d in plain.starts()] == ["a"]
        more = ClusterRecord("c9", 1, CLOCK.now())
        assert [d.workset_id for d in scheduler(world).outlook(assumed=Assumptions((more,))).starts()] == ["a", "b"]
        broke = scheduler(world).outlook(assumed=Assumptions((more,), budget=microdollars(6)))
        assert [d.workset_id for d in broke.starts()] == ["a"]
        urgent = scheduler(world).outlook(assumed=Assumptions(priorities=(("c", P.URGENT),)))
        assert [d.workset_id for d in urgent.starts()] == ["c"]
        assert world.store.tallies()[S.READY] == 3
        assert len(world.store.clusters()) == 1


class TestWindow:
    def test_it_moves_on_where_nothing_fits_and_comes_back(self, world: World) -> None:
        pool(world, vcpus=4)
        for n in range(6):
            add(world, f"large{n}", vcpus=99)
        add(world, "small", vcpus=1)
        seeing = Scheduler(world.store, CLOCK, Policy(), size=2)
        found = [len(seeing.outlook().starts()) for _ in range(6)]
        assert found[:3] == [0, 0, 0]
        assert 1 in found

    def test_it_stays_while_something_fits(self, world: World) -> None:
        window = Window(world.store, CLOCK, 2)
        for n in range(5):
            add(world, f"w{n}")
        assert [one.workset_id for one in window.read()] == ["w0", "w1"]
        assert not window.complete
        assert [one.workset_id for one in window.read()] == ["w0", "w1"]
        window.rotate()
        assert [one.workset_id for one in window.read()] == ["w0", "w1", "w2", "w3"]
        window.rotate()
        assert [one.workset_id for one in window.read()] == ["w0", "w1", "w4"]
        window.rotate()
        assert [one.workset_id for one in window.read()] == ["w0", "w1"]

    def test_retries_that_are_not_due_are_not_in_it(self, world: World) -> None:
        world.register()
        token = world.commands.acquire("w1", holder="m", seconds=60).token
        world.commands.fail("w1", token=token, category=ErrorCategory.TRANSIENT, details="x")
        assert world.get().state is S.RETRYING
        assert Window(world.store, CLOCK).read() == []


def test_a_monitor_draws_among_the_first_of_the_best_tier_alone(world: World) -> None:
    for n in range(4):
        add(world, f"n{n}")
        add(world, f"u{n}", "urgent")
    decisions = plan(Window(world.store, CLOCK).read(), [ClusterRecord("c", 8, CLOCK.now())], Policy(), CLOCK.now())
    assert all(decision.action is Action.START for decision in decisions)
    last = [decision.workset_id for decision in draw(decisions, 3, lambda n: n - 1)]
    assert last == ["u2", "u3", "u1", "u0", "n2", "n3", "n1", "n0"]
    assert [d.workset_id for d in draw(decisions, 1, lambda _: 0)] == [f"{t}{n}" for t in "un" for n in range(4)]


@pytest.mark.parametrize("budget", [None, 12])
def test_monitors_keep_to_the_budget_but_for_urgent_ones(world: World, budget: int | None) -> None:
    for n in range(4):
        world.register(f"n{n}", estimated_cost_usd=5)
    world.register("u", "urgent", estimated_cost_usd=50)
    policy = Policy(budget=None if budget is None else microdollars(budget))
    monitor = world.monitor(command=("sleep", "60"), scheduling=policy)
    world.drive(monitor, lambda: len(monitor.runs.attended) == (1 if budget else 4))
    monitor.step()
    held = set(monitor.runs.attended)
    assert "u" in held
    assert held == ({"u"} if budget else held)


def test_a_monitor_starts_nothing_on_a_full_pool_and_does_not_even_look(world: World) -> None:
    world.register()
    monitor = world.monitor("m1", command=("sleep", "60"), slots=1)
    world.until(monitor, S.IN_PROGRESS)
    world.register("w2")
    asked: list[object] = []
    original = world.store.page

    def page(*args: Any, **named: Any) -> RowPage:
        asked.append(args)
        return original(*args, **named)

    world.store.page = page  # type: ignore[method-assign]
    monitor.keeper.renew_due()
    monitor.claimer.claim({"local"}, 1)
    assert asked == []


def test_requirements_are_claimed(world: World) -> None:
    world.commands.register(WorksetSpec("w1", "b", "p", requirements={"vcpus": 1, "memory_mib": 10, "hours": 1}))
    monitor = world.monitor(command=("sleep", "60"))
    world.until(monitor, S.IN_PROGRESS)
    held = world.store.clusters()[0].claims["w1"]
    assert (held.vcpus, held.memory_mib) == (1, 10)
    assert held.until is not None
    assert held.until > CLOCK.now()

"""What is left by the dead, the paused and the cut off: nothing runs twice, nothing is lost."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.services.world import CLOCK, World
from tests.waiting import wait_for
from wsmon.adapters.runner import place as place_module
from wsmon.adapters.runner.place import PlaceFolder
from wsmon.domain.change import Change
from wsmon.domain.errors import Refused, StoreUnreachable
from wsmon.domain.states import Verb, WorksetState
from wsmon.domain.workset import Lease
from wsmon.ports import RunState
from wsmon.services.commands import Commands
from wsmon.services.monitor import Monitor
from wsmon.services.reaper import Reaper

S = WorksetState


class Outage:
    """A store that can be cut off; `lose` lets one commit of a verb through and loses its reply."""

    def __init__(self, world: World) -> None:
        self._store = world.store
        self.cut = False
        self.lose: Verb | None = None

    def __getattr__(self, name: str) -> Any:
        if self.cut and name != "info":
            raise StoreUnreachable("the store does not answer (test)")
        return getattr(self._store, name)

    def commit(self, change: Change) -> None:
        if self.cut:
            raise StoreUnreachable("the store does not answer (test)")
        self._store.commit(change)
        if self.lose is change.event.verb:
            self.lose = None
            raise StoreUnreachable("the reply was lost (test)")


class Slow:
    """A store whose first reading of the leases takes longer than a lock lasts; its holder renews meanwhile."""

    def __init__(self, world: World) -> None:
        self._world, self._first = world, True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world.store, name)

    def leases(self, *, consistent: bool = True) -> list[Lease]:
        for _ in range(4 if self._first else 0):
            time.sleep(0.2)
            self._world.commands.refresh("w1", holder="holder")
        self._first = False
        return list(self._world.store.leases())


def started(world: World, monitor: Monitor) -> None:
    monitor.step()
    assert world.get().state is S.IN_PROGRESS
    wait_for(world.lines)


@pytest.mark.parametrize("seconds", [0.1, 2.0])
def test_a_dead_monitors_run_is_adopted_running_or_ended(world: World, seconds: float) -> None:
    world.register()
    started(world, world.monitor("dead", command=world.command(seconds)))
    heir = world.monitor("heir")
    done = world.until(heir, S.COMPLETE)
    assert world.verbs() == [Verb.REGISTER, Verb.ACQUIRE, Verb.START, Verb.ADOPT, Verb.COMPLETE]
    assert world.lines() == ["start w1 1 1", "end w1 1 1"]
    assert (done.token, done.attempt) == (2, 1)


def test_a_dead_lock_before_the_start_expires(world: World) -> None:
    world.register()
    world.commands.acquire("w1", holder="gone", seconds=0.4)
    done = world.until(world.monitor(), S.COMPLETE)
    assert world.verbs()[2] is Verb.EXPIRE
    assert done.token == 2


def test_a_holder_that_renews_keeps_its_lock(world: World) -> None:
    world.register()
    held = world.monitor("holder", command=world.command(2.0))
    started(world, held)
    other = world.monitor("other")

    def renewed_until_complete() -> bool:
        held.keeper.renew_due()
        held.step()
        return world.get().state is S.COMPLETE

    world.drive(other, renewed_until_complete)
    assert Verb.ADOPT not in world.verbs()


def test_a_look_that_took_long_proves_nothing_of_the_time_before_it(world: World) -> None:
    world.register()
    lease = world.commands.acquire("w1", holder="holder", seconds=0.5)
    slow = Slow(world)
    reaper = Reaper(Commands(slow, CLOCK, "observer"), CLOCK, world.log, skew=60, patience=60)
    list(reaper.sweep([]))
    list(reaper.sweep([]))
    assert world.get().token == lease.token
    assert world.verbs()[-1] is Verb.ACQUIRE


def test_a_robbed_monitor_lets_go_without_ending_the_run(world: World) -> None:
    world.register()
    paused = world.monitor("paused", command=world.command(1.5))
    started(world, paused)
    heir = world.monitor("heir")
    world.drive(heir, lambda: world.get().holder == "heir")
    paused.keeper.renew_due()
    paused.runs.watch()
    assert paused.runs.attended == {}
    assert world.log.told("lock lost")
    assert world.lost == ["paused"], "a lock that was lost under a run counts too, once"
    world.until(heir, S.COMPLETE)
    assert world.lines() == ["start w1 1 1", "end w1 1 1"]


def test_a_robbed_monitors_result_is_refused(world: World) -> None:
    world.register()
    paused = world.monitor("paused", command=world.command(0.2, 1))
    started(world, paused)
    world.commands.unlock("w1", reason="rob it")
    workset, _ = world.commands.adopt("w1", holder="thief", seconds=60)
    wait_for(lambda: paused.runs.watch() or not paused.runs.attended)
    assert world.get().state is S.IN_PROGRESS
    assert workset.token == 2


def test_a_start_that_never_spawned_is_gone_not_unknown(world: World) -> None:
    world.register()
    store = Outage(world)
    store.lose = Verb.START
    monitor = world.monitor("cut", store=store)
    with pytest.raises(StoreUnreachable):
        monitor.step()
    assert world.get().state is S.IN_PROGRESS
    assert world.lines() == []
    monitor.keeper.renew_due()
    done = world.until(world.monitor("heir"), S.COMPLETE)
    assert [event.verb for event in world.history()][2:5] == [Verb.START, Verb.ADOPT, Verb.FAIL]
    assert done.attempt == 2
    assert world.lines() == ["start w1 3 2", "end w1 3 2"]


@pytest.mark.parametrize(("exit_code", "state"), [(0, S.COMPLETE), (65, S.ERROR)])
def test_a_result_whose_reply_never_came_is_not_recorded_for_ever(world: World, exit_code: int, state: S) -> None:
    """The commit gave up after it was applied: the monitor finds its own result, and goes on claiming."""
    world.register()
    store = Outage(world)
    monitor = world.monitor(store=store, command=world.command(0.0, exit_code), max_concurrent=1)
    started(world, monitor)
    store.lose = Verb.COMPLETE if exit_code == 0 else Verb.FAIL
    while store.lose:
        monitor._look()
    assert world.get().state is state
    world.register("w2")
    world.until(monitor, state, "w2")
    assert not monitor.runs.attended
    assert world.verbs() == [Verb.REGISTER, Verb.ACQUIRE, Verb.START, Verb.COMPLETE if exit_code == 0 else Verb.FAIL]
    assert monitor.keeper.lost() == {}


def test_an_outage_is_lived_through(world: World) -> None:
    world.register()
    world.register("w2")
    store = Outage(world)
    monitor = world.monitor("m", store=store, command=world.command(0.3), max_concurrent=1)
    started(world, monitor)
    store.cut = True
    run = monitor.runs.attended["w1"].run
    runner = monitor._runner
    wait_for(lambda: runner.look("w1", run).state is RunState.ENDED)
    for _ in range(3):
        monitor.keeper.renew_due()
        with pytest.raises(StoreUnreachable):
            monitor.step()
    assert monitor._look() is False
    store.cut = False
    world.until(monitor, S.COMPLETE, "w2")
    assert world.get().state is S.COMPLETE
    assert sorted(world.lines()) == ["end w1 1 1", "end w2 1 1", "start w1 1 1", "start w2 1 1"]


def test_run_survives_an_outage_and_says_so(world: World) -> None:
    store = Outage(world)
    store.cut = True
    monitor = world.monitor(store=store)
    assert monitor._pass() > 0
    assert world.log.told("pass failed")
    store.cut = False
    monitor._pass()
    assert world.log.told("store is back")


def test_a_run_at_another_place_is_unknown_and_only_alerts(world: World) -> None:
    world.register()
    started(world, world.monitor("far", place="far-runs", command=world.command(0.1)))
    near = world.monitor("near")
    alerts = world.drive(near, world.store.alerts, seconds=20)
    assert (alerts[0].kind, alerts[0].subject, alerts[0].severity) == ("orphaned", "w1", "critical")
    assert (alerts[0].priority, alerts[0].state) == ("normal", "in_progress")
    assert world.get().state is S.IN_PROGRESS
    world.commands.unlock("w1", reason="it is dead")
    world.commands.requeue("w1", reason="I looked: it is dead")
    world.until(near, S.COMPLETE)
    world.drive(near, lambda: [alert.status for alert in world.store.alerts()] == ["resolved"])


def test_a_callers_workset_without_a_run_of_ours_is_never_adopted(world: World) -> None:
    world.register()
    lease = world.commands.acquire("w1", holder="script", seconds=0.3)
    world.commands.start("w1", token=lease.token)
    monitor = world.monitor()
    world.drive(monitor, world.store.alerts, seconds=20)
    assert world.verbs()[-1] is Verb.START


def test_an_older_run_found_at_the_place_is_ended_and_alerted(world: World) -> None:
    world.register()
    started(world, world.monitor("old", command=world.command(60)))
    run = world.get().run
    assert run is not None
    world.commands.unlock("w1", reason="test")
    world.commands.requeue("w1", reason="believed dead, was not")
    lease = world.commands.acquire("w1", holder="elsewhere", seconds=60)
    monitor = world.monitor("new")
    monitor.step()
    wait_for(lambda: monitor._runner.look("w1", run).state is RunState.ENDED)
    assert [alert.kind for alert in world.store.alerts()] == ["duplicate"]
    assert world.get().token == lease.token


def test_a_busy_place_gives_the_lock_back_for_another_try(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """One wait a pass, however many runs there are to adopt or worksets to claim."""
    for name in ("w1", "w2", "w3"):
        world.register(name)
    dead = world.monitor("dead", command=world.command(0.1))
    dead.step()
    for name in ("w1", "w2", "w3"):
        world.commands.unlock(name, reason="test")
    world.register("w4")
    heir = world.monitor("heir")
    place = PlaceFolder(world.folder / "runs")
    heir._runner.place()
    monkeypatch.setattr(place_module, "LOCK_WAIT_SECONDS", 0.05)
    with place.locked():
        heir.step()
    assert [event for event, _ in world.log.lines].count("place busy") == 1
    assert all(world.get(name).holder is None for name in ("w1", "w2", "w3", "w4"))
    assert world.verbs("w4") == [Verb.REGISTER, Verb.ACQUIRE, Verb.RELEASE]
    world.drive(heir, lambda: world.store.tallies()[S.COMPLETE] == 4)


def test_a_place_that_cannot_be_used_claims_nothing(world: World) -> None:
    world.register()
    (world.folder / "runs").write_text("not a folder")
    monitor = world.monitor()
    assert monitor._pass() > 0
    assert world.log.told("pass failed")
    assert world.get().state is S.READY
    assert world.store.leases() == []


@pytest.mark.parametrize("when", ["claiming", "adopting"])
def test_a_lock_ended_by_force_while_it_is_given_back_does_not_end_the_monitor(
    world: World, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    world.register()
    if when == "adopting":
        started(world, world.monitor("dead", command=world.command(5)))
        world.commands.unlock("w1", reason="test")
    heir = world.monitor("heir")

    def fails(*_: Any, **__: Any) -> None:
        world.commands.unlock("w1", reason="just now")
        raise Refused("the place is busy (test)")

    monkeypatch.setattr(heir._runner, "plan" if when == "claiming" else "raise_token", fails)
    heir.step()
    assert world.log.told("not released")
    monkeypatch.undo()
    world.until(heir, S.COMPLETE)

"""Worksets that change under a monitor between its plan, its claim and its start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.services.world import World
from wsmon.domain.change import Change
from wsmon.domain.pool import ClusterRecord
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import Verb, WorksetPriority, WorksetState
from wsmon.domain.workset import Row
from wsmon.ports import RowPage
from wsmon.services.scheduler import Scheduler

S = WorksetState


class Between:
    """The store, with somebody who acts once: right before the commit of a verb, or after the last look at the queue."""

    def __init__(self, world: World, act: Callable[[], Any], *, before: Verb | None = None) -> None:
        self._world, self._act, self._before, self._done = world, act, before, False
        self._pages = 0
        self.stale: list[Row] = []
        """Rows that the queue's index still shows."""

    def _once(self) -> None:
        if not self._done:
            self._done = True
            self._act()

    def commit(self, change: Change) -> None:
        if change.event.verb is self._before:
            self._once()
        self._world.store.commit(change)

    def page(self, state: WorksetState, **given: Any) -> RowPage:
        page = self._world.store.page(state, **given)
        late = [row for row in self.stale if row.state is state and row.priority is given.get("priority")]
        if self._before is None and state is S.RETRYING and given.get("priority") is WorksetPriority.LOW:
            self._once()
        return RowPage([*page.rows, *late], page.cursor)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world.store, name)


def registered(world: World, memory: int) -> None:
    world.commands.register(WorksetSpec("w1", "bucket", "in/w1", requirements={"memory_mib": memory}))


def anew(world: World) -> None:
    """Purge it, whatever holds it, and register it with other needs."""
    if world.get().holder is not None:
        world.commands.unlock("w1", reason="registered wrongly")
    world.commands.delete("w1")
    world.commands.purge("w1")
    registered(world, 7)


def test_what_was_registered_anew_after_the_plan_takes_what_it_needs_now(world: World) -> None:
    registered(world, 1)
    monitor = world.monitor(store=Between(world, lambda: anew(world)))
    monitor.step()
    assert world.verbs() == [Verb.REGISTER, Verb.DELETE, Verb.PURGE, Verb.REGISTER]
    monitor.step()
    claims = [dict(cluster.claims) for cluster in world.store.clusters()]
    assert [claim["w1"].memory_mib for claim in claims] == [7]
    world.until(monitor, S.COMPLETE)
    assert world.lines() == ["start w1 1 1", "end w1 1 1"]


def test_a_claim_names_the_registration_it_was_planned_for(world: World) -> None:
    registered(world, 1)
    world.store.put_cluster(ClusterRecord("local", 8, world.commands.clock.now()))
    outlook = Scheduler(world.store, world.commands.clock).outlook()
    (decision,) = outlook.starts()
    assert outlook.claim(decision).registered_at == world.get().registered_at


def test_what_was_registered_anew_after_the_claim_is_not_started_by_it(world: World) -> None:
    registered(world, 1)
    monitor = world.monitor(store=Between(world, lambda: anew(world), before=Verb.START))
    monitor.step()
    assert monitor.runs.attended == {}
    assert world.get().state is S.READY
    assert world.get().token == 1
    assert world.store.leases() == []
    assert world.lines() == []
    world.until(monitor, S.COMPLETE)
    assert world.lines() == ["start w1 2 1", "end w1 2 1"]


def test_what_the_index_still_shows_as_waiting_is_not_let_go_of(world: World) -> None:
    world.register()
    lagging = Between(world, lambda: None)
    monitor = world.monitor(store=lagging, command=world.command(0.6))
    lagging.stale = [*world.store.page(S.READY, priority=WorksetPriority.NORMAL).rows]
    monitor.step()
    assert list(monitor.runs.attended) == ["w1"]
    monitor.step()
    assert list(monitor.runs.attended) == ["w1"]
    assert not world.log.told("lock lost")
    world.until(monitor, S.COMPLETE)
    assert world.get().token == 1


def test_what_waits_again_while_its_monitor_knows_nothing_of_it_is_let_go_of(world: World) -> None:
    world.register()
    monitor = world.monitor(command=world.command(0.6))
    monitor.step()
    world.commands.unlock("w1", reason="rob it")
    world.commands.requeue("w1", reason="taken for dead")
    assert monitor.runs.attends("w1")
    assert monitor.runs.attended == {}
    assert world.log.told("lock lost")

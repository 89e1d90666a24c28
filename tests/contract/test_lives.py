"""What is decided about a cluster: one change, one event, and no claim beside it; the same on every engine."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from tests.contract.conftest import World
from wsmon.adapters.clock import SystemClock
from wsmon.domain.change import Context, SlotClaim
from wsmon.domain.errors import InUse, InvalidInput, NoCapacity, StaleWrite
from wsmon.domain.lives import Life, LifeChange, Phase, lived
from wsmon.domain.pool import ClusterRecord
from wsmon.domain.states import ClusterVerb
from wsmon.domain.workset import Lease, RunRecord
from wsmon.services.draining import drain, resume
from wsmon.services.tailing import Tail

CLOCK = SystemClock()
RUN = RunRecord(1, "place", "host", "boot", "/logs/1")


def step(life: Life, verb: ClusterVerb = ClusterVerb.CREATE_ASKED, *, empty: bool = False, **fields: Any) -> LifeChange:
    ctx = Context(CLOCK.now(), "m1", uuid4().hex, "because")
    return lived(ctx, verb, life, empty=empty, **fields)


def taken(world: World, workset_id: str = "w1", cluster: str = "c1") -> int:
    if world.store.record(workset_id) is None:
        world.register(workset_id)
    return world.commands.acquire(workset_id, holder="m", seconds=60, claim=SlotClaim(cluster, 3)).token


def test_each_step_has_one_event_that_says_who_why_and_what_was(world: World) -> None:
    store, tail = world.store, Tail(world.store)
    asked = step(Life("c1"), phase=Phase.CREATING, asked_at=5, hourly=3_000_000)
    store.commit_life(asked)
    made = step(asked.after, ClusterVerb.CREATE_DONE, phase=Phase.MADE, run=RUN)
    store.commit_life(made)
    assert world.other().life("c1") == made.after
    assert world.other().lives() == [made.after]
    events = store.history("cluster:c1")
    assert [(e.seq, e.verb, e.actor, e.reason) for e in events] == [
        (1, ClusterVerb.CREATE_ASKED, "m1", "because"),
        (2, ClusterVerb.CREATE_DONE, "m1", "because"),
    ]
    assert events[1].detail == {
        "before": {"drained": "", "phase": "creating"},
        "after": {"drained": "", "phase": "made"},
    }
    assert [(e.workset_id, e.seq, e.cluster) for e, _ in tail.poll()] == [("cluster:c1", n, "c1") for n in (1, 2)]
    assert [(e.workset_id, e.seq) for e in store.undelivered().events] == [("cluster:c1", 1), ("cluster:c1", 2)]
    store.mark_delivered([("cluster:c1", 1)])
    assert [e.seq for e in store.undelivered_of("cluster:c1").events] == [2]


def test_a_stale_step_changes_nothing_and_the_same_one_twice_is_one(world: World) -> None:
    first = step(Life("c1"), phase=Phase.CREATING)
    world.store.commit_life(first)
    world.store.commit_life(first)  # its reply was lost
    other = step(Life("c1"), ClusterVerb.DRAIN, drained="ann")
    with pytest.raises(StaleWrite):
        world.store.commit_life(other)
    assert world.store.life("c1") == first.after
    assert len(world.store.history("cluster:c1")) == 1


def test_what_is_being_made_is_in_the_pool_before_anybody_reports_it_and_what_is_gone_is_not(world: World) -> None:
    asked = step(Life("c1"), phase=Phase.CREATING)
    world.store.commit_life(asked)
    (found,) = world.other().clusters()
    assert (found.name, found.health, found.slots, found.life) == ("c1", "creating", 0, asked.after)
    world.store.put_cluster(ClusterRecord("c1", 3, 7))
    (found,) = world.other().clusters()
    assert (found.health, found.slots, found.life) == ("running", 3, asked.after)
    gone = step(asked.after, ClusterVerb.TEARDOWN_DONE, phase=Phase.GONE)
    world.store.commit_life(gone)
    assert world.other().clusters() == []
    assert world.other().lives() == [gone.after]
    world.store.forget_cluster("c1")
    assert world.other().lives() == []
    assert len(world.store.history("cluster:c1")) == 2


def test_a_closed_cluster_takes_no_claim_that_was_planned_before(world: World) -> None:
    world.store.put_cluster(ClusterRecord("c1", 3, 1))
    token = taken(world)
    drain(world.commands, "c1", "new image")
    with pytest.raises(NoCapacity, match="new image"):
        taken(world, "w2")
    world.commands.start("w1", token=token, run=RUN)
    world.commands.unlock("w1", reason="x")
    _, lease = world.commands.adopt("w1", holder="heir", seconds=60)  # what holds its slot keeps it
    world.commands.complete("w1", token=lease.token)
    resume(world.commands, "c1")
    taken(world, "w2")


def test_a_cluster_that_must_be_empty_is_closed_only_while_it_is(world: World) -> None:
    world.store.put_cluster(ClusterRecord("c1", 3, 1))
    token = taken(world)
    down = step(Life("c1"), ClusterVerb.TEARDOWN_ASKED, empty=True, phase=Phase.DELETING)
    with pytest.raises(InUse, match="1 worksets"):
        world.store.commit_life(down)
    assert world.store.life("c1") == Life("c1")
    assert world.store.history("cluster:c1") == []
    world.commands.release("w1", token=token)
    world.store.commit_life(down)
    with pytest.raises(NoCapacity, match="taken down"):
        taken(world)


def test_a_claim_and_a_teardown_at_once_never_both_get_through(world: World) -> None:
    for n in range(6):
        name, workset_id = f"c{n}", f"w{n}"
        world.store.put_cluster(ClusterRecord(name, 3, 1))
        world.register(workset_id)
        said: list[str] = []

        def claim(name: str = name, workset_id: str = workset_id, said: list[str] = said) -> None:
            try:
                taken(world, workset_id, name)
            except NoCapacity:
                return
            said.append("claimed")

        def down(name: str = name, said: list[str] = said) -> None:
            try:
                world.store.commit_life(step(Life(name), empty=True, phase=Phase.DELETING))
            except InUse:
                return
            said.append("closed")

        threads = [threading.Thread(target=work) for work in (claim, down)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(said) == 1, said


def test_a_change_under_a_duty_is_refused_once_somebody_else_does_it(world: World) -> None:
    mine = Lease("clusters", "m1", 1, 0, 9.0, 1, 2)
    world.store.put_duty(mine, None)
    first = step(Life("c1"), phase=Phase.CREATING)
    world.store.commit_life(replace(first, under=mine))
    world.store.put_duty(Lease("clusters", "m2", 2, 0, 9.0, 3, 4), mine.mark)
    with pytest.raises(StaleWrite):
        world.store.commit_life(replace(step(first.after, ClusterVerb.CREATE_DONE, phase=Phase.MADE), under=mine))
    assert world.store.life("c1") == first.after
    assert len(world.store.history("cluster:c1")) == 1


def test_drains_are_changes_of_the_cluster(world: World) -> None:
    world.store.put_cluster(ClusterRecord("c1", 3, 1))
    drain(world.commands, "c1", "new image")
    resume(world.commands, "c1")
    resume(world.commands, "c1")  # nothing to change, and no event
    events = world.store.history("cluster:c1")
    assert [(e.verb, e.actor, e.reason) for e in events] == [
        (ClusterVerb.DRAIN, "tester", "new image"),
        (ClusterVerb.RESUME, "tester", None),
    ]
    assert events[0].detail is not None
    assert events[0].detail["after"]["drained"].endswith("new image")


def test_no_workset_is_named_as_a_clusters_events_are(world: World) -> None:
    with pytest.raises(InvalidInput, match="cluster:"):
        world.register("cluster:c1")
    assert replace(Life("c1"), drained="x").closed == "x"

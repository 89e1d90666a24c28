"""Draining, and doctor's recount of what is taken."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.cli.run import Cli
from tests.contract.conftest import World
from tests.contract.conftest import world as world  # noqa: PLC0414  a fixture: every engine
from wsmon.adapters.clock import SystemClock
from wsmon.domain.change import SlotClaim
from wsmon.domain.errors import InvalidInput, NotThere
from wsmon.domain.needs import day_of
from wsmon.domain.pool import ClusterRecord, Taken
from wsmon.services.draining import drain, resume
from wsmon.services.recounting import claims_differ, spend_of_today
from wsmon.services.scheduler import Scheduler

CLOCK = SystemClock()


def test_a_drained_cluster_is_given_nothing_until_it_is_resumed(world: World) -> None:
    record = ClusterRecord("c1", 3, CLOCK.now())
    world.store.put_cluster(record)
    world.register()
    found = drain(world.commands, "c1", "new image")
    assert found.drained.startswith("tester at ")
    assert found.drained.endswith("new image")
    world.store.put_cluster(replace(record, updated_at=CLOCK.now()))  # a report leaves it as it is
    scheduler = Scheduler(world.store, CLOCK)
    why = scheduler.why("w1")
    assert why is not None
    assert why["action"] == "wait"
    assert "new image" in why["clusters"][0]["reasons"][0]
    assert [alert.kind for alert in world.store.alerts()] == ["draining"]
    resume(world.commands, "c1")
    assert [d.cluster for d in scheduler.outlook().starts()] == ["c1"]
    assert [alert.status for alert in world.store.alerts()] == ["resolved"]  # the relay tells of its end
    with pytest.raises(NotThere, match="known are c1"):
        drain(world.commands, "c9", "x")
    with pytest.raises(InvalidInput, match="reason"):
        drain(world.commands, "c1", "")


def test_what_is_taken_is_recounted_from_worksets_and_events(world: World) -> None:
    world.store.put_cluster(ClusterRecord("c1", 3, CLOCK.now(), vcpus=16))
    day = day_of(CLOCK.now())
    for n in range(3):
        world.register(f"w{n}")
        claim = SlotClaim("c1", 3, Taken(4, 100, 2_000_000, day), 16, 0)
        token = world.commands.acquire(f"w{n}", holder="m", seconds=60, claim=claim).token
        world.commands.start(f"w{n}", token=token)
    world.commands.complete("w0", token=1, metrics={"cost_usd": 0.5})
    assert claims_differ(world.store) == []
    assert spend_of_today(world.store, CLOCK) == (4.5, 4.5)


def test_a_claim_that_no_workset_holds_is_told(world: World) -> None:
    world.store.put_cluster(ClusterRecord("c1", 3, CLOCK.now()))
    world.register()
    world.commands.acquire("w1", holder="m", seconds=60, claim=SlotClaim("c1", 3))
    real = world.store.record
    world.store.record = lambda name: replace(real(name), slot=None)  # type: ignore[method-assign, assignment, type-var]
    (said,) = claims_differ(world.store)
    assert said.startswith("w1 on c1: a slot (token 1)")
    assert said.endswith("nothing by the workset")


def test_commands(cli: Cli) -> None:
    cli("init")
    assert cli.json("clusters") == []
    cli("cluster", "drain", "none", "--reason", "x", code=3)
    cli("cluster", "resume", "none", code=3)
    (claims,) = [finding for finding in cli.json("doctor") if finding["what"] == "claims"]
    assert claims["level"] == "ok"

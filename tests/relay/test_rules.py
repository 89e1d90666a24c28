"""Channels' filters hold for alerts as for events, and each rule has the severity that the settings say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.relay.world import FakeChannel, RelayWorld
from wsmon.domain.alerts import Rules, SilenceRecord
from wsmon.domain.grouping import Route
from wsmon.domain.notices import Severity
from wsmon.domain.ruling import OFF, Ruling
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import WorksetPriority
from wsmon.domain.times import micros
from wsmon.domain.workset import RunRecord
from wsmon.ports import ClusterRecord
from wsmon.services.draining import drain, resume
from wsmon.services.metrics import gauges
from wsmon.services.plans import ChannelPlan

SLOW = Rules(running_longer=100.0, waiting_longer=None)
RUN = RunRecord(1, "place", "host", "boot", "/r")


def plan(name: str, **route: Any) -> ChannelPlan:
    route.setdefault("min_severity", Severity.WARNING)
    return ChannelPlan(FakeChannel(name), Route(**route), per_minute=6000)


def told(plan: ChannelPlan) -> list[str]:
    assert isinstance(plan.channel, FakeChannel)
    return [f"{n.kind} {n.status.value} {n.severity.value}" for m in plan.channel.taken for n in m.notices]


def run_slowly(world: RelayWorld, name: str, priority: WorksetPriority = WorksetPriority.URGENT) -> None:
    world.commands.register(WorksetSpec(name, "b", priority=priority))
    lease = world.commands.acquire(name, holder="m", seconds=36_000)
    world.commands.start(name, token=lease.token, run=replace(RUN, run_token=lease.token), cluster="c1")


def test_a_filter_by_priority_state_or_cluster_holds_for_alerts(world: RelayWorld) -> None:
    wanting = [
        plan("urgent", priorities=("urgent",)),
        plan("running", states=("in_progress",)),
        plan("alerts", states=("firing", "resolved"), event_types=("alert",)),
        plan("cluster", clusters=("c*",)),
    ]
    others = [plan("low", priorities=("low",)), plan("ready", states=("ready",)), plan("other", clusters=("d*",))]
    relay = world.relay(*wanting, *others, rules=SLOW)
    run_slowly(world, "w1")
    world.run(relay, 400)
    assert [told(one) for one in wanting] == 4 * [["running long firing warning"]]
    world.commands.complete("w1", token=1)
    world.run(relay, 400)
    both = ["running long firing warning", "running long resolved warning"]
    assert [told(one) for one in wanting] == 4 * [both]
    assert not any(told(one) for one in others)


def test_an_alert_of_a_cluster_bears_its_name_and_no_priority(world: RelayWorld) -> None:
    world.store.put_cluster(ClusterRecord("c1", 4, world.clock.now(), health="failed"))
    of_cluster, urgent = plan("cluster", clusters=("c1",)), plan("urgent", priorities=("urgent",))
    world.run(world.relay(of_cluster, urgent, rules=Rules()), 200)
    assert (told(of_cluster), told(urgent)) == (["cluster unhealthy firing critical"], [])


def test_a_drain_is_an_alert_until_it_is_resumed(world: RelayWorld) -> None:
    chat = plan("chat", clusters=("c1",))
    world.store.put_cluster(ClusterRecord("c1", 4, world.clock.now()))
    relay = world.relay(chat, rules=Rules())
    drain(world.commands, "c1", "its disk is full")
    world.run(relay, 600)
    assert told(chat) == ["draining firing warning"]
    resume(world.commands, "c1")
    world.run(relay, 400)
    assert told(chat) == ["draining firing warning", "draining resolved warning"]
    assert not world.store.alerts()


def test_a_dead_lock_bears_the_priority_of_its_workset(world: RelayWorld) -> None:
    urgent = plan("urgent", priorities=("urgent",), states=("locked",))
    world.commands.register(WorksetSpec("w1", "b", priority=WorksetPriority.URGENT))
    world.commands.acquire("w1", holder="m", seconds=60)
    world.run(world.relay(urgent, rules=SLOW), 400)
    assert told(urgent) == ["dead lock firing warning"]


def test_a_silence_by_priority_holds_for_alerts(world: RelayWorld) -> None:
    everybody, now = plan("chat"), world.clock.now()
    world.store.put_silence(SilenceRecord("s", {"priority": "urgent"}, now, now + micros(7200), "ann", "known"))
    run_slowly(world, "w1")
    run_slowly(world, "w2", WorksetPriority.LOW)
    world.run(world.relay(everybody, rules=SLOW), 400)
    assert [n.subject for m in everybody.channel.taken for n in m.notices] == ["w2"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("severity", "expected"),
    [("critical", ["running long firing critical"]), ("info", []), (OFF, [])],
)
def test_a_rule_has_the_severity_that_was_chosen(world: RelayWorld, severity: str, expected: list[str]) -> None:
    page, everything = plan("page", min_severity=Severity.CRITICAL), plan("all", min_severity=Severity.INFO)
    relay = world.relay(page, everything, rules=SLOW, ruling=Ruling({"running_long": severity}))
    run_slowly(world, "w1")
    world.run(relay, 400)
    assert told(page) == expected
    alerts = [line for line in told(everything) if line.startswith("running long")]
    assert alerts == ([] if severity == OFF else [f"running long firing {severity}"])
    assert [alert.severity for alert in world.store.alerts()] == ([] if severity == OFF else [severity])


@pytest.mark.parametrize("severity", ["critical", OFF])
def test_an_error_is_told_by_its_rule(world: RelayWorld, severity: str) -> None:
    page, everything = plan("page", min_severity=Severity.CRITICAL), plan("all", min_severity=Severity.INFO)
    ruling = Ruling({"error": severity})
    relay = world.relay(page, everything, rules=Rules(), ruling=ruling)
    world.fail("w1")
    world.run(relay, 200)
    world.commands.requeue("w1", reason="again")
    world.run(relay, 400)
    begun, ended = told(everything)[-2:]
    if severity == OFF:  # an event as any other, and no condition
        assert (told(page), begun, ended) == ([], "fail info info", "requeue info info")
    else:
        assert told(page) == ["fail firing critical", "requeue resolved critical"] == [begun, ended]


def test_figures_count_alerts_by_the_rules(world: RelayWorld) -> None:
    world.fail("w1", "w2")

    def firing(**chosen: str) -> dict[str, float]:
        found = gauges(world.store, world.clock, Ruling(chosen))
        return {dict(s.dimensions)["severity"]: max(s.values) for s in found if s.metric.name == "AlertsFiring"}

    assert firing() == {"warning": 2, "critical": 0}
    assert firing(error="critical") == {"warning": 0, "critical": 2}
    assert firing(error=OFF) == {"warning": 0, "critical": 0}


def test_a_rule_that_is_turned_off_ends_its_alert(world: RelayWorld) -> None:
    chat = plan("chat")
    run_slowly(world, "w1")
    world.run(world.relay(chat, rules=SLOW), 400)
    world.run(world.relay(chat, rules=SLOW, ruling=Ruling({"running_long": OFF})), 400)
    assert told(chat) == ["running long firing warning", "running long resolved warning"]

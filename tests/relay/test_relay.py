"""Every event reaches every channel that wants it, in order, whatever dies in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.relay.world import FakeChannel, RelayWorld, in_order
from wsmon.domain.alerts import SilenceRecord
from wsmon.domain.errors import ChannelDown
from wsmon.domain.grouping import Route
from wsmon.domain.notices import Severity
from wsmon.domain.pool import ClusterRecord
from wsmon.services import desk as desks
from wsmon.services.checking import Doctor
from wsmon.services.draining import drain, resume
from wsmon.services.plans import ChannelPlan

DAY = 86_400_000_000


def test_events_arrive_grouped_and_in_order_and_leave_the_outbox(world: RelayWorld) -> None:
    channel = FakeChannel("hook")
    relay = world.relay(channel)
    world.fail("a", "b", "c")
    world.run(relay, 29)
    assert not channel.taken
    world.run(relay, 10)
    assert in_order(channel.told)
    assert len(channel.told) == 9
    assert not world.waiting()
    titles = [message.title for message in channel.taken]
    assert titles == ["3 x ready", "3 x locked", "3 x error (data)"]


def test_a_hundred_equal_failures_are_one_message_with_a_count(world: RelayWorld) -> None:
    channel = FakeChannel("hook")
    relay = world.relay(ChannelPlan(channel, Route(event_types=("error",))))
    for n in range(100):
        world.fail(f"w{n}")
        world.clock.sleep(0.5)
        relay.step()
    world.run(relay, 400)
    assert sum(message.count for message in channel.taken) == 100
    assert len(channel.taken) <= 2  # the group's first message after its wait, the rest an interval later
    assert not world.waiting()


def test_what_no_channel_wants_leaves_the_outbox_at_once(world: RelayWorld) -> None:
    world.fail("a")
    world.relay(ChannelPlan(FakeChannel("hook"), Route(min_severity=Severity.CRITICAL))).step()
    assert not world.waiting()


def test_a_channel_that_is_down_delays_only_itself(world: RelayWorld) -> None:
    good, bad = FakeChannel("good"), FakeChannel("bad")
    bad.down = True
    relay = world.relay(good, bad)
    world.fail("a", "b")
    world.run(relay, 60)
    assert len(good.told) == 6
    assert len(world.waiting()) == 6
    world.run(relay, 3600)
    assert 10 < bad.tries < 40, "it is tried again for ever, at a bounded rate"
    bad.down = False
    world.run(relay, 700)
    assert sorted(bad.told) == sorted(good.told)
    assert not bad.twice()
    assert not good.twice()
    assert not world.waiting()
    assert not [name for name in world.store.cursors() if name.startswith("at/")]


def test_a_channel_may_say_when_to_come_back(world: RelayWorld) -> None:
    channel = FakeChannel("hook")
    channel.faults = [ChannelDown("429", retry_after=500)]
    relay = world.relay(channel)
    world.register("a")
    world.run(relay, 520)
    assert channel.tries == 1
    world.run(relay, 30)
    assert channel.told == ["a:1"]


def test_one_monitor_at_a_time_relays_and_another_takes_over(world: RelayWorld) -> None:
    channel = FakeChannel("hook")
    first, second = world.relay(channel, holder="m1"), world.relay(channel, holder="m2")
    world.register("a")
    for _ in range(30):
        first.step()
        second.step()
        world.clock.sleep(2)
    assert (first.on_duty, second.on_duty) == (True, False)
    assert channel.told == ["a:1"]
    world.register("b")
    world.run(second, 400)  # the first one hangs
    assert second.on_duty
    assert channel.told == ["a:1", "b:1"]
    world.register("c")
    world.run(first, 40)
    assert not first.on_duty, "it finds its lock gone and sends nothing"
    assert channel.told == ["a:1", "b:1"]
    second.close()
    world.run(first, 400)
    assert channel.told == ["a:1", "b:1", "c:1"]


def test_a_channel_that_refuses_everything_loses_nothing(world: RelayWorld) -> None:
    channel = FakeChannel("hook")
    channel.refuses = {"a", "b", "c"}  # a wrong address that answers 400, say
    relay = world.relay(channel)
    world.register("a", "b", "c")
    world.run(relay, 20_000)
    assert len(world.waiting()) == 3
    channel.refuses = set()
    world.run(relay, 1000)
    assert sorted(channel.told) == ["a:1", "b:1", "c:1"]
    assert not world.waiting()


def test_over_the_rate_the_rest_comes_as_one_summary(world: RelayWorld) -> None:
    channel = FakeChannel("hook")
    relay = world.relay(ChannelPlan(channel, per_minute=1))
    world.fail("a", "b")
    world.run(relay, 200)
    assert [len(message.parts) for message in channel.taken] == [0, 2]
    assert channel.counted == 6
    assert in_order(channel.told)


def test_a_backlog_beyond_its_bound_is_counted(world: RelayWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desks, "MAX_BACKLOG", 20)
    monkeypatch.setattr(desks, "RECORD_AT_ONCE", 5)
    channel = FakeChannel("hook")
    channel.down = True
    relay = world.relay(channel)
    world.register(*(f"w{n:03}" for n in range(100)))
    world.run(relay, 300)
    assert len(world.waiting()) < 30
    relay = world.relay(channel, holder="m2")
    channel.down = False
    world.run(relay, 3000)
    assert channel.counted == 100
    assert not world.waiting()


def test_another_monitors_channel_is_not_forgotten(world: RelayWorld) -> None:
    """A monitor without a channel that the store knows leaves its events where they are."""
    hook, mail = FakeChannel("hook"), FakeChannel("mail")
    both = world.relay(hook, mail, holder="both")
    both.step()
    both.close()
    one, none = world.relay(hook, holder="one"), world.relay(holder="none")
    world.register("a")
    world.run(none, 60)
    assert not none.on_duty
    world.run(one, 120)
    assert hook.told == ["a:1"]
    assert world.waiting() == ["a:1"]
    for _ in range(400):
        one.step()
        both.step()
        world.clock.sleep(2)
    assert mail.told == ["a:1"]
    assert hook.told == ["a:1"]
    assert not world.waiting()


def test_a_channel_that_no_monitor_has_any_more_is_named_and_waited_for_a_day(
    world: RelayWorld, tmp_path: Path
) -> None:
    one, gone = FakeChannel("one"), FakeChannel("gone")
    before = world.relay(one, gone)
    world.register("a")
    world.run(before, 100)
    before.close()
    relay = world.relay(one, holder="m2")
    now = world.clock.now()
    world.store.put_silence(SilenceRecord("s1", {"workset": "quiet-*"}, now, now + 2 * DAY, "ann", "known"))
    doctor = Doctor(
        world.store,
        world.clock,
        None,  # type: ignore[arg-type]  # no run root, so nobody asks it
        tmp_path / "none",
        skew=60,
        silent=300,
        network=lambda _: None,
        channels=["one"],
    )
    world.register("b")
    for hour in range(26):
        world.fail(f"quiet-{hour}")  # it is noted that the channel is not to be told of these
        world.run(relay, 60)
        if hour == 20:
            assert world.waiting() == ["b:1"]
            (finding,) = (one for one in doctor.findings() if one.what == "outbox")
            assert "'gone' is not in these settings" in finding.text
        world.clock.sleep(3540)
    world.run(relay, 400)
    assert not world.waiting()
    (finding,) = (one for one in doctor.findings() if one.what == "outbox")
    assert finding.text == "every event is with every channel"


def test_what_is_decided_about_a_cluster_is_told_where_a_route_asks_for_it(world: RelayWorld) -> None:
    clusters, verbs, named, rest, people = (
        FakeChannel(name) for name in ("clusters", "verbs", "named", "rest", "people")
    )
    relay = world.relay(
        ChannelPlan(clusters, Route(event_types=("cluster",))),
        ChannelPlan(verbs, Route(event_types=("drain",))),
        ChannelPlan(named, Route(clusters=("c2",))),
        ChannelPlan(rest, Route(event_types=("state_change",))),
        ChannelPlan(people, Route(min_severity=Severity.WARNING, event_types=("cluster",))),
    )
    world.store.put_cluster(ClusterRecord("c1", 3, world.clock.now()))
    drain(world.commands, "c1", "new image")
    resume(world.commands, "c1")
    world.run(relay, 60)
    assert clusters.told == ["cluster:c1:1", "cluster:c1:2"]
    assert verbs.told == ["cluster:c1:1"]
    assert [*named.told, *rest.told, *people.told] == []
    (first, _) = [notice for message in clusters.taken for notice in message.notices]
    assert (first.kind, first.cluster, first.actor, first.text) == ("drain", "c1", world.commands.actor, "new image")
    assert not world.waiting()

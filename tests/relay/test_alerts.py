"""Alerts begin, are told once, repeat, are acknowledged or silenced, and end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.relay.world import FakeChannel, RelayWorld
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.alerts import ACKNOWLEDGED, RESOLVED, AlertRecord, Rules, SilenceRecord
from wsmon.domain.errors import ChannelRefused, StoreUnreachable
from wsmon.domain.grouping import Route
from wsmon.domain.notices import Severity, Status
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.times import micros
from wsmon.domain.workset import RunRecord
from wsmon.ports import ClusterRecord, MonitorRecord
from wsmon.services.plans import ChannelPlan
from wsmon.services.watching import Watcher

RULES = Rules(silent=120.0, backlog=3)
RUN = RunRecord(1, "place", "host", "boot", "/r")


def _unreachable(_: object) -> None:
    raise StoreUnreachable("away (test)")


def people(channel: FakeChannel) -> ChannelPlan:
    return ChannelPlan(channel, Route(min_severity=Severity.WARNING), per_minute=6000)


def silence(world: RelayWorld, seconds: float, **matchers: str) -> None:
    now = world.clock.now()
    world.store.put_silence(SilenceRecord("s1", matchers, now, now + micros(seconds), "ann", "known"))


def titles(channel: FakeChannel) -> list[str]:
    return [message.title for message in channel.taken]


def test_a_silent_monitor_is_told_of_once_and_its_return_too(world: RelayWorld) -> None:
    channel = FakeChannel("chat")
    relay = world.relay(people(channel), rules=RULES)
    record = MonitorRecord("m9", "host", 1, world.clock.now(), world.clock.now())
    world.store.put_monitor(record)
    world.run(relay, 100)
    assert not channel.taken
    world.run(relay, 400)
    assert channel.alerts == ["monitor silent firing"]
    world.store.put_monitor(replace(record, heartbeat_at=world.clock.now()))
    world.run(relay, 60)
    assert channel.alerts == ["monitor silent firing", "monitor silent resolved"]
    assert not world.store.alerts()


def test_what_stands_is_told_again_after_the_repeat_interval_unless_somebody_took_it_on(world: RelayWorld) -> None:
    world.rule = replace(world.rule, repeat=3600)
    channel = FakeChannel("chat")
    relay = world.relay(people(channel), rules=RULES)
    world.store.put_cluster(ClusterRecord("c1", 4, world.clock.now(), health="failed"))
    world.fail("w1")
    world.run(relay, 200)
    assert (channel.alerts, channel.told) == (["cluster unhealthy firing"], ["w1:3"])
    world.run(relay, 3600)
    assert channel.alerts.count("cluster unhealthy firing") == 2
    assert sorted(titles(channel)) == sorted(
        [*(first := ["c1: cluster unhealthy", "w1: error (data)"]), *(f"still: {title}" for title in first)]
    )
    for name in ("cluster/c1", "error/w1"):
        kind, _, subject = name.partition("/")
        world.store.put_alert(AlertRecord(name, kind, "warning", subject, "", 1, 1))
        assert world.store.mark_alert(name, ACKNOWLEDGED, by="ann", at=world.clock.now())
    told = len(channel.taken)
    world.run(relay, 8000)
    assert len(channel.taken) == told


def test_incidents_are_acknowledged_and_end_when_the_last_of_the_group_does(world: RelayWorld) -> None:
    pager = FakeChannel("pager", incidents=True)
    relay = world.relay(people(pager), rules=RULES)
    world.fail("a", "b")
    world.run(relay, 100)
    (begun,) = pager.taken
    assert (begun.count, begun.status, begun.firing) == (2, Status.FIRING, 2)
    world.store.put_alert(AlertRecord("error/a", "error", "warning", "a", "", 1, 1))
    world.store.mark_alert("error/a", ACKNOWLEDGED, by="ann", at=world.clock.now())
    world.run(relay, 400)
    assert (pager.taken[-1].status, pager.taken[-1].untaken) == (Status.ACKNOWLEDGED, 1), "b is nobody's yet"
    for name in ("a", "b"):
        world.commands.requeue(name, reason="mended")
        world.run(relay, 400)
    ended = [(message.status, message.firing) for message in pager.taken[2:]]
    assert ended == [(Status.RESOLVED, 1), (Status.RESOLVED, 0)]
    assert {message.incident for message in pager.taken} == {begun.incident}
    assert not world.store.alerts()


def test_the_same_condition_in_another_store_is_another_incident(tmp_path: Path) -> None:
    """A table of tests and the real one may page by one key: the end of one must not end the other's."""
    told = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        world = RelayWorld(tmp_path / name, SqliteStore(tmp_path / name / "w.db"))
        pager = FakeChannel("pager", incidents=True)
        world.fail("w1")
        for holder in ("m1", "m2"):
            world.run(world.relay(people(pager), rules=RULES, holder=holder), 400)
            if holder == "m1":
                world.commands.requeue("w1", reason="mended")
            world.clock.sleep(200)
        told.append([message.incident for message in pager.taken])
        world.store.close()
    assert [len(set(incidents)) for incidents in told] == [1, 1], "of its begin and its end, whoever tells of them"
    assert told[0][0] != told[1][0]


def test_an_incident_stays_while_something_in_it_stands_that_somebody_took_on(world: RelayWorld) -> None:
    pager = FakeChannel("pager", incidents=True)
    relay = world.relay(people(pager), rules=RULES)
    for name in ("c1", "c2"):
        world.store.put_cluster(ClusterRecord(name, 4, world.clock.now(), health="failed"))
    world.run(relay, 200)
    assert world.store.mark_alert("cluster/c1", ACKNOWLEDGED, by="ann", at=world.clock.now())
    world.run(relay, 400)
    world.store.put_cluster(ClusterRecord("c2", 4, world.clock.now()))
    world.run(relay, 400)
    world.store.put_cluster(ClusterRecord("c1", 4, world.clock.now()))
    world.run(relay, 400)
    told = [(message.status.value, message.firing, message.untaken) for message in pager.taken]
    assert told == [("firing", 2, 2), ("acknowledged", 2, 1), ("resolved", 1, 0), ("resolved", 0, 0)]


def test_a_silence_holds_and_ends_and_the_resolve_arrives(world: RelayWorld) -> None:
    channel = FakeChannel("chat")
    relay = world.relay(people(channel), rules=RULES)
    silence(world, 3600, kind="error", workset="w*")
    world.fail("w1", "w2", "other")
    world.run(relay, 600)
    assert channel.told == ["other:3"]
    assert not world.waiting(), "what is silenced does not stop up the outbox"
    world.commands.requeue("w2", reason="mended under the silence")
    world.run(relay, 600)
    relay.close()
    relay = world.relay(people(channel), rules=RULES, holder="m2")
    world.run(relay, 3000)
    assert channel.told == ["other:3", "w1:3"], "w2 began and ended unheard"
    world.commands.requeue("w1", reason="mended")
    world.run(relay, 400)
    assert channel.told == ["other:3", "w1:3", "w1:4"]
    assert titles(channel)[-1] == "resolved: w1: error"


def test_an_end_under_a_silence_is_told_when_the_silence_is_over(world: RelayWorld) -> None:
    channel = FakeChannel("chat")
    relay = world.relay(people(channel), rules=RULES)
    world.fail("w1")
    world.run(relay, 100)
    silence(world, 1000, workset="w1")
    world.commands.requeue("w1", reason="mended")
    world.run(relay, 900)
    assert channel.told == ["w1:3"]
    world.run(relay, 400)
    assert channel.told == ["w1:3", "w1:4"]


def test_a_failing_channel_is_told_of_by_the_others(world: RelayWorld) -> None:
    good, bad = FakeChannel("good"), FakeChannel("bad")
    bad.down = True
    relay = world.relay(people(good), people(bad), rules=RULES)
    world.fail("w1")
    world.run(relay, 400)
    assert good.alerts == ["channel failing firing"]
    bad.down = False
    world.run(relay, 1000)
    assert good.alerts == ["channel failing firing", "channel failing resolved"]


def test_a_channel_that_refuses_everything_is_failing_too(world: RelayWorld) -> None:
    """PagerDuty answers 400 to each message with a wrong key: whose fault it is shows once it takes another."""
    good, bad = FakeChannel("good"), FakeChannel("bad")
    bad.faults = [ChannelRefused("400: Invalid routing key")] * 50
    relay = world.relay(good, bad, rules=Rules(standing=60))
    world.fail("w1")
    world.run(relay, 400)
    assert good.alerts == ["channel failing firing"]
    assert "Invalid routing key" in next(n.text for m in good.taken for n in m.notices if n.kind == "channel failing")
    bad.faults = []
    world.run(relay, 1500)
    assert good.alerts == ["channel failing firing", "channel failing resolved"]
    assert sorted(bad.told) == ["w1:1", "w1:2", "w1:3"]
    assert not world.waiting()
    assert "w1:3" in bad.told
    assert not world.store.alerts()


def test_a_killed_relay_tells_an_alert_once(world: RelayWorld) -> None:
    channel = FakeChannel("chat")
    world.store.put_monitor(MonitorRecord("m9", "host", 1, 1, 1))
    for life in range(3):
        world.run(world.relay(people(channel), rules=RULES, holder=f"m{life}"), 300)
        world.clock.sleep(200)
    assert channel.alerts == ["monitor silent firing"]


@pytest.mark.parametrize(
    ("matchers", "hit"),
    [
        ({"kind": "orphaned"}, True),
        ({"kind": "orph*", "workset": "w?"}, True),
        ({"workset": "x*"}, False),
        ({"severity": "critical"}, True),
        ({"severity": "critical", "workset": "x"}, False),
    ],
)
def test_every_matcher_must_fit(matchers: dict[str, str], hit: bool) -> None:
    alert = AlertRecord("orphaned/w1", "orphaned", "critical", "w1", "", 1, 1)
    record = SilenceRecord("s", matchers, 10, 20, "ann", "r")
    assert record.matches(alert, 10) is hit
    assert not record.matches(alert, 9)
    assert not record.matches(alert, 20)


def test_a_resolved_alert_that_comes_back_is_a_new_one(world: RelayWorld) -> None:
    alert = AlertRecord("orphaned/w1", "orphaned", "critical", "w1", "", 10, 10)
    world.store.put_alert(alert)
    world.store.mark_alert("orphaned/w1", RESOLVED, at=20)
    world.store.put_alert(replace(alert, first_at=30, last_at=30))
    (found,) = world.store.alerts()
    assert (found.first_at, found.status, found.count) == (30, "firing", 1)


@pytest.mark.parametrize("how", ["taken on", "a day later"])
def test_what_happened_once_ends_when_it_is_taken_on_or_after_a_day(world: RelayWorld, how: str) -> None:
    relay, now = world.relay(people(FakeChannel("chat")), rules=RULES), world.clock.now()
    world.store.put_alert(AlertRecord("duplicate/w", "duplicate", "critical", "w", "two runs", now, now))
    world.run(relay, 3600)
    assert [alert.kind for alert in world.store.alerts()] == ["duplicate"]
    if how == "taken on":
        world.store.mark_alert("duplicate/w", ACKNOWLEDGED, by="ann", at=world.clock.now())
        world.run(relay, 120)
    else:
        world.clock.sleep(86_400)
        world.run(relay, 120)
    assert not world.store.alerts()


def test_a_lost_lock_is_told_of_counted_and_ends(world: RelayWorld) -> None:
    chat, hook = FakeChannel("chat"), FakeChannel("hook")
    hook.down = True  # so that its events stay in the outbox, and whoever takes over sees them again
    world.register("w1")
    for owner in ("m1", "m2"):
        world.commands.acquire("w1", holder=owner, seconds=60)
        world.commands.unlock("w1", reason="it hangs")
    for life in range(3):
        world.run(world.relay(people(chat), hook, rules=RULES, holder=f"n{life}"), 100)
        (alert,) = [one for one in world.store.alerts() if one.kind == "lock lost"]
        assert (alert.count, alert.text) == (2, "m2 lost its lock: ended by tester (it hangs)")
        world.clock.sleep(130)
    hook.down = False
    world.run(world.relay(people(chat), hook, rules=RULES, holder="last"), 600)
    assert "lock lost" not in {one.kind for one in world.store.alerts()}
    told = [alert for alert in chat.alerts if alert.startswith("lock lost")]
    assert told == ["lock lost firing", "lock lost resolved"]


def test_an_event_does_not_leave_the_outbox_before_its_lost_lock_is_an_alert(
    world: RelayWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.register("w1")
    world.commands.acquire("w1", holder="m1", seconds=60)
    world.commands.unlock("w1", reason="it hangs")
    relay = world.relay(people(FakeChannel("chat")), rules=RULES)
    with monkeypatch.context() as broken:
        broken.setattr(world.store, "put_alert", _unreachable)
        with pytest.raises(StoreUnreachable):
            relay.step()
        assert "w1:3" in world.waiting()
    world.run(relay, 50)
    assert [alert.kind for alert in world.store.alerts()] == ["lock lost"]
    assert not world.waiting()


def test_a_rule_for_lost_locks_that_is_off_and_one_of_long_ago_say_nothing(world: RelayWorld) -> None:
    world.register("w1")
    world.commands.acquire("w1", holder="m1", seconds=60)
    world.commands.unlock("w1", reason="it hangs")
    off = world.relay(people(FakeChannel("chat")), rules=replace(RULES, lock_lost=None))
    world.clock.sleep(1000)
    late = Watcher(world.store, world.clock, RULES, skew=60.0)
    late.saw(world.store.history("w1")[-1])
    world.run(off, 100)
    assert not world.store.alerts()


def test_a_run_is_long_by_what_its_workset_says_and_by_what_is_usual(world: RelayWorld) -> None:
    watcher = Watcher(world.store, world.clock, Rules(), skew=60.0)

    def start(name: str, **metadata: float) -> int:
        world.commands.register(WorksetSpec(name, "b", metadata=metadata))
        token = world.commands.acquire(name, holder="m", seconds=10**6).token
        world.commands.start(name, token=token, run=RUN)
        return token

    for n in range(10):
        token = start(f"done{n}")
        world.clock.sleep(3600)
        world.commands.complete(f"done{n}", token=token)
    start("short", expected_hours=0.5)
    start("long", expected_hours=40)
    start("usual")
    told: dict[str, tuple[int, str]] = {}
    for hours in range(9):
        watcher.look({})
        for alert in world.store.alerts():
            if alert.kind == "running long":
                told.setdefault(alert.subject, (hours, alert.text))
        world.clock.sleep(3600)
    assert told == {
        "short": (2, "running for 2h00 on no cluster; 30m were expected"),
        "usual": (3, "running for 3h00 on no cluster; 1h00 is usual"),
    }

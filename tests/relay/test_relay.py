"""Every event reaches every channel that wants it, in order, whatever dies in between."""

from __future__ import annotations

import contextlib
import random
from typing import Any

import pytest

from tests.relay.world import FakeChannel, RelayWorld
from wsmon.domain.errors import ChannelDown, StoreUnreachable
from wsmon.domain.grouping import Route
from wsmon.domain.notices import Severity
from wsmon.domain.states import WorksetPriority
from wsmon.ports import OutboxPage
from wsmon.services import desk as desks
from wsmon.services.outbox import OutboxReader
from wsmon.services.plans import ChannelPlan


def in_order(told: list[str]) -> bool:
    """Whether each workset's events came by seq, none left out between two."""
    last: dict[str, int] = {}
    for name in told:
        workset_id, _, seq = name.rpartition(":")
        if int(seq) != last.get(workset_id, 0) + 1:
            return False
        last[workset_id] = int(seq)
    return True


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


@pytest.mark.parametrize("seed", range(12))
def test_killed_at_any_store_call_nothing_is_lost_and_ids_stay_the_same(world: RelayWorld, seed: int) -> None:
    """The relay dies after any of its calls; the next one takes the duty over when the lock is dead."""
    draw = random.Random(seed)
    channels = [FakeChannel("one"), FakeChannel("two")]
    for n in range(8):
        world.fail(f"w{n}")
    for life in range(6):
        for channel in channels:
            channel.down = draw.random() < 0.3
        mortal = Mortal(world.store, draw.randrange(1, 25))
        relay = world.relay(*channels, holder=f"m{life}", store=mortal)
        with contextlib.suppress(StoreUnreachable):
            world.run(relay, 100)
        world.clock.sleep(200)
        world.commands.set_priority(f"w{life}", WorksetPriority.LOW)
    for channel in channels:
        channel.down = False
    world.run(world.relay(*channels, holder="last"), 1000)
    for channel in channels:
        ids = {message.message_id: [n.notice_id for n in message.notices] for message in channel.taken}
        kept = [name for names in ids.values() for name in names]
        assert len(kept) == len(set(kept)) == 30, "by message id each event is there once"
        assert in_order(kept)
    assert not world.waiting()


class Mortal:
    """A store whose user dies after some writes: before it or after it was applied, by turns."""

    def __init__(self, store: Any, calls: int) -> None:
        self._store, self._left = store, calls

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._store, name)
        if name not in {"put_cursors", "mark_delivered", "put_duty", "undelivered"}:
            return real

        def call(*args: Any, **kwargs: Any) -> Any:
            self._left -= 1
            if self._left < 0:
                raise StoreUnreachable("dead")
            result = real(*args, **kwargs)
            if self._left == 0:
                raise StoreUnreachable("dead")
            return result

        return call


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


class Lagging:
    """An outbox index that shows events late and what was marked for a while longer."""

    def __init__(self, store: Any, draw: random.Random) -> None:
        self._store, self._draw = store, draw
        self._shown: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def undelivered(self, limit: int = 100, after: str | None = None) -> OutboxPage:
        page = self._store.undelivered(10_000)
        known = {(e.workset_id, e.seq) for e in self._shown}
        new = [e for e in page.events if (e.workset_id, e.seq) not in known and self._draw.random() < 0.5]
        stale = [e for e in self._shown if self._draw.random() < 0.5]
        self._shown += new
        events = [*stale, *new]
        self._draw.shuffle(events)
        return OutboxPage(events, "0", more=False)


@pytest.mark.parametrize("seed", range(6))
def test_an_index_that_lags_loses_nothing_and_doubles_nothing(world: RelayWorld, seed: int) -> None:
    draw = random.Random(seed)
    channel = FakeChannel("hook")
    lagging = Lagging(world.store, draw)
    for life in range(3):
        relay = world.relay(channel, holder=f"m{life}", store=lagging)
        for n in range(5):
            world.fail(f"w{life}-{n}")
            world.run(relay, 50)
        relay.close()
    world.run(world.relay(channel, holder="last", store=lagging), 2000)
    assert len(channel.told) == 45
    assert in_order(channel.told)
    assert not world.waiting()


def test_a_poison_event_is_stepped_over_and_told_of(world: RelayWorld) -> None:
    channel = FakeChannel("hook")
    channel.refuses = {"bad"}
    relay = world.relay(channel)
    world.register("a", "bad", "c")
    world.run(relay, 2000)
    assert set(channel.told) == {"a:1", "c:1"}
    world.register("d")
    world.run(relay, 2000)
    assert "d:1" in channel.told
    assert not world.waiting()
    (alert,) = world.store.alerts()
    assert (alert.kind, alert.subject) == ("undeliverable", "bad")
    assert world.log.told("event stepped over")


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


def test_an_unreadable_event_is_stepped_over_and_told_of(world: RelayWorld) -> None:
    channel = FakeChannel("hook")
    world.register("a", "b")
    world.store._connections.transact(  # type: ignore[attr-defined]
        lambda c: c.execute("UPDATE events SET event = '{' WHERE workset_id = 'a'").rowcount
    )
    world.run(world.relay(channel), 60)
    assert channel.told == ["b:1"]
    assert [alert.subject for alert in world.store.alerts()] == ["a"]


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


class Cut:
    """A store one of whose calls fails as often as it is told to."""

    def __init__(self, store: Any) -> None:
        self._store, self.fails, self.times = store, "", 0

    def __getattr__(self, name: str) -> Any:
        if name == self.fails and self.times:
            self.times -= 1
            raise StoreUnreachable("the store does not answer (test)")
        return getattr(self._store, name)


@pytest.mark.parametrize("fails", ["undelivered_of", "mark_delivered", "put_cursors", "put_alert"])
def test_a_store_that_fails_in_the_middle_of_a_page_loses_none_of_it(world: RelayWorld, fails: str) -> None:
    """Within one term: no other monitor comes and reads everything anew."""
    channel, cut = FakeChannel("hook"), Cut(world.store)
    relay = world.relay(ChannelPlan(channel, Route(worksets=("a", "b"))), store=cut)
    world.register("a", "b", "c")
    world.run(relay, 200)
    with contextlib.suppress(StoreUnreachable):
        for name in ("a", "b", "c"):
            world.commands.ignore(name)
        world.commands.requeue("b", reason="again")
        cut.fails, cut.times = fails, 1
        world.run(relay, 60)
    world.run(relay, 400)
    assert channel.told.count("a:2") == 1
    assert channel.told.count("b:3") == 1
    assert not world.waiting()


def test_what_a_page_held_before_a_read_failed_is_found_again(world: RelayWorld) -> None:
    """The index shows a:2 and, ahead of b:2, b:3; reading b's own items fails once."""
    cut = Cut(world.store)
    reader = OutboxReader(cut, world.clock)
    world.register("a", "b")
    assert [found.key for found in reader.fetch(10)] == [("a", 1), ("b", 1)]
    for name in ("a", "b"):
        world.commands.ignore(name)
    world.store.mark_delivered([("b", 2)])
    world.commands.requeue("b", reason="again")
    cut.fails, cut.times = "undelivered_of", 1
    with pytest.raises(StoreUnreachable):
        reader.fetch(10)
    assert [found.key for found in reader.fetch(10)] == [("a", 2), ("b", 3)]

"""Nothing is lost where a store dies, lags, or holds what cannot be read."""

from __future__ import annotations

import contextlib
import random
from typing import Any

import pytest

from tests.relay.world import FakeChannel, RelayWorld, in_order
from wsmon.domain.errors import StoreUnreachable
from wsmon.domain.grouping import Route
from wsmon.domain.states import WorksetPriority
from wsmon.ports import OutboxPage
from wsmon.services.outbox import OutboxReader
from wsmon.services.plans import ChannelPlan


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


def test_a_note_whose_answer_was_lost_goes_out_as_it_stands(world: RelayWorld) -> None:
    """Who takes the duty meanwhile sends what is noted; this relay must not make another message of the same events."""
    channel, store = FakeChannel("one"), AnswerLost(world.store)
    relay = world.relay(channel, store=store)
    world.fail("w1")
    with pytest.raises(StoreUnreachable):
        world.run(relay, 100)
    assert store.lost in world.store.cursors().values()
    world.fail("w2")
    world.run(relay, 400)
    assert channel.taken[0].message_id in store.lost
    assert not channel.twice()
    assert len(channel.told) == 6


class AnswerLost:
    """A store that writes the first note of an outgoing message, and does not say so."""

    def __init__(self, store: Any) -> None:
        self._store, self.lost = store, ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def put_cursors(self, cursors: dict[str, str | None], *rest: Any) -> None:
        self._store.put_cursors(cursors, *rest)
        found = [text for text in cursors.values() if text is not None and '"sending"' in text]
        if found and not self.lost:
            self.lost = found[0]
            raise StoreUnreachable("no answer")


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


def test_an_unreadable_event_is_stepped_over_and_told_of(world: RelayWorld) -> None:
    channel = FakeChannel("hook")
    world.register("a", "b")
    world.store._connections.transact(  # type: ignore[attr-defined]
        lambda c: c.execute("UPDATE events SET event = '{' WHERE workset_id = 'a'").rowcount
    )
    world.run(world.relay(channel), 60)
    assert channel.told == ["b:1"]
    assert [alert.subject for alert in world.store.alerts()] == ["a"]


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

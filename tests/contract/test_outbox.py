"""The outbox, the duty that empties it, and its cursors."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from tests.contract.conftest import World
from wsmon.domain.errors import StaleWrite
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import WorksetPriority
from wsmon.domain.workset import Lease
from wsmon.ports import OutboxPage

DUTY = Lease("relay", "m1", 1, 0, 60.0, 1_000, 60_001_000)


def keys(page: OutboxPage) -> list[tuple[str, int]]:
    return [(event.workset_id, event.seq) for event in page.events]


def spoil(world: World, workset_id: str, seq: int) -> None:
    """Make an event unreadable, as a damaged or a newer program's one would be."""
    if world.store.info.engine == "sqlite":
        store = world.store
        store._connections.transact(  # type: ignore[attr-defined]
            lambda c: (
                c.execute("UPDATE events SET event = '{' WHERE workset_id = ? AND seq = ?", (workset_id, seq)).rowcount
            )
        )
        return
    connection = world.store._connection  # type: ignore[attr-defined]
    connection.send(
        "update_item",
        TableName=connection.table,
        Key={"pk": {"S": f"1#WS#{workset_id}"}, "sk": {"S": f"EV#{seq:012d}"}},
        UpdateExpression="SET #v = :v",
        ExpressionAttributeNames={"#v": "verb"},
        ExpressionAttributeValues={":v": {"S": "dance"}},
    )


class TestOutbox:
    def test_it_holds_events_until_they_are_delivered(self, world: World) -> None:
        for name in ("a", "b", "c"):
            world.register(name)
        assert keys(world.store.undelivered()) == [("a", 1), ("b", 1), ("c", 1)]
        world.store.mark_delivered([("a", 1), ("b", 1)])
        world.store.mark_delivered([("a", 1)])
        assert keys(world.other().undelivered()) == [("c", 1)]
        assert len(world.store.history("a")) == 1

    def test_pages_follow_each_other_and_what_is_new_comes_after_the_last(self, world: World) -> None:
        for n in range(5):
            world.register(f"w{n}")
        found, after, more = [], None, True
        while more:
            page = world.store.undelivered(2, after)
            found += keys(page)
            after, more = page.cursor, page.more
        assert found == [(f"w{n}", 1) for n in range(5)]
        world.store.mark_delivered(found)
        world.register("late")
        assert keys(world.store.undelivered(10, after)) == [("late", 1)]

    def test_many_are_taken_off_in_one_go_and_one_that_is_not_there_is_passed_over(self, world: World) -> None:
        for _, refused in world.commands.register_many(WorksetSpec(f"w{n:02}", "b") for n in range(60)):
            assert not refused
        named = [(f"w{n:02}", 1) for n in range(60)]
        world.store.mark_delivered([*named[:30], ("none", 7), *named[20:58]])
        assert keys(world.other().undelivered()) == named[58:]
        assert keys(world.store.undelivered_of("w57")) == []
        assert len(world.store.history("w57")) == 1

    def test_one_workset_is_read_consistently_and_in_order(self, world: World) -> None:
        world.register()
        world.register("other")
        for _ in range(11):
            world.commands.set_priority("w1", WorksetPriority.LOW)
        world.store.mark_delivered([("w1", 1), ("w1", 3), ("w1", 12)])
        assert keys(world.store.undelivered_of("w1")) == [("w1", n) for n in range(2, 12) if n != 3]
        assert world.store.undelivered_of("w1").cursor == "12"
        assert keys(world.store.undelivered_of("none")) == []

    def test_an_unreadable_event_is_named_and_in_nobodys_way(self, world: World) -> None:
        for name in ("a", "b"):
            world.register(name)
        spoil(world, "a", 1)
        for page in (world.store.undelivered(), world.store.undelivered_of("a")):
            assert list(page.broken) == [("a", 1)]
        assert keys(world.store.undelivered()) == [("b", 1)]
        world.store.mark_delivered([("a", 1)])
        assert not world.store.undelivered().broken


class TestDuties:
    def test_one_takes_it_and_the_token_fences_the_one_before(self, world: World) -> None:
        store, other = world.store, world.other()
        assert store.duty("relay") is None
        store.put_duty(DUTY, None)
        renewed = DUTY.renewed(2_000)
        store.put_duty(renewed, DUTY.mark)
        store.put_duty(renewed, DUTY.mark)  # the reply was lost, and it is said again
        assert other.duty("relay") == renewed
        taken = replace(renewed, holder="m2", token=2)
        with pytest.raises(StaleWrite) as stale:
            other.put_duty(taken, DUTY.mark)
        assert stale.value.lease == renewed
        with pytest.raises(StaleWrite):
            other.put_duty(taken, None)
        other.put_duty(taken, renewed.mark)
        with pytest.raises(StaleWrite):
            store.put_duty(renewed.renewed(3_000), renewed.mark)
        assert world.store.leases() == []

    def test_of_many_takers_one_wins(self, world: World) -> None:
        def take(n: int) -> bool:
            try:
                world.store.put_duty(replace(DUTY, holder=f"m{n}"), None)
            except StaleWrite:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(take, range(8))) == 1

    def test_cursors_are_written_whole_and_by_the_holder_alone(self, world: World) -> None:
        store = world.store
        with pytest.raises(StaleWrite):
            store.put_cursors({"a": "1"}, DUTY, 1)
        store.put_duty(DUTY, None)
        store.put_cursors({f"at/{n}": str(n) for n in range(90)}, DUTY, 1)
        store.put_cursors({"at/0": None, "at/1": "x [b]\n🧬", "none": None}, DUTY, 2)
        assert world.other().cursors() == {f"at/{n}": str(n) if n > 1 else "x [b]\n🧬" for n in range(1, 90)}
        store.put_duty(replace(DUTY, token=2), DUTY.mark)
        with pytest.raises(StaleWrite) as stale:
            store.put_cursors({"at/1": "2", "at/2": None}, DUTY, 3)
        assert stale.value.lease is not None
        assert stale.value.lease.token == 2
        assert store.cursors()["at/1"] == "x [b]\n🧬"

    def test_cursors_that_arrive_late_are_not_laid_over_later_ones(self, world: World) -> None:
        store, renewed = world.store, DUTY.renewed(2_000)
        store.put_duty(DUTY, None)
        store.put_cursors({"a": "first"}, DUTY, 1)
        store.put_cursors({"a": "second"}, DUTY, 2)
        store.put_cursors({"a": "second"}, DUTY, 2)  # the reply was lost, and it is said again
        with pytest.raises(StaleWrite):
            store.put_cursors({"a": "first"}, DUTY, 1)
        assert store.cursors() == {"a": "second"}
        store.put_duty(renewed, DUTY.mark)
        with pytest.raises(StaleWrite):
            store.put_cursors({"a": "second"}, DUTY, 2)
        store.put_cursors({"a": "third"}, renewed, 3)
        assert world.other().cursors() == {"a": "third"}
        assert store.duty("relay") == renewed

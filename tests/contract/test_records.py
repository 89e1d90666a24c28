"""What listings and the API ask of a store: many records at once, unreadable ones, feed cursors and tokens."""

from __future__ import annotations

import contextlib
import time

import pytest

from tests.contract.conftest import World
from wsmon.adapters.dynamo import DynamoStore
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.errors import InvalidInput, StoreUnusable
from wsmon.domain.states import WorksetState
from wsmon.ports import TokenRecord
from wsmon.services.tailing import Tail


def spoil(world: World, workset_id: str) -> None:
    """Write nonsense over a stored workset, as a hand or another program might."""
    if isinstance(world.store, SqliteStore):
        world.store._connections.transact(
            lambda c: c.execute("UPDATE worksets SET row = '{', record = '[1]' WHERE workset_id = ?", (workset_id,))
        )
        return
    assert isinstance(world.store, DynamoStore)
    connection = world.store._connection
    connection.send(
        "update_item",
        TableName=connection.table,
        Key={"pk": {"S": f"1#WS#{workset_id}"}, "sk": {"S": "STATE"}},
        UpdateExpression="SET #row = :row, priority = :row",
        ExpressionAttributeNames={"#row": "row"},
        ExpressionAttributeValues={":row": {"S": "{"}},
    )


def test_records_are_whole_and_leave_out_what_is_not_there(world: World) -> None:
    made = [world.register(f"w{n}", depth={"n": 1.5}) for n in range(3)]
    world.commands.delete("w1")
    world.commands.purge("w1")
    found = world.store.records(["w0", "w1", "w2", "w2", "nowhere"])
    assert found == {"w0": made[0], "w2": made[2]}
    assert world.store.records([]) == {}


def test_an_unreadable_workset_hides_no_other(world: World) -> None:
    for name in ("a", "b", "c"):
        world.register(name)
    spoil(world, "b")
    page = world.store.page(WorksetState.READY)
    assert [row.workset_id for row in page.rows] == ["a", "c"]
    assert list(page.malformed) == ["b"]
    assert set(world.store.records(["a", "b", "c"])) == {"a", "c"}
    with pytest.raises(StoreUnusable, match="'b'"):
        world.store.record("b")


def test_a_row_keeps_the_registration(world: World) -> None:
    made = world.register("w")
    world.commands.ignore("w")
    (row,) = world.store.page(WorksetState.IGNORED).rows
    assert row.registered_at == made.registered_at


def test_a_tail_goes_on_after_any_event_without_a_loss(world: World) -> None:
    start = world.store.feed_start()
    for n in range(5):
        world.register(f"w{n}")
    tail = Tail(world.store, start)
    seen = list(tail.poll(limit=2))
    while len(seen) < 5:  # an index may lag
        time.sleep(0.05)
        seen += tail.poll(limit=2)
    assert [event.workset_id for event, _ in seen] == [f"w{n}" for n in range(5)]
    assert list(tail.poll()) == []
    rest = [event.workset_id for event, _ in Tail(world.store, seen[2][1]).poll()]
    assert {"w3", "w4"} <= set(rest)
    if world.engine == "sqlite":
        assert rest == ["w3", "w4"]


@pytest.mark.parametrize(
    "cursor", ["", "x", "-1", "1" * 19, "0" * 19, "0" * 20, "9" * 40, "\u0661" * 20, "0" * 80, "1#w#1"]
)
def test_a_made_up_feed_cursor_is_refused_or_costs_nothing(world: World, cursor: str) -> None:
    world.register("w")
    began = time.monotonic()
    with contextlib.suppress(InvalidInput):
        world.store.feed(cursor)
    assert time.monotonic() - began < 5


def test_tokens_are_kept_replaced_and_forgotten(world: World) -> None:
    first = TokenRecord("aa", "nightly", "operator", "d1", 1, "me")
    second = TokenRecord("bb", "dash", "reader", "d2", 2, "me", 5)
    for token in (first, second, first):
        world.store.put_token(token)
    assert world.store.tokens() == [second, first]
    world.store.remove_token("aa")
    world.store.remove_token("aa")
    assert world.other().tokens() == [second]

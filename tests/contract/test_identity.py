"""A store can be told from every other, whatever leads to it."""

from __future__ import annotations

from pathlib import Path

from tests import peers
from tests.contract.conftest import World
from wsmon.adapters.dynamo import expressions as ex
from wsmon.adapters.dynamo import keys
from wsmon.adapters.sqlite import SqliteStore


def test_every_handle_sees_one_id_and_it_stays(world: World) -> None:
    first = world.store.store_id()
    assert len(first) == 32
    world.register()
    assert {world.store.store_id(), world.other().store_id(), world.other().store_id()} == {first}


def test_two_stores_have_two_ids(world: World, tmp_path: Path) -> None:
    other = (
        SqliteStore(tmp_path / "other.db")
        if world.engine in {"sqlite", "memory"}
        else peers.dynamo_store(world.engine, peers.new_table())
    )
    world.others.append(other)
    other.init()
    assert other.store_id() != world.store.store_id()


def test_a_table_restored_from_a_backup_gets_an_id_of_its_own() -> None:
    store = peers.dynamo_store("dynoxide", peers.new_table())
    store.init()
    item = {"pk": keys.META, "sk": "STORE", "id": "of the first", "arn": "arn:aws:dynamodb:x:1:table/first"}
    store._connection.send("put_item", TableName=store._connection.table, Item=ex.wire_item(item))
    drawn = store.store_id()
    assert drawn != "of the first"
    assert store.store_id() == drawn
    store.close()


def test_a_file_made_before_there_were_ids_gets_one(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "w.db")
    store.init()
    store._connections.transact(lambda connection: connection.execute("DELETE FROM meta WHERE name = 'store'"))
    assert store.store_id() == SqliteStore(tmp_path / "w.db").store_id()

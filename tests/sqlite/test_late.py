"""A store that is opened before there is one: looking makes nothing, the first change makes all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from wsmon.adapters.clock import SystemClock
from wsmon.adapters.sqlite import SqliteStore, schema
from wsmon.domain.errors import StoreUnreachable, StoreUnusable
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import WorksetState
from wsmon.services.commands import Commands
from wsmon.services.tailing import Tail


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "none" / "w.db"


def _register(store: SqliteStore, name: str) -> None:
    Commands(store, SystemClock(), "me").register(WorksetSpec(name, "b", "p"))


def test_a_reader_that_came_first_sees_what_others_make(path: Path) -> None:
    early = SqliteStore(path, late=True)
    tail = Tail(early, early.feed_start())
    early.check()
    assert early.tallies()[WorksetState.READY] == 0
    assert list(tail.poll()) == []
    assert not path.parent.exists()
    other = SqliteStore(path, late=True)
    _register(other, "a")
    assert early.tallies()[WorksetState.READY] == 1
    assert [event.workset_id for event, _ in tail.poll()] == ["a"]
    assert early.store_id() == other.store_id()


def test_what_was_there_is_not_taken_for_empty_when_it_goes(path: Path) -> None:
    store = SqliteStore(path, late=True)
    _register(store, "a")
    for file in path.parent.iterdir():
        file.unlink()
    with pytest.raises(StoreUnreachable, match="is gone"):
        store.tallies()
    with pytest.raises(StoreUnreachable, match="is gone"):
        _register(store, "b")


def test_a_network_disk_is_refused_before_the_first_change(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "network_file_system", lambda _: "nfs4")
    with pytest.raises(StoreUnusable, match="nfs4"):
        SqliteStore(path, late=True).tallies()


def test_a_closed_store_stays_closed(path: Path) -> None:
    store = SqliteStore(path, late=True)
    store.tallies()
    store.close()
    with pytest.raises(StoreUnreachable, match="closed"):
        store.tallies()

"""What the feed missed is found, what is only late is not read again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.live.clocks import Clock, Turning
from tests.live.conftest import expected
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.change import Event
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import WorksetPriority, WorksetState
from wsmon.domain.workset import Row
from wsmon.ports import FeedPage, RowPage
from wsmon.services.commands import Commands
from wsmon.services.live import LiveView


def test_a_state_the_feed_missed_is_read_again(store: SqliteStore) -> None:
    clock = Clock()
    commands = Commands(store, clock, "t")
    view = LiveView(store, clock)
    for _ in view.open():
        pass
    commands.register(WorksetSpec("missed", "b"))
    view._cursor = store.feed_start()
    found: dict[str, Row] = {}
    for _ in range(4):
        clock.ahead += 6
        found |= view.poll().rows
    assert list(found) == ["missed"]


def test_a_row_whose_way_out_of_a_state_was_missed_does_not_stay(store: SqliteStore) -> None:
    clock = Clock()
    commands = Commands(store, clock, "t")
    for name in ("done", "purged"):
        commands.register(WorksetSpec(name, "b"))
    view = LiveView(store, clock)
    for _ in view.open():
        pass
    token = commands.acquire("done", holder="m", seconds=60).token
    commands.start("done", token=token)
    commands.complete("done", token=token)
    commands.delete("purged")
    commands.purge("purged")
    view._cursor = store.feed_start()
    for _ in range(3):
        clock.ahead += 400
        view.poll()
    assert {name: row.state for name, row in view.rows.items()} == {"done": WorksetState.COMPLETE}


class Behind:
    """A store whose index still shows some rows as they were."""

    def __init__(self, store: SqliteStore) -> None:
        self._store, self.shown = store, list[Row]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def page(self, state: WorksetState, **options: Any) -> RowPage:
        page = self._store.page(state, **options)
        old = {row.workset_id: row for row in self.shown if row.state is state}
        return RowPage([old.get(row.workset_id, row) for row in page.rows], page.cursor)


def test_an_index_that_is_behind_does_not_bring_back_what_the_feed_has_told_of(store: SqliteStore) -> None:
    clock, behind = Clock(), Behind(store)
    commands = Commands(store, clock, "t")
    commands.register(WorksetSpec("known", "b"))
    view = LiveView(behind, clock)
    for _ in view.open():
        pass
    behind.shown = list(view.rows.values())
    commands.set_priority("known", WorksetPriority.URGENT)
    view.poll()
    commands.register(WorksetSpec("missed", "b"))
    view._cursor = store.feed_start()
    for _ in range(4):
        clock.ahead += 6
        view.poll()
    assert "missed" in view.rows, "the state was read again"
    assert view.rows["known"].priority is WorksetPriority.URGENT


class Late:
    """A store whose feed lags by a second, as an index does; counts the pages of the queue that are read."""

    def __init__(self, store: SqliteStore, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._held: list[Event] = []
        self.pages = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def feed(self, cursor: str, limit: int = 1000) -> FeedPage:
        page = self._store.feed(cursor, limit)
        events, until = [*self._held, *page.events], self._clock.now() - 1_000_000
        self._held = [event for event in events if event.at > until]
        return FeedPage([event for event in events if event.at <= until], page.cursor, page.more)

    def page(self, *args: Any, **options: Any) -> RowPage:
        self.pages += 1
        return self._store.page(*args, **options)


def test_what_is_only_late_is_not_read_again(store: SqliteStore) -> None:
    """Ten minutes of a busy store behind an index that lags: nothing was missed, so no state is read whole."""
    clock = Turning()
    late = Late(store, clock)
    commands = Commands(store, clock, "t")
    list(commands.register_many(WorksetSpec(f"w{n:04}", "b") for n in range(1210)))
    clock.ahead += 5
    view = LiveView(late, clock)
    for _ in view.open():
        pass
    late.pages = 0
    for n in range(200):
        clock.ahead += 2.5
        commands.acquire(f"w{n:04}", holder="m", seconds=3600)
        clock.ahead += 0.5
        view.poll()
    assert late.pages == 0
    for _ in range(3):
        clock.ahead += 61
        view.poll()
    assert view.counts == store.tallies()
    assert view.rows == expected(commands)
    commands.register(WorksetSpec("missed", "b"))
    view._cursor = store.feed_start()
    for n in range(200, 210):
        clock.ahead += 60.5
        commands.acquire(f"w{n:04}", holder="m", seconds=3600)
        clock.ahead += 0.5
        view.poll()
    assert "missed" in view.rows


def test_a_row_whose_last_change_the_feed_missed_is_read_again(store: SqliteStore) -> None:
    """It is in no state the view would look through again: finished meanwhile, or purged."""
    clock = Clock()
    commands = Commands(store, clock, "t")
    for name in ("ended", "purged", "stays"):
        commands.register(WorksetSpec(name, "b"))
    view = LiveView(store, clock)
    for _ in view.open():
        pass
    commands.ignore("ended")
    commands.delete("purged")
    commands.purge("purged")
    view._cursor = store.feed_start()
    gone: set[str] = set()
    for _ in range(3):
        clock.ahead += 400
        gone |= view.poll().gone
    assert {name: row.state for name, row in view.rows.items()} == {
        "ended": WorksetState.IGNORED,
        "stays": WorksetState.READY,
    }
    assert gone == {"purged"}
    assert view.counts == store.tallies()


class Shared:
    """A store whose index shows events late."""

    def __init__(self, store: SqliteStore) -> None:
        self._store, self.info = store, replace(store.info, shared=True)
        self.read = 0
        """Events that were read."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def feed(self, cursor: str, limit: int = 1000) -> FeedPage:
        page = self._store.feed(cursor, limit)
        self.read += len(page.events)
        return page


def test_a_change_that_moves_no_tally_is_found_though_it_surfaced_late(store: SqliteStore) -> None:
    clock = Clock()
    commands = Commands(store, clock, "t")
    commands.register(WorksetSpec("w", "b"))
    view = LiveView(Shared(store), clock)
    for _ in view.open():
        pass
    commands.set_priority("w", WorksetPriority.URGENT)
    view._cursor = store.feed_start()
    clock.ahead += 400
    assert view.poll().rows["w"].priority is WorksetPriority.URGENT


def test_looking_back_reads_nothing_that_was_loaded_at_the_opening(store: SqliteStore) -> None:
    """Just after a bulk registration the feed of ten minutes is all of it: a screen has those rows already."""
    clock = Turning()
    commands = Commands(store, clock, "t")
    list(commands.register_many(WorksetSpec(f"w{n}", "b") for n in range(50)))
    clock.ahead += 120
    shared = Shared(store)
    view = LiveView(shared, clock)
    for _ in view.open():
        pass
    commands.set_priority("w1", WorksetPriority.URGENT)
    shared.read = 0
    for _ in range(4):
        clock.ahead += 200
        view.poll()
    assert 1 <= shared.read <= 3
    assert view.rows["w1"].priority is WorksetPriority.URGENT

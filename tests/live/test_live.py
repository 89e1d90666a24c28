"""The live view equals the store, whatever order its feed comes in."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from wsmon.adapters.clock import SystemClock
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.change import Event
from wsmon.domain.errors import StoreUnreachable, WsmonError
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import ErrorCategory, WorksetPriority, WorksetState
from wsmon.domain.workset import Row
from wsmon.ports import AlertRecord, FeedPage, RowPage
from wsmon.services import live
from wsmon.services.commands import Commands
from wsmon.services.live import Delta, LiveView

S = WorksetState


class Clock(SystemClock):
    """A monotonic clock that can be moved on."""

    ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


class Lagging:
    """A store whose feed brings events late, twice and out of order."""

    def __init__(self, store: SqliteStore, draw: random.Random) -> None:
        self._store, self._draw, self._held = store, draw, []  # type: ignore[var-annotated]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def feed(self, cursor: str, limit: int = 1000) -> FeedPage:
        page = self._store.feed(cursor, limit)
        events = [*self._held, *page.events]
        self._draw.shuffle(events)
        cut = self._draw.randrange(len(events) + 1)
        now, self._held = events[:cut], events[cut:]
        return FeedPage([*now, *now[: self._draw.randrange(3)]], page.cursor, page.more)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(tmp_path / "w.db")
    made.init()
    yield made
    made.close()


def step(commands: Commands, draw: random.Random, names: list[str]) -> None:
    """Something an operator or monitor might do, allowed or not."""
    name = draw.choice(names)
    verb = draw.choice(["register", "acquire", "start", "complete", "fail", "release", "requeue", "unlock", "purge"])
    try:
        token = 0
        if verb in {"start", "complete", "fail", "release"}:
            token = commands.get(name).token
        match verb:
            case "register":
                commands.register(WorksetSpec(name, "b", priority=draw.choice(list(WorksetPriority))))
            case "acquire":
                commands.acquire(name, holder="m", seconds=60)
            case "fail":
                category = draw.choice(list(ErrorCategory))
                commands.fail(name, token=token, category=category, details="x")
            case "start" | "complete" | "release":
                getattr(commands, verb)(name, token=token)
            case "purge":
                commands.delete(name)
                commands.purge(name)
            case _:
                getattr(commands, verb)(name, reason="r")
    except WsmonError:
        pass


def expected(commands: Commands) -> dict[str, Row]:
    return {row.workset_id: row for state in S for row in commands.rows(state)}


@pytest.mark.parametrize("seed", range(8))
def test_the_fold_equals_the_store_after_a_random_walk(store: SqliteStore, seed: int) -> None:
    draw = random.Random(seed)
    clock = Clock()
    commands = Commands(store, clock, "walker")
    names = [f"w{n}" for n in range(12)]
    for _ in range(40):
        step(commands, draw, names)
    lagging = Lagging(store, draw)
    view = LiveView(lagging, clock)
    folded: dict[str, Row] = {}

    def take(delta: Delta) -> None:
        folded.update(delta.rows)
        for workset_id in delta.gone:
            folded.pop(workset_id, None)

    for delta in view.open():
        take(delta)
    for _ in range(60):
        for _ in range(4):
            step(commands, draw, names)
        take(view.poll())
    for _ in range(30):
        last = view.poll()
        take(last)
    lagging._draw = random.Random(0)
    while lagging._held:
        last = view.poll()
        take(last)
    clock.ahead += 1000
    last = view.poll()
    take(last)
    assert folded == view.rows == expected(commands)
    assert {s: n for s, n in last.counts.items() if n} == {s: n for s, n in store.tallies().items() if n}
    assert {lease.workset_id for lease in last.leases} == {r.workset_id for r in folded.values() if r.holder}


def test_a_screen_fills_before_everything_is_loaded(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "OPEN_PAGE", 10)
    monkeypatch.setattr(live, "LOAD_PAGE", 20)
    commands = Commands(store, SystemClock(), "t")
    list(commands.register_many(WorksetSpec(f"w{n:03}", "b") for n in range(75)))
    deltas = list(LiveView(store, SystemClock()).open())
    assert [len(delta.rows) for delta in deltas] == [10, 20, 20, 20, 5]
    assert deltas[0].counts[S.READY] == 75


def test_of_the_finished_only_the_newest_are_rows(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "OPEN_PAGE", 5)
    monkeypatch.setattr(live, "LOAD_PAGE", 5)
    commands = Commands(store, SystemClock(), "t")
    for n in range(30):
        commands.register(WorksetSpec(f"w{n:02}", "b"))
        commands.ignore(f"w{n:02}")
    view = LiveView(store, SystemClock(), finished_limit=10)
    for _ in view.open():
        pass
    assert sorted(view.rows) == [f"w{n:02}" for n in range(20, 30)]
    assert view.counts[S.IGNORED] == 30
    commands.requeue("w03", reason="x")
    delta = view.poll()
    assert (delta.counts[S.IGNORED], delta.counts[S.READY]) == (29, 1)


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
    assert {name: row.state for name, row in view.rows.items()} == {"done": S.COMPLETE}


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


class Turning(Clock):
    """A clock of which both hands are moved on, and only by hand."""

    def now(self) -> int:
        return 1_700_000_000_000_000 + int(self.ahead * 1e6)

    def monotonic(self) -> float:
        return self.ahead


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


class Failing:
    """A store one of whose calls fails."""

    def __init__(self, store: SqliteStore) -> None:
        self._store, self.fails = store, ""

    def __getattr__(self, name: str) -> Any:
        if name == self.fails:
            raise StoreUnreachable("the store does not answer (test)")
        return getattr(self._store, name)


@pytest.mark.parametrize("fails", ["tallies", "leases", "clusters", "monitors", "alerts"])
def test_a_poll_that_fails_half_way_loses_no_change(store: SqliteStore, fails: str) -> None:
    clock, failing = Clock(), Failing(store)
    commands = Commands(store, clock, "t")
    commands.register(WorksetSpec("goes", "b"))
    view = LiveView(failing, clock)
    for _ in view.open():
        pass
    commands.register(WorksetSpec("comes", "b"))
    commands.delete("goes")
    commands.purge("goes")
    failing.fails = fails
    clock.ahead += 400
    for _ in range(2):
        with pytest.raises(StoreUnreachable):
            view.poll()
    failing.fails = ""
    delta = view.poll()
    assert (set(delta.rows), set(delta.gone)) == ({"comes"}, {"goes"})
    assert (view.poll().rows, view.poll().gone) == ({}, frozenset())


def test_deltas_merge_and_lose_nothing() -> None:
    def row(name: str, rev: int) -> Row:
        return Row(name, S.READY, WorksetPriority.LOW, rev, 1, 1)

    one = Delta(1, {"a": row("a", 1), "b": row("b", 1)}, frozenset({"x"}))
    two = Delta(2, {"a": row("a", 2), "x": row("x", 3)}, frozenset({"b"}))
    both = one.merged(two)
    assert {name: r.rev for name, r in both.rows.items()} == {"a": 2, "x": 3}
    assert both.gone == {"b"}
    assert both.at == 2


def test_alerts_of_worksets_and_locks(store: SqliteStore) -> None:
    clock = Clock()
    commands = Commands(store, clock, "t")
    for name in ("err", "dead", "alone", "fine"):
        commands.register(WorksetSpec(name, "b"))
    token = commands.acquire("err", holder="m", seconds=60).token
    commands.fail("err", token=token, category=ErrorCategory.DATA, details="bad header")
    commands.acquire("dead", holder="m", seconds=0.2)
    token = commands.acquire("alone", holder="m", seconds=60).token
    commands.start("alone", token=token)
    commands.unlock("alone", reason="x")
    now = clock.now()
    store.put_alert(AlertRecord("duplicate/z", "duplicate", "critical", "z", "two runs", now, now))
    view = LiveView(store, clock, skew=1000)
    for _ in view.open():
        pass
    clock.ahead += 1
    delta = view.poll()
    kinds = {alert.kind: alert.subject for alert in delta.alerts}
    assert kinds == {"duplicate": "z", "error": "err", "dead lock": "dead", "unattended": "alone"}
    assert delta.alerts[0].kind == "duplicate"
    assert delta.dead == {"dead"}
    store.put_alert(AlertRecord("orphaned/alone", "orphaned", "critical", "alone", "?", now, now))
    assert {alert.kind for alert in view.poll().alerts} == {"duplicate", "error", "dead lock", "orphaned"}


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
    assert {name: row.state for name, row in view.rows.items()} == {"ended": S.IGNORED, "stays": S.READY}
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

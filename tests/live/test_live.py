"""The live view equals the store, whatever order its feed comes in."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.live.clocks import Clock
from tests.live.conftest import expected
from wsmon.adapters.clock import SystemClock
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.errors import StoreUnreachable, WsmonError
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import ErrorCategory, WorksetPriority, WorksetState
from wsmon.domain.workset import Row
from wsmon.ports import AlertRecord, FeedPage
from wsmon.services import live
from wsmon.services.commands import Commands
from wsmon.services.live import Delta, LiveView

S = WorksetState


class Lagging:
    """A store whose feed brings events late, twice and out of order."""

    def __init__(self, store: SqliteStore, draw: random.Random) -> None:
        self._store, self._draw, self._held = store, draw, []  # type: ignore[var-annotated]

    def stamp(self) -> object | None:
        return None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def feed(self, cursor: str, limit: int = 1000) -> FeedPage:
        page = self._store.feed(cursor, limit)
        events = [*self._held, *page.events]
        self._draw.shuffle(events)
        cut = self._draw.randrange(len(events) + 1)
        now, self._held = events[:cut], events[cut:]
        return FeedPage([*now, *now[: self._draw.randrange(3)]], page.cursor, page.more)


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

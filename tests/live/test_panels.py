"""The small panels on a store where every read is paid for: few calls, and nothing is old for long."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import wait_for
from wsmon.adapters.clock import SystemClock
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.alerts import SilenceRecord
from wsmon.domain.change import SlotClaim
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import ErrorCategory
from wsmon.ports import AlertRecord, ClusterRecord, MonitorRecord
from wsmon.services.commands import Commands
from wsmon.services.live import LiveView

PRICES = {
    "leases": 1,
    "alerts": 1,
    "monitors": 1,
    "clusters": 2,
    "silences": 1,
    "undelivered": 1,
    "feed": 1,
    "feed_start": 0,
    "tallies": 1,
}


class Paid:
    """A shared store that counts what is asked of it."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.info = replace(store.info, shared=True)
        self.asked: list[str] = []

    def stamp(self) -> object | None:
        return None

    def __getattr__(self, name: str) -> Any:
        self.asked.append(name)
        return getattr(self._store, name)

    def since(self) -> list[str]:
        """What was asked since the last time."""
        asked, self.asked = self.asked, []
        return asked


class Clock(SystemClock):
    """A monotonic clock that can be moved on."""

    ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


@pytest.fixture
def real(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "w.db")
    store.init()
    yield store
    store.close()


@pytest.fixture
def paid(real: SqliteStore) -> Any:
    return Paid(real)


@pytest.fixture
def view(paid: Any) -> LiveView:
    view = LiveView(paid, SystemClock())
    for _ in view.open():
        pass
    paid.since()
    return view


def test_a_refresh_is_three_calls_at_most(real: SqliteStore, paid: Any, view: LiveView) -> None:
    commands = Commands(real, SystemClock(), "t")
    asked: list[str] = []
    for n in range(24):
        if n % 3:
            commands.register(WorksetSpec(f"w{n}", "b"))
            commands.acquire(f"w{n}", holder="m", seconds=60, claim=SlotClaim("c", 99))
        view.poll()
        once = paid.since()
        assert sum(PRICES[name] for name in once) <= 3, once
        asked += once
    assert set(PRICES) - set(asked) == {"tallies", "feed_start"}
    assert asked.count("leases") >= 12, "leases are read every other time at the least"


def test_the_check_of_the_tallies_takes_a_turn(real: SqliteStore, paid: Any) -> None:
    clock = Clock()
    view = LiveView(paid, clock)
    for _ in view.open():
        pass
    paid.since()
    clock.ahead += 10
    view.poll()
    assert paid.since() == ["feed_start", "feed", "tallies", "leases"]


def test_claims_follow_the_feed_at_once(real: SqliteStore, paid: Any, view: LiveView) -> None:
    commands = Commands(real, SystemClock(), "t")
    now = commands.clock.now()
    real.put_cluster(ClusterRecord("c", 4, now))
    commands.register(WorksetSpec("w", "b"))
    for _ in range(4):
        view.poll()
    token = commands.acquire("w", holder="m", seconds=60, claim=SlotClaim("c", 4)).token
    held = [set(cluster.claims) for _ in range(2) for cluster in view.poll().clusters]
    assert held[-1] == {"w"}, "within two refreshes"
    commands.release("w", token=token)
    held = [set(cluster.claims) for _ in range(2) for cluster in view.poll().clusters]
    assert held[-1] == set()


def test_all_else_is_seen_within_eight_refreshes_and_alerts_within_two(real: SqliteStore, view: LiveView) -> None:
    now = SystemClock().now()
    for _ in range(3):
        view.poll()
    alert = AlertRecord("f", "duplicate", "critical", "w", "two runs", now, now)
    real.put_alert(alert)
    assert alert in {one for _ in range(2) for one in view.poll().alerts}
    real.put_monitor(MonitorRecord("m", "host", 1, now, now))
    real.put_cluster(ClusterRecord("c", 4, now))
    real.put_silence(SilenceRecord("s", {"workset": "w"}, now, now + 10**9, "ann", "known"))
    deltas = [view.poll() for _ in range(8)]
    assert [one.name for one in deltas[-1].monitors] == ["m"]
    assert [one.name for one in deltas[-1].clusters] == ["c"]
    assert deltas[-1].silenced == {"f"}
    Commands(real, SystemClock(), "t").register(WorksetSpec("w", "b"))
    deltas = [view.poll() for _ in range(8)]
    assert deltas[-1].waiting_since == real.undelivered(1).events[0].at


def test_a_silence_ends_by_itself_and_covers_what_the_rows_tell(real: SqliteStore) -> None:
    clock = SystemClock()
    commands = Commands(real, clock, "t")
    for name in ("bad", "other"):
        commands.register(WorksetSpec(name, "b"))
        token = commands.acquire(name, holder="m", seconds=60).token
        commands.fail(name, token=token, category=ErrorCategory.DATA, details="broke")
    view = LiveView(real, clock)
    now = clock.now()
    ends = SilenceRecord("s", {"kind": "error", "workset": "b*"}, now, now + 300_000, "ann", "known")
    real.put_silence(ends)
    (first,) = view.open()
    assert first.silenced == {"error/bad"}
    assert view.poll().silenced is first.silenced, "what reads the same stays the same object"
    wait_for(lambda: not view.poll().silenced, 5)


def test_what_reads_the_same_stays_the_same_object(real: SqliteStore) -> None:
    real.put_cluster(ClusterRecord("c", 4, 7))
    view = LiveView(real, SystemClock())
    for _ in view.open():
        pass
    one, two = view.poll(), view.poll()
    assert one.clusters is two.clusters
    assert one.alerts is two.alerts


def test_on_a_shared_store_each_panel_has_its_own_age(view: LiveView) -> None:
    last = view.poll()
    for _ in range(8):
        last = view.poll()
    assert last.read_at["locks"] > last.read_at["clusters"]
    assert len(set(last.read_at.values())) > 3, "one small panel a look"


class Counted(Paid):
    """This machine's own store, which knows whether it is as it was, and counts what else is asked of it."""

    def __init__(self, store: SqliteStore) -> None:
        super().__init__(store)
        self.info = store.info

    def stamp(self) -> object | None:
        return self._store.stamp()


def test_a_store_of_ones_own_that_stands_still_is_not_read_again(real: SqliteStore, tmp_path: Path) -> None:
    counted: Any = Counted(real)
    view = LiveView(counted, SystemClock())
    for _ in view.open():
        pass
    first = view.poll()
    counted.since()
    second = view.poll()
    assert counted.since() == []
    assert not second.news(first)
    assert second.read_at["locks"] >= second.read_at["clusters"] > first.read_at["clusters"], "it is known to be so now"
    other = SqliteStore(tmp_path / "w.db")
    for writer in (other, real):  # another connection, and the reader's own
        before = view.poll()
        name = f"w{writer is other}"
        Commands(writer, SystemClock(), "t").register(WorksetSpec(name, "b"))
        after = view.poll()
        assert name in after.rows
        assert after.news(before)
    other.close()

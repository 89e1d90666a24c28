"""Queues, feeds, histories and facts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import pytest

from tests.contract.conftest import World
from wsmon.adapters import codec
from wsmon.domain.change import Event
from wsmon.domain.errors import InvalidInput
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import WorksetPriority, WorksetState
from wsmon.domain.workset import row_of
from wsmon.ports import AlertRecord, ClusterRecord, MonitorRecord

S = WorksetState
HOSTILE = "a;rm -rf ~ [bold]x[/] <b>'\"%s{}🧬世界 ﷽ \u00a0z"


def ids(world: World, state: WorksetState = S.READY, **options: Any) -> list[str]:
    return [row.workset_id for row in world.store.page(state, **options).rows]


class TestPages:
    def fill(self, world: World) -> list[str]:
        for n in range(12):
            world.register(f"w{n:02}", ("normal", "low", "urgent")[n % 3])
        by_tier = {"urgent": 2, "normal": 0, "low": 1}
        return [f"w{n:02}" for start in by_tier.values() for n in range(start, 12, 3)]

    @pytest.mark.parametrize("limit", [1, 3, 4, 5, 12, 100])
    def test_pages_follow_each_other_without_gap_or_overlap(self, world: World, limit: int) -> None:
        expected = self.fill(world)
        found: list[str] = []
        cursor = None
        while True:
            page = world.store.page(S.READY, cursor=cursor, limit=limit)
            assert len(page.rows) <= limit
            found += [row.workset_id for row in page.rows]
            cursor = page.cursor
            if cursor is None:
                break
        assert found == expected

    def test_one_tier_and_the_newest_first(self, world: World) -> None:
        expected = self.fill(world)
        assert ids(world, priority=WorksetPriority.URGENT) == expected[:4]
        assert ids(world, newest_first=True) == expected[::-1]
        newest = world.store.page(S.READY, newest_first=True, limit=5)
        rest = world.store.page(S.READY, newest_first=True, limit=50, cursor=newest.cursor)
        assert [row.workset_id for row in [*newest.rows, *rest.rows]] == expected[::-1]

    def test_a_priority_moves_a_workset_to_the_other_tier(self, world: World) -> None:
        self.fill(world)
        world.commands.set_priority("w00", WorksetPriority.URGENT)
        assert ids(world)[:5] == ["w00", "w02", "w05", "w08", "w11"]

    def test_rows_are_what_the_records_say(self, world: World) -> None:
        world.register("w1", note="x")
        lease = world.commands.acquire("w1", holder="m", seconds=60)
        world.commands.start("w1", token=lease.token)
        (row,) = world.store.page(S.IN_PROGRESS).rows
        assert row == row_of(world.commands.get("w1"))
        assert ids(world) == []

    def test_terminal_states_are_ordered_by_their_end_whatever_the_tier(self, world: World) -> None:
        for name, priority in (("a", "low"), ("b", "urgent"), ("c", "normal")):
            world.register(name, priority)
            world.commands.ignore(name)
        assert ids(world, S.IGNORED) == ["a", "b", "c"]
        assert ids(world, S.IGNORED, newest_first=True, limit=2) == ["c", "b"]
        assert ids(world, S.IGNORED, priority=WorksetPriority.URGENT) == ["b"]
        first = world.store.page(S.IGNORED, limit=1)
        assert ids(world, S.IGNORED, limit=1, cursor=first.cursor) == ["b"]

    def test_only_what_is_due(self, world: World) -> None:
        for name in ("a", "b"):
            world.register(name)
        rows = world.store.page(S.READY).rows
        assert ids(world, due=rows[0].queued_at) == ["a"]
        assert ids(world, due=rows[0].queued_at - 1) == []
        assert ids(world, due=rows[1].queued_at) == ["a", "b"]

    def test_a_strange_cursor_is_refused(self, world: World) -> None:
        with pytest.raises(InvalidInput, match="cursor"):
            world.store.page(S.READY, cursor="nonsense")
        with pytest.raises(InvalidInput, match="cursor"):
            world.store.feed("nonsense")


class TestFeed:
    def read(self, world: World, cursor: str, limit: int = 1000) -> tuple[list[Event], str]:
        """Everything after the cursor, each event once, as a reader drops what it knows."""
        seen: dict[tuple[str, int], Event] = {}
        while True:
            page = world.store.feed(cursor, limit)
            for event in page.events:
                seen[event.workset_id, event.seq] = event
            cursor = page.cursor
            if not page.more:
                return list(seen.values()), cursor

    @pytest.mark.parametrize("limit", [2, 7, 1000])
    def test_every_event_comes_through(self, world: World, limit: int) -> None:
        cursor = world.store.feed_start()
        for n in range(5):
            world.register(f"w{n}")
            world.commands.acquire(f"w{n}", holder="m", seconds=60)
        events, cursor = self.read(world, cursor, limit)
        expected = [event for n in range(5) for event in world.store.history(f"w{n}")]
        assert sorted(events, key=lambda e: e.at) == sorted(expected, key=lambda e: e.at)
        assert all(event.row is not None for event in events)
        world.commands.release("w3", token=1)
        later, _ = self.read(world, cursor, limit)
        assert world.store.history("w3")[-1] in later

    def test_from_a_moment_on(self, world: World) -> None:
        world.register("a")
        world.register("b")
        at = world.store.history("b")[0].at
        events, _ = self.read(world, world.store.feed_start(at))
        assert {"b"} <= {event.workset_id for event in events}
        future, _ = self.read(world, world.store.feed_start(at + 3_600_000_000 * 30))
        assert future == []

    def test_a_span_holds_each_of_its_events_once(self, world: World) -> None:
        for name in ("a", "b", "c", "d"):
            world.register(name)
            world.commands.ignore(name)
        events = [event for name in ("a", "b", "c", "d") for event in world.store.history(name)]
        since, until = events[2].at, events[6].at
        found = list(world.store.between(since, until))
        assert sorted(found, key=lambda e: e.at) == events[2:6], "from the first moment on, the last one left out"
        week = list(world.store.between(since - 7 * 86_400_000_000, since))
        assert sorted(week, key=lambda e: e.at) == events[:2]
        assert not list(world.store.between(until, until))

    def test_history_from_a_seq_on(self, world: World) -> None:
        world.register()
        for _ in range(4):
            world.commands.set_priority("w1", WorksetPriority.LOW)
        assert [event.seq for event in world.store.history("w1", 2)] == [3, 4, 5]
        assert [event.seq for event in world.store.history("w1", 1, 2)] == [2, 3]
        assert world.store.history("none") == []


class TestTexts:
    METADATA: ClassVar[dict[str, Any]] = {
        "float": 1.0,
        "int": 1,
        "big": 10**30,
        "tiny": 1e-300,
        "huge": 1.7e308,
        "minus": -0.0,
        "bool": True,
        "null": None,
        "empty": "",
        "list": [[], {}, [1, [2, [3]]]],
        HOSTILE: HOSTILE,
        "nul": "a\0b\x1b[31m\n",
        "name": "reserved",
    }

    def test_metadata_comes_back_exactly(self, world: World) -> None:
        world.commands.register(WorksetSpec("w1", "b", metadata=self.METADATA))
        found = world.commands.get("w1").metadata
        assert codec.dumps(found) == codec.dumps(self.METADATA)
        assert isinstance(found["float"], float)

    def test_hostile_text_in_every_field(self, world: World) -> None:
        name = HOSTILE.strip()
        world.commands.register(WorksetSpec(name, name, name, metadata={}))
        lease = world.commands.acquire(name, holder=name, seconds=60)
        world.commands.start(name, token=lease.token)
        world.commands.progress(name, token=lease.token, step="\x1b]0;x\x07\n" * 50)
        world.commands.cancel(name, reason="line\nbreak \x1b[2J\0" + HOSTILE)
        assert world.store.lease(name) == lease
        event = world.store.history(name)[-1]
        assert event.reason == "line\nbreak \x1b[2J\0" + HOSTILE
        assert event.row == row_of(world.commands.get(name))
        assert [row.workset_id for row in world.commands.rows(S.IN_PROGRESS)] == [name]

    def test_the_longest_id_and_the_largest_metadata(self, world: World) -> None:
        name = "ä" * 256
        world.commands.register(WorksetSpec(name, "b", metadata={"x": "y" * 299_000}))
        lease = world.commands.acquire(name, holder="h" * 512, seconds=60)
        world.commands.release(name, token=lease.token)
        assert len(world.commands.get(name).metadata["x"]) == 299_000
        assert ids(world) == [name]


class TestFacts:
    def test_clusters(self, world: World) -> None:
        record = ClusterRecord("c2", 4, 10, load=1.25, vcpus=8)
        world.store.put_cluster(record)
        world.store.put_cluster(ClusterRecord("c1", 1, 10))
        world.store.put_cluster(replace(record, load=0.5))
        assert [(c.name, c.load) for c in world.other().clusters()] == [("c1", 0.0), ("c2", 0.5)]

    def test_monitors(self, world: World) -> None:
        record = MonitorRecord("m1", "host", 7, 1, 2, "0.1", "place", 3)
        world.store.put_monitor(record)
        world.store.put_monitor(replace(record, heartbeat_at=5))
        assert world.other().monitors() == [replace(record, heartbeat_at=5)]
        world.store.remove_monitor("m1")
        world.store.remove_monitor("m1")
        assert world.store.monitors() == []

    def test_alerts_are_counted_and_cleared(self, world: World) -> None:
        alert = AlertRecord("orphaned/w1", "orphaned", "critical", "w1", HOSTILE, 10, 10)
        world.store.put_alert(alert)
        world.store.put_alert(replace(alert, first_at=20, last_at=20, text="later"))
        world.store.put_alert(replace(alert, fingerprint="other", first_at=5, last_at=5))
        found = world.other().alerts()
        assert [(a.fingerprint, a.first_at, a.last_at, a.count) for a in found] == [
            ("other", 5, 5, 1),
            ("orphaned/w1", 10, 20, 2),
        ]
        assert found[1].text == "later"
        world.store.clear_alert("other")
        world.store.clear_alert("other")
        assert len(world.store.alerts()) == 1


def test_init_is_safe_twice_and_check_is_content(world: World) -> None:
    assert world.store.init()
    assert world.other().init()
    world.store.check()

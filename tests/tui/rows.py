"""Rows that move, mark, look or go elsewhere: what each does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.screen import Screen

from tests.tui.seat import Seat, row
from tests.tui.stage import screen_text
from tui.screens.detail import Detail
from tui.screens.events import Events
from tui.screens.log import RunLog
from tui.screens.monitors import Monitors
from tui.screens.pick import Pick
from tui.screens.throughput import Throughput
from wsmon.domain.states import WorksetState


def _goes(name: str, begin: int, end: Callable[[int, int], int]) -> None:
    """From a row to another: of so many, with so many in sight."""

    @row(name)
    async def check(seat: Seat, key: str) -> None:
        table = seat.table
        table._go(begin)
        await seat.pilot.press(key)
        assert table.cursor == end(len(table.rows), table._body_height)
        assert 0 <= table.cursor - table.scroll_offset.y < table._body_height


_goes("down", 3, lambda _, __: 4)
_goes("up", 3, lambda _, __: 2)
_goes("half_down", 3, lambda _, height: 3 + height // 2)
_goes("half_up", 30, lambda _, height: 30 - height // 2)
_goes("page_down", 3, lambda _, height: 3 + height)
_goes("page_up", 40, lambda _, height: 40 - height)
_goes("first", 30, lambda _, __: 0)
_goes("last", 3, lambda length, _: length - 1)


def _shows(name: str, kind: type[Screen[Any]], *parts: str, on: WorksetState = WorksetState.IN_PROGRESS) -> None:
    """Opens a screen about the workset under the cursor, or about all."""

    @row(name)
    async def check(seat: Seat, key: str) -> None:
        target = seat.a(on)
        await seat.go(target)
        await seat.opens(key, kind, *(part.format(target) for part in parts))


_shows("detail", Detail, "{}", "lsmc-omics", "align 3/7", "register")
_shows("why", Detail, "{}", "in the queue", "use1-cl7", on=WorksetState.READY)
_shows("history", Detail, "{}", "history (UTC)", "acquire")
_shows("record", Detail, "{}", '"workset_id"')
_shows("log", RunLog, "log of {}", "all is well")
_shows("events", Events, "unlock", "its node is gone")
_shows("monitors", Monitors, "mon-1", "node-1, pid")
_shows("throughput", Throughput, "queue depth", "completions")


def _panel(name: str, number: int) -> None:
    @row(name)
    async def check(seat: Seat, key: str) -> None:
        panel = seat.app.view.panels[number - 1]
        await seat.panel(number % 4 + 1)
        await seat.pilot.press(key)
        assert seat.app.focused is panel.table
        assert panel.has_class("-active")


for _number, _name in enumerate(("queue", "locks", "clusters", "alerts"), 1):
    _panel(f"panel_{_name}", _number)


@row("next_panel")
async def _next_panel(seat: Seat, key: str) -> None:
    for panel in (*seat.app.view.panels[1:], seat.app.view.queue):
        await seat.pilot.press(key)
        assert seat.app.focused is panel.table


@row("previous_panel")
async def _previous_panel(seat: Seat, key: str) -> None:
    for panel in reversed(seat.app.view.panels):
        await seat.pilot.press(key)
        assert seat.app.focused is panel.table


@row("zoom")
async def _zoom(seat: Seat, key: str) -> None:
    await seat.panel(4)
    for alone in (True, False):
        await seat.pilot.press(key)
        await seat.pilot.pause()
        seen = [panel.region.area > 0 for panel in seat.app.view.panels]
        assert seen == [not alone, not alone, not alone, True]


@row("next_state")
async def _next_state(seat: Seat, key: str) -> None:
    await seat.pilot.press(key)
    assert {line.state for line in rows_of(seat)} == {WorksetState.IN_PROGRESS}
    seat.app.view.state(-1)


@row("previous_state")
async def _previous_state(seat: Seat, key: str) -> None:
    await seat.pilot.press(key)
    assert {line.state for line in rows_of(seat)} == {WorksetState.IGNORED}
    seat.app.view.state(1)


def rows_of(seat: Seat) -> list[Any]:
    """All that the table holds, in order."""
    return [seat.table.rows.at(place) for place in range(len(seat.table.rows))]


@row("filter")
async def _filter(seat: Seat, key: str) -> None:
    await seat.pilot.press(key, *"early07")
    await seat.wait(lambda: len(seat.app.view.queue.table.rows) == 1)


@row("unfilter")
async def _unfilter(seat: Seat, key: str) -> None:
    every = len(seat.table.rows)
    seat.app.take_filter("id:early0")
    assert len(seat.table.rows) < every
    await seat.pilot.press(key)
    assert len(seat.table.rows) == every


async def _matches(seat: Seat, key: str, by: int) -> None:
    seat.app.take_filter("id:early0")
    matches = [line.workset_id for line in rows_of(seat)]
    seat.app.view.unfilter()
    await seat.go(matches[0])
    for turn in (1, 2):
        await seat.pilot.press(key)
        assert seat.app.view.queue.selected() == matches[by * turn % len(matches)]


@row("next_match")
async def _next_match(seat: Seat, key: str) -> None:
    await _matches(seat, key, 1)


@row("previous_match")
async def _previous_match(seat: Seat, key: str) -> None:
    await _matches(seat, key, -1)


@row("filters")
async def _filters(seat: Seat, key: str) -> None:
    seat.app.take_filter("id:early0")
    await seat.pilot.press(key)
    await seat.wait(lambda: isinstance(seat.app.screen, Pick))
    await seat.pilot.press("enter", *"mine", "enter")
    assert seat.app.kept.filters() == {"mine": "id:early0"}
    seat.app.view.unfilter()
    await seat.pilot.press(key, "enter")
    assert seat.app.view.queue.filter_text == "id:early0"


@row("mark")
async def _mark(seat: Seat, key: str) -> None:
    first = seat.table.rows.key_at(0)
    await seat.pilot.press(key)
    assert (list(seat.table.marked), seat.table.cursor) == ([first], 1)
    seat.table.edge(0)
    await seat.pilot.press(key)
    assert not seat.table.marked


@row("mark_range")
async def _mark_range(seat: Seat, key: str) -> None:
    seat.table.mark()
    seat.table._go(3)
    await seat.pilot.press(key)
    assert list(seat.table.marked) == [seat.table.rows.key_at(place) for place in range(4)]
    assert "4 marked" in screen_text(seat.app)


@row("unmark")
async def _unmark(seat: Seat, key: str) -> None:
    seat.table.mark()
    await seat.pilot.press(key)
    assert not seat.table.marked


@row("copy")
async def _copy(seat: Seat, key: str) -> None:
    await seat.pilot.press(key)
    assert seat.app.clipboard == seat.app.view.queue.selected()
    assert "copied" in seat.said

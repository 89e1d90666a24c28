"""Rows that are about the screen itself: what each does."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console
from textual._compositor import LayoutUpdate
from textual.command import CommandPalette
from textual.widgets import Static

from tests.tui.rows import rows_of
from tests.tui.seat import Seat, row
from tests.tui.stage import screen_text
from tui.actions import ACTIONS
from tui.screens.help import Help
from tui.screens.pick import Pick, PickMany


@row("export")
async def _export(seat: Seat, key: str) -> None:
    await seat.pilot.press(key)
    await seat.wait(lambda: isinstance(seat.app.screen, Pick))
    await seat.pilot.press("enter")
    await seat.wait(lambda: "written:" in seat.said)
    (file,) = Path.cwd().glob("wsmon-queue-*.csv")
    assert len(file.read_text(encoding="utf-8").splitlines()) == 1 + len(seat.table.rows)


@row("sort")
async def _sort(seat: Seat, key: str) -> None:
    usual = [line.workset_id for line in rows_of(seat)]
    titles = [column.title for column in seat.table.shown_columns()]
    for before, title, wanted in (
        (titles[titles.index("ID") - 1], "ID", sorted(usual, key=str.casefold)),
        (titles[-1], None, usual),
    ):
        seat.table.order_by(before, downwards=False)
        await seat.pilot.press(key)
        assert seat.table.sorted_by == title
        assert [line.workset_id for line in rows_of(seat)] == wanted


@row("reverse")
async def _reverse(seat: Seat, key: str) -> None:
    usual = [line.workset_id for line in rows_of(seat)]
    for wanted in (usual[::-1], usual):
        await seat.pilot.press(key)
        assert [line.workset_id for line in rows_of(seat)] == wanted


@row("columns")
async def _columns(seat: Seat, key: str) -> None:
    for there in (False, True):
        await seat.pilot.press(key)
        await seat.wait(lambda: isinstance(seat.app.screen, PickMany))
        await seat.pilot.press("space", "enter")
        assert ("PRIO" in [column.title for column in seat.table.shown_columns()]) is there


@row("themes")
async def _themes(seat: Seat, key: str) -> None:
    before = seat.app.theme
    await seat.pilot.press(key)
    await seat.wait(lambda: isinstance(seat.app.screen, Pick))
    await seat.pilot.press("down", "enter")
    assert seat.app.theme != before
    assert seat.app.kept.text("theme") == seat.app.theme
    seat.app.use_theme(before)


@row("redraw")
async def _redraw(seat: Seat, key: str) -> None:
    painted: list[object] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seat.app, "_display", lambda _, update: painted.append(update))
        await seat.pilot.press(key)
        await seat.wait(lambda: any(isinstance(update, LayoutUpdate) for update in painted))


@row("refresh")
async def _refresh(seat: Seat, key: str) -> None:
    usual, seat.stage.refresh_seconds = seat.stage.refresh_seconds, 60.0
    await seat.pilot.pause(4 * usual)
    seat.stage.register("late")
    await seat.pilot.pause(4 * usual)
    assert "late" not in seat.app.view.rows
    seat.stage.refresh_seconds = usual
    await seat.pilot.press(key)
    await seat.wait(lambda: "late" in seat.app.view.rows)


@row("pause")
async def _pause(seat: Seat, key: str) -> None:
    await seat.pilot.press(key)
    await seat.wait(lambda: " paused " in screen_text(seat.app))
    seat.stage.register("unseen")
    await seat.pilot.pause(6 * seat.stage.refresh_seconds)
    assert "unseen" not in seat.app.view.rows
    await seat.pilot.press(key)
    await seat.wait(lambda: "unseen" in seat.app.view.rows)


async def _factor(seat: Seat, key: str, wanted: float) -> None:
    before = seat.app.follower.factor
    await seat.pilot.press(key)
    assert seat.app.follower.factor == before * wanted
    assert f"looks every {seat.stage.refresh_seconds * before * wanted:g} s" in seat.said
    seat.app.follower.factor = before


@row("slower")
async def _slower(seat: Seat, key: str) -> None:
    await _factor(seat, key, 2.0)


@row("faster")
async def _faster(seat: Seat, key: str) -> None:
    seat.app.follower.factor = 4.0
    await _factor(seat, key, 0.5)
    seat.app.follower.factor = 1.0


@row("step_back")
async def _step_back(seat: Seat, key: str) -> None:
    await seat.pilot.press(key)
    await seat.wait(lambda: " PAST " in screen_text(seat.app))
    past = seat.app.past
    assert past is not None
    assert past.replay is not None
    place = past.replay.place
    await seat.pilot.press(key)
    assert past.replay.place == place - 1
    for action in ACTIONS:
        if action.changes:
            seat.app.say("")
            await seat.pilot.press(action.keys.split(",")[0])
            assert "this is the past" in seat.said, action.name


@row("step_on")
async def _step_on(seat: Seat, key: str) -> None:
    await seat.pilot.press(key)
    assert "this is now" in seat.said
    seat.app.do("step_back")
    await seat.wait(lambda: " PAST " in screen_text(seat.app))
    past = seat.app.past
    assert past is not None
    assert past.replay is not None
    seat.app.do("step_back")
    place = past.replay.place
    await seat.pilot.press(key)
    assert past.replay.place == place + 1


@row("palette")
async def _palette(seat: Seat, key: str) -> None:
    await seat.pilot.press(key)
    await seat.wait(lambda: isinstance(seat.app.screen, CommandPalette))
    await seat.pilot.press("escape")
    assert seat.app.screen is seat.app.view


@row("help")
async def _help(seat: Seat, key: str) -> None:
    await seat.pilot.press(key)
    await seat.wait(lambda: isinstance(seat.app.screen, Help))
    console = Console(width=120)
    with console.capture() as capture:
        for half in seat.app.screen.query(Static):
            console.print(half.content)
    text = capture.get()
    for action in ACTIONS:
        assert action.help in text
        assert action.all_shown in text
    await seat.pilot.press("q")
    assert seat.app.screen is seat.app.view


@row("quit")
async def _quit(seat: Seat, key: str) -> None:
    left: list[bool] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seat.app, "exit", lambda: left.append(True))
        await seat.pilot.press(key)
    assert left == [True]

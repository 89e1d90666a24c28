"""Eighty columns, sixteen colours or none: what is old, past or production is told from what is live all the same."""

from __future__ import annotations

import re
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.tui.stage import Stage, screen_text, settled
from tui.app import WsmonApp
from tui.bars import StatusBar, strip
from tui.panels.queue import QueuePanel
from tui.screens.confirm import Confirm
from tui.status import Status
from wsmon.domain.states import WorksetState
from wsmon.ports import AlertRecord, ClusterRecord, StoreInfo

COUNTS = dict(zip(WorksetState, (10_000, 12, 312, 85_321, 1_204, 210, 999, 0, 0, 0), strict=True))
STORE = StoreInfo("dynamodb", "worksets-main", "us-east-1")


def app_of(pilot: Pilot[Any]) -> WsmonApp:
    assert isinstance(pilot.app, WsmonApp)
    return pilot.app


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_production_and_the_gate_are_never_what_is_cut_off(width: int) -> None:
    status = Status(STORE, "ada@node-1", "123456789012", armed=0.0, monitors=12, silent=1, units=1234, age=1.0)
    status.outbox, status.waiting = 70.0, 9
    for status.production, tag in (("", " wsmon "), ("worksets-main", " PRODUCTION ")):
        line = StatusBar()._where(status, width).plain
        assert line.startswith(f"{tag} dynamodb:worksets-main us-east-1")
        assert "writes off" in line
        assert "outbox 1m (9)" in line
        assert line.endswith(" live")
        assert "…" not in line, "what has no room is left out whole"
        assert len(line) <= width
        assert ("ada@node-1" in line and "1,234 units/min" in line) is (width == 200)


def test_whoever_the_credentials_are_of_comes_before_who_looks() -> None:
    status = Status(STORE, "ada-of-the-lab@node-1", "123456789012", monitors=3, age=1.0)
    assert "123456789012  3 mon " in StatusBar()._where(status, 80).plain
    status.account = ""
    assert "ada-of-the-lab@node-1  3 mon" in StatusBar()._where(status, 80).plain


def test_a_hundred_thousand_worksets_and_their_age_fit_beside_the_tabs() -> None:
    panels = [QueuePanel() for _ in range(4)]
    status = Status(counts=COUNTS, alerts=1_414, age=40.0)
    line = strip(panels, panels[0], status, 80).plain
    for part in (" 1 queue ", " 4 ", "●312 ◔12 ○10k ↻999 ✗1.2k ⊘210 ✓85k !1.4k"):
        assert part in line
    panels[0].border_subtitle = "stale, 35s old"
    line = strip(panels, panels[0], status, 80).plain
    assert "stale, 35s old ●312" in line
    assert len(line) <= 80
    few = strip(panels, panels[0], Status(counts={WorksetState.READY: 1_234}, age=1.0), 120).plain
    assert "○1,234" in few, "where there is room nothing is rounded"


@pytest.mark.parametrize("colors", [0, 16])
async def test_old_rows_are_dim_where_no_colour_can_be_faded(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, colors: int
) -> None:
    if not colors:
        monkeypatch.setenv("NO_COLOR", "1")
    stage.busy()
    async with stage.app().run_test(size=(80, 24)) as pilot:
        app = app_of(pilot)
        await settled(pilot, lambda: len(app.view.queue.table.rows) == 30)
        app.use_theme("ansi-dark")

        def faded() -> bool:
            """Whether every cell of the first rows is dim and none is bold."""
            table = app.view.queue.table
            pieces = [piece for y in (1, 2, 3) for piece in table.render_line(y) if piece.text.strip()]
            return all(piece.style and piece.style.dim and not piece.style.bold for piece in pieces)

        await pilot.pause()
        assert not faded()
        stage.store.cut = True
        stage.pass_seconds(35)
        await settled(pilot, lambda: bool(app.status.trouble))
        app.tick()
        await settled(pilot, faded)
        first, second = screen_text(app).splitlines()[:2]
        assert re.match(r" stale 35s  table 'worksets' does.*…; trying again in \d+ s", first)
        assert "stale, 35s old" in second
        stage.store.cut = False
        app.follower.look_now()
        await settled(pilot, lambda: not faded())
        assert "stale" not in screen_text(app)


async def test_the_past_has_its_frame_and_says_what_is_missing_at_eighty_columns(stage: Stage) -> None:
    stage.busy()
    async with stage.app().run_test(size=(80, 24)) as pilot:
        app = app_of(pilot)
        await settled(pilot)
        await pilot.press("2", "left_square_bracket")
        await settled(pilot, lambda: app.view.locks.past_note in screen_text(app))
        assert "━" in screen_text(app)
        assert " PAST " in screen_text(app).splitlines()[0]
        await pilot.press("escape")
        await settled(pilot, lambda: "━" not in screen_text(app))


async def test_no_cursor_blinks_in_a_field_however_it_was_opened(stage: Stage) -> None:
    stage.busy()
    async with stage.app().run_test(size=(80, 24)) as pilot:
        app = app_of(pilot)
        await settled(pilot)
        for key in ("slash", "colon", "X"):
            await pilot.press("g", key)
            await settled(pilot, lambda: app.screen.focused is not None)
            if key == "X":
                await settled(pilot, lambda: isinstance(app.screen, Confirm))
                await pilot.press("x")
            await settled(pilot, lambda: isinstance(app.screen.focused, Input))
            field = app.screen.focused
            assert isinstance(field, Input)
            assert not field.cursor_blink, key
            await pilot.press("escape", "escape")
            await settled(pilot, lambda: app.screen is app.view)


@pytest.mark.parametrize(("size", "keys", "lines"), [((80, 24), [], 21), ((200, 60), ["z"], 53)])
async def test_a_panel_alone_has_all_the_room(stage: Stage, size: tuple[int, int], keys: list[str], lines: int) -> None:
    now = stage.clock.now()
    for n in range(60):
        stage.real.put_alert(AlertRecord(f"k/{n:02}", "orphaned", "warning", f"w{n:02}", "text", now, now))
        stage.real.put_cluster(ClusterRecord(f"cluster-{n:02}", 4, now))
    async with stage.app().run_test(size=size) as pilot:
        app = app_of(pilot)
        await settled(pilot, lambda: len(app.view.alerts.table.rows) == 60)
        for panel, said in (("3", "cluster-"), ("4", "orphaned")):
            await pilot.press(panel, *keys)
            await settled(pilot, lambda: screen_text(app).count(said) >= lines - 1)  # noqa: B023
            assert app.view.active.size.width >= size[0] - 2
            await pilot.press(*keys)

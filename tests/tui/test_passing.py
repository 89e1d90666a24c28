"""What lasts only a moment stays long enough to be seen: ended alerts, adopted runs, silent monitors."""

from __future__ import annotations

from typing import Any

from textual.pilot import Pilot

from tests.tui.stage import Stage, screen_text, settled
from tui.app import WsmonApp
from wsmon.ports import MonitorRecord


def app_of(pilot: Pilot[Any]) -> WsmonApp:
    assert isinstance(pilot.app, WsmonApp)
    return pilot.app


async def test_an_alert_that_ended_stays_for_a_while_and_counts_no_more(stage: Stage) -> None:
    stage.register("w")
    stage.fail("w", "data", "bad")
    async with stage.app().run_test(size=(120, 40)) as pilot:
        app = app_of(pilot)
        await settled(pilot, lambda: app.status.alerts == 1)
        stage.filler.requeue("w", reason="mended")
        await settled(pilot, lambda: app.status.alerts == 0)
        assert [cell.text for cell in (app.view.alerts.table._content(1)[2],)] == ["ended"]
        assert "nothing needs you" not in screen_text(app)
        stage.pass_seconds(30)
        await settled(pilot, lambda: "nothing needs you" in screen_text(app))


async def test_an_adopted_run_says_from_whom_until_its_next_attempt(stage: Stage) -> None:
    stage.register("w")
    token = stage.run("w", "victim")
    async with stage.app().run_test(size=(120, 40)) as pilot:
        app = app_of(pilot)
        await settled(pilot, lambda: "victim" in screen_text(app))
        stage.filler.release("w", token=token)
        await settled(pilot, lambda: app.view.rows["w"].holder is None)
        _, lease = stage.filler.adopt("w", holder="steady", seconds=600)
        await settled(pilot, lambda: "steady ⇠ victim" in screen_text(app))
        stage.filler.complete("w", token=lease.token)
        await settled(pilot, lambda: "⇠ victim" in screen_text(app) and "complete" in screen_text(app))
        stage.filler.requeue("w", reason="again")
        await settled(pilot, lambda: "⇠" not in screen_text(app))
        stage.run("w", "steady")
        await settled(pilot, lambda: app.view.rows["w"].holder == "steady")
        assert "⇠" not in screen_text(app)


async def test_a_silent_monitor_is_not_counted_and_not_forgotten(stage: Stage) -> None:
    now = stage.clock.now()
    stage.real.put_monitor(MonitorRecord("dead", "node-1", 7, now, now))
    stage.pass_seconds(121)
    stage.real.put_monitor(MonitorRecord("mon-2", "node-2", 8, now, stage.clock.now()))
    async with stage.app().run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "1 monitor, 1 silent" in screen_text(app_of(pilot))

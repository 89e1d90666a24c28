"""Alerts are taken on and silenced from the keyboard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input

from tests.tui.changes import text_of
from tests.tui.stage import Stage, screen_text, settled
from tests.tui.test_actions import app_of, asked, confirm, said
from tui.keyed import KeyedList
from tui.screens.results import Results
from tui.status import COUNTED_EVENTS
from wsmon.domain.alerts import AlertRecord
from wsmon.domain.errors import StoreUnreachable
from wsmon.domain.ruling import OFF, Ruling
from wsmon.domain.spec import WorksetSpec
from wsmon.services.alarms import Alarms
from wsmon.services.panels import COUNTED


async def test_an_alert_is_taken_on_and_silenced(tmp_path: Path) -> None:
    stage = Stage(tmp_path).busy()
    async with stage.app().run_test(size=(120, 40)) as pilot:
        await settled(pilot, lambda: "orphaned" in screen_text(pilot.app))
        await pilot.press("A")
        assert not stage.real.alerts()[0].by, "the key is for an alert, and the queue has the cursor"
        await pilot.press("4")
        shown = await confirm(pilot, "A", "on it")
        assert "orphaned/x" in shown
        await settled(pilot, lambda: "acknowledged" in said(pilot))
        (alert,) = stage.real.alerts()
        assert (alert.status, alert.by, alert.reason) == ("acknowledged", stage.who, "on it")
        await settled(pilot, lambda: "taken on" in screen_text(pilot.app))
        await pilot.press("g")
        await confirm(pilot, "S", "known", choice=1)
        await settled(pilot, lambda: "silenced for 4 hours" in said(pilot))
        (silence,) = stage.real.silences()
        assert round((silence.ends_at - silence.starts_at) / 1e6) == 14_400
        assert silence.by == stage.who
        await settled(pilot, lambda: any(line.split()[1:3] == ["silenced", "error"] for line in lines(pilot)))


async def test_marked_alerts_are_taken_on_together_each_result_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(tmp_path)
    now = stage.clock.now()
    for name in "abc":
        stage.real.put_alert(AlertRecord(f"k/{name}", "orphaned", "critical", name, f"text {name}", now, now))
    async with stage.app().run_test(size=(100, 24)) as pilot:
        await settled(pilot, lambda: "text c" in screen_text(pilot.app))
        await pilot.press("4", "space", "space", "A")
        await asked(pilot)
        question = pilot.app.screen
        shown = text_of(question)  # type: ignore[arg-type]
        for part in ("Acknowledge 2 alerts?", "k/a", "k/b", "text a"):
            assert part in shown
        assert "k/c" not in shown
        question.query_one("#choice-0", Button).press()
        await pilot.pause()
        assert pilot.app.screen is question, "the number was not typed"
        take_on = Alarms.take_on

        def refuse(self: Alarms, alert: AlertRecord, reason: str = "") -> AlertRecord:
            if alert.fingerprint == "k/b":
                raise StoreUnreachable("it does not answer")
            return take_on(self, alert, reason)

        monkeypatch.setattr(Alarms, "take_on", refuse)
        question.query_one("#confirm-typed", Input).value = "2"
        question.query_one("#choice-0", Button).press()
        await settled(pilot, lambda: isinstance(pilot.app.screen, Results))
        text = screen_text(pilot.app)
        for part in ("1 done, 1 not", "✓ k/a: acknowledged", "✗ k/b: it does not answer"):
            assert part in text
        assert [one.fingerprint for one in stage.real.alerts() if one.by == stage.who] == ["k/a"]
        await pilot.press("escape")
        assert list(table_of(pilot).marked) == ["k/b"], "what failed stays marked"
    stage.close()


def table_of(pilot: Pilot[Any]) -> KeyedList[Any]:
    return app_of(pilot).view.alerts.table


def lines(pilot: Pilot[Any]) -> list[str]:
    return screen_text(pilot.app).splitlines()


@pytest.mark.parametrize("wanted", [True, False])
async def test_a_critical_alert_that_begins_rings_once_unless_it_may_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: bool
) -> None:
    rung: list[bool] = []
    monkeypatch.setattr("tui.app.WsmonApp.bell", lambda _: rung.append(True))
    stage = Stage(tmp_path, bell=wanted).busy()
    async with stage.app().run_test(size=(120, 40)) as pilot:
        await settled(pilot, lambda: "orphaned" in screen_text(pilot.app))
        assert not rung, "what stands at the opening is on the screen"
        now = stage.clock.now()
        stage.real.put_alert(AlertRecord("duplicate/y", "duplicate", "critical", "y", "two runs", now, now))
        await settled(pilot, lambda: "two runs" in screen_text(pilot.app))
        await settled(pilot)
    assert rung == [True] * wanted


async def test_a_rule_that_is_off_is_no_alert_on_the_screen(tmp_path: Path) -> None:
    stage = Stage(tmp_path).busy()
    stage.ruling = Ruling({"orphaned": OFF})
    async with stage.app().run_test(size=(120, 40)) as pilot:
        await settled(pilot, lambda: "unattended" in screen_text(pilot.app))
        assert "orphaned" not in screen_text(pilot.app)


@pytest.mark.parametrize("channels", [True, False])
async def test_how_long_the_oldest_event_waits_and_how_many_do_is_on_the_screen(tmp_path: Path, channels: bool) -> None:
    assert COUNTED_EVENTS == COUNTED
    stage = Stage(tmp_path, channels=channels).busy()
    async with stage.app().run_test(size=(120, 40)) as pilot:
        await settled(pilot, lambda: "orphaned" in screen_text(pilot.app))
        assert ("outbox 6m" in lines(pilot)[0]) is channels
        waiting = stage.real.undelivered(1000).events
        if channels:
            await settled(pilot, lambda: f"outbox 6m ({len(waiting)})" in lines(pilot)[0])
            for number in range(40):
                stage.filler.register(WorksetSpec(f"more-{number}", "b"))
            await settled(pilot, lambda: "outbox 6m (100+)" in lines(pilot)[0])
            waiting = stage.real.undelivered(1000).events
            stage.real.mark_delivered([(e.workset_id, e.seq) for e in waiting[7:]])
            await settled(pilot, lambda: "outbox 6m (7)" in lines(pilot)[0])
        stage.real.mark_delivered([(e.workset_id, e.seq) for e in waiting])
        await settled(pilot, lambda: "outbox" not in lines(pilot)[0])

"""What is asked before a change, what an answer leads to, and what the detail says."""

from __future__ import annotations

from typing import Any

from textual.pilot import Pilot
from textual.widgets import Button, Input

from tests.tui.changes import text_of
from tests.tui.stage import Stage, screen_text, settled
from tui.actions import ACTIONS, FORBIDDEN, MOVE
from tui.app import WsmonApp
from tui.screens.confirm import Confirm
from tui.screens.detail import Detail
from tui.screens.why import why_lines
from wsmon.domain.states import WorksetPriority, WorksetState

S = WorksetState


def app_of(pilot: Pilot[Any]) -> WsmonApp:
    assert isinstance(pilot.app, WsmonApp)
    return pilot.app


async def go_to(pilot: Pilot[Any], workset_id: str) -> None:
    """Put the queue's cursor on a workset."""
    table = app_of(pilot).view.queue.table
    place = table.rows.find(workset_id)
    assert place is not None
    table._go(place)
    await pilot.pause()


async def asked(pilot: Pilot[Any]) -> None:
    """Wait for a question; its focus is on Cancel."""

    def there() -> bool:
        focused = pilot.app.screen.focused
        return isinstance(pilot.app.screen, Confirm) and focused is not None and focused.id == "leave"

    await settled(pilot, there)


async def confirm(pilot: Pilot[Any], key: str, reason: str = "", choice: int = 0) -> str:
    """Press a key, wait for the question, answer it; what it showed."""
    await pilot.press(key)
    await asked(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, Confirm)
    shown = text_of(screen)
    screen.query_one("#confirm-reason", Input).value = reason
    screen.query_one(f"#choice-{choice}", Button).press()
    await pilot.pause()
    return shown


def said(pilot: Pilot[Any]) -> str:
    """What the flash line says."""
    flash = app_of(pilot).view.flash
    return flash.text if flash.display else ""


def test_no_key_is_bound_twice_and_none_that_terminals_need() -> None:
    keys = [key for action in ACTIONS for key in action.keys.split(",")]
    assert len(keys) == len(set(keys))
    assert not FORBIDDEN & set(keys)
    for action in ACTIONS:
        if action.group != MOVE:
            assert not {"ctrl+d", "ctrl+u"} & set(action.keys.split(","))
        if action.changes:
            assert all(len(key) == 1 and key.isupper() for key in action.keys.split(","))


async def test_escape_and_cancel_change_nothing_and_a_reason_is_needed(stage: Stage) -> None:
    stage.register("w")
    stage.fail("w", "data", "bad")
    async with stage.app().run_test(size=(120, 40)) as pilot:
        await settled(pilot, lambda: len(app_of(pilot).view.queue.table.rows) == 1)
        for leave in ("escape", "enter"):
            await pilot.press("R")
            await asked(pilot)
            await pilot.press(leave)
            await settled(pilot, lambda: not isinstance(pilot.app.screen, Confirm))
        await confirm(pilot, "R", reason="")
        assert isinstance(pilot.app.screen, Confirm)
        assert stage.filler.get("w").state is S.ERROR


async def test_a_change_since_the_look_is_told_and_nothing_overwritten(stage: Stage) -> None:
    stage.register("w")
    stage.fail("w", "data", "bad")
    async with stage.app().run_test(size=(120, 40)) as pilot:
        await settled(pilot, lambda: len(app_of(pilot).view.queue.table.rows) == 1)
        await pilot.press("R")
        await asked(pilot)
        stage.filler.requeue("w", reason="somebody else was first")
        stage.lock("w", "mon-9")
        pilot.app.screen.query_one("#confirm-reason", Input).value = "x"
        pilot.app.screen.query_one("#choice-0", Button).press()
        await settled(pilot, lambda: "changed since you looked" in said(pilot))
        note = said(pilot)
        assert "held by mon-9" in note
        assert stage.filler.get("w").holder == "mon-9"


async def test_what_is_not_possible_is_said_without_a_question(stage: Stage) -> None:
    stage.register("w")
    async with stage.app().run_test(size=(120, 40)) as pilot:
        await settled(pilot, lambda: len(app_of(pilot).view.queue.table.rows) == 1)
        await pilot.press("U")
        await settled(pilot, lambda: "not possible" in said(pilot))
        assert not isinstance(pilot.app.screen, Confirm)


async def test_detail_shows_facts_and_history_and_follows_changes(stage: Stage) -> None:
    stage.busy()
    async with stage.app().run_test(size=(120, 40)) as pilot:
        app = app_of(pilot)
        await settled(pilot, lambda: len(app.view.queue.table.rows) > 20)
        target = app.view.queue.selected()
        await pilot.press("enter")

        def text() -> str:
            return screen_text(app) if isinstance(app.screen, Detail) else ""

        await settled(pilot, lambda: "register" in text())
        assert target is not None
        for part in ("running", "align 3/7", "lsmc-omics", "register", "acquire", "start", "progress"):
            assert part in text()
        assert "set_priority" not in text()
        stage.filler.set_priority(target, WorksetPriority.LOW)
        await settled(pilot, lambda: "set_priority" in text())
        await pilot.press("j", "G", "g", "escape")
        assert not isinstance(app.screen, Detail)


async def test_detail_says_why_a_workset_waits(stage: Stage) -> None:
    stage.busy()
    waiting = next(stage.filler.rows(S.READY)).workset_id
    stage.filler.set_affinity(waiting, "far[away]")
    async with stage.app().run_test(size=(120, 40)) as pilot:
        app = app_of(pilot)
        await settled(pilot, lambda: len(app.view.queue.table.rows) > 20)
        await go_to(pilot, waiting)
        await pilot.press("enter")
        await settled(pilot, lambda: isinstance(app.screen, Detail) and "why" in screen_text(app))
        text = screen_text(app)
        for part in ("place 1 in the queue", "use1-cl7", "usw2-cl1", "affinity", "tied to far[away]"):
            assert part in text


def test_why_of_what_has_started_is_told_as_what_was_decided() -> None:
    decided = {"cluster": "cl", "position": 3, "estimated_start": "2026-11-24T10:00:00Z", "clusters": []}
    for state, told in (("in_progress", "went to cl from place 3"), ("ready", "starts on cl; place 3 in the queue")):
        summary = why_lines({**decided, "state": state})[1]
        assert told in str(summary)
        assert ("starts" in str(summary)) is (state == "ready")


async def test_on_a_small_screen_tab_goes_through_the_panels(stage: Stage) -> None:
    async with stage.busy().app().run_test(size=(80, 24)) as pilot:
        app = app_of(pilot)
        await settled(pilot)
        for panel in (*app.view.panels[1:], app.view.queue):
            await pilot.press("tab")
            await pilot.pause()
            assert app.focused is panel.table
            assert [one for one in app.view.panels if one.region.area] == [panel]


async def test_an_alerts_workset_is_the_target(stage: Stage) -> None:
    stage.register("w")
    stage.fail("w", "data", "bad")
    async with stage.app().run_test(size=(120, 40)) as pilot:
        await settled(pilot, lambda: len(app_of(pilot).view.alerts.table.rows) == 1)
        await pilot.press("4")
        await confirm(pilot, "R", "fixed")
        await settled(pilot, lambda: stage.filler.get("w").state is S.READY)
        await settled(pilot, lambda: app_of(pilot).status.alerts == 0)

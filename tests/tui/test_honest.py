"""The screen says what it does not know, what it waits for, and why a key did nothing; it never dies of being left."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from rich.text import Text
from textual.pilot import Pilot
from textual.widgets import Button, Input, Static

from tests.tui.stage import Stage, screen_text, settled
from tui.actions import ACTIONS, ANYWHERE, WORKSETS
from tui.app import WsmonApp
from tui.bars import KeyBar
from tui.screens.confirm import Confirm
from tui.screens.detail import Detail
from tui.work import Done, Read
from tui.worker import Changed, Troubled
from wsmon.domain.states import WorksetState
from wsmon.domain.workset import Workset
from wsmon.ports import ClusterRecord
from wsmon.services.live import Delta


def app_of(pilot: Pilot[Any]) -> WsmonApp:
    assert isinstance(pilot.app, WsmonApp)
    return pilot.app


async def shows(pilot: Pilot[Any], *parts: str) -> str:
    """Wait until the screen shows every part; its text."""
    for _ in range(300):
        await pilot.pause(0.02)
        text = screen_text(pilot.app)
        if all(part in text for part in parts):
            return text
    raise AssertionError(f"{parts} not in\n{text}")


async def test_what_arrives_while_it_closes_is_dropped(stage: Stage) -> None:
    stage.register("w")
    app = stage.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, lambda: len(app.view.queue.table.rows) == 1)
        await pilot.press("enter")
        await settled(pilot, lambda: isinstance(app.screen, Detail))
    app.follower._tell(Delta(stage.clock.now(), dict(app.view.rows)))
    for message in (Changed(), Troubled("gone", 1.0), Read(None, "gone"), Done("done", refused=False)):
        await app._dispatch_message(message)
    app.tick()
    assert app.status.trouble == ""


async def test_nothing_looks_well_before_the_store_has_answered(stage: Stage) -> None:
    stage.store.cut = True
    app = stage.app()
    async with app.run_test(size=(120, 40)) as pilot:
        first = screen_text(app)
        until = await shows(pilot, "no store", "unknown: the store has not answered")
        for text in (first, until):
            for claim in ("no locks", "nothing needs you", " 0 ready", "0 alerts", "no cluster has reported"):
                assert claim not in text
        assert "– ready" in first
        stage.store.cut = False
        app.follower.look_now()
        await shows(pilot, "no locks", "nothing needs you", "0 ready", "0 alerts")


async def test_a_slow_store_is_said_to_be_waited_for(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.register("w")
    stage.fail("w", "data", "bad")
    app = stage.app()
    gate = threading.Event()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot, lambda: len(app.view.queue.table.rows) == 1)
        get = stage.commands.get

        def slowly(workset_id: str) -> Workset:
            gate.wait(10)
            return get(workset_id)

        monkeypatch.setattr(stage.commands, "get", slowly)
        await pilot.press("I")
        await shows(pilot, "ignore w: asking the store")
        gate.set()
        await settled(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("escape")
        await pilot.pause()
        assert "asking the store" not in screen_text(app)


async def test_a_key_that_needs_a_workset_says_so_where_there_is_none(stage: Stage) -> None:
    async with stage.app().run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        for key in ("R", "enter", "d", "P"):
            app_of(pilot).view.flash.hush()
            await pilot.press(key)
            await shows(pilot, "no workset under the cursor")
        await pilot.press("A")
        await shows(pilot, "no alert under the cursor")


async def asked(pilot: Pilot[Any], key: str) -> Confirm:
    await pilot.press(key)
    await settled(pilot, lambda: isinstance(pilot.app.screen, Confirm) and pilot.app.screen.focused is not None)
    assert isinstance(pilot.app.screen, Confirm)
    return pilot.app.screen


async def test_a_reason_typed_at_once_is_kept_and_enter_goes_on_to_the_button(stage: Stage) -> None:
    stage.register("w")
    stage.fail("w", "data", "bad")
    async with stage.app().run_test(size=(80, 24)) as pilot:
        await settled(pilot, lambda: len(app_of(pilot).view.queue.table.rows) == 1)
        screen = await asked(pilot, "R")
        assert "esc: no change" in screen_text(pilot.app)
        await pilot.press(*"fixed", "space", *"it")
        assert screen.query_one(Input).value == "fixed it"
        await pilot.press("enter")
        await pilot.pause()
        assert screen.focused is screen.query_one("#choice-0", Button)
        await pilot.press("enter")
        await settled(pilot, lambda: stage.filler.get("w").state is WorksetState.READY)
        assert stage.real.history("w")[-1].reason == "fixed it"


async def test_a_missing_reason_is_asked_for_in_words(stage: Stage) -> None:
    stage.register("w")
    stage.fail("w", "data", "bad")
    async with stage.app().run_test(size=(80, 24)) as pilot:
        await settled(pilot, lambda: len(app_of(pilot).view.queue.table.rows) == 1)
        screen = await asked(pilot, "R")
        screen.query_one("#choice-0", Button).press()
        await shows(pilot, "A reason is needed")
        await pilot.press("enter")
        await pilot.pause()
        assert screen.focused is screen.query_one(Input)
        await pilot.press("x")
        await pilot.pause()
        assert "A reason is needed" not in screen_text(pilot.app)


async def test_the_buttons_of_a_cancel_cannot_be_mistaken(stage: Stage) -> None:
    stage.register("w")
    stage.run("w")
    async with stage.app().run_test(size=(80, 24)) as pilot:
        await settled(pilot, lambda: len(app_of(pilot).view.queue.table.rows) == 1)
        screen = await asked(pilot, "X")
        assert [str(button.label) for button in screen.query(Button)] == ["Keep it", "Cancel the run"]
        assert str(screen.query_one("#confirm-title", Static).render()) == "Cancel w?"


async def test_an_old_cluster_is_dimmed_with_its_age_in_every_width(stage: Stage) -> None:
    now = stage.clock.now()
    stage.real.put_cluster(ClusterRecord("old", 8, now, load=3.2))
    stage.pass_seconds(12 * 60)
    stage.real.put_cluster(ClusterRecord("new", 8, stage.clock.now(), load=1.5))
    for size in ((80, 24), (120, 40), (200, 60)):
        async with stage.app().run_test(size=size) as pilot:
            app = app_of(pilot)
            await settled(pilot, lambda: len(app.view.clusters.table.rows) == 2)  # noqa: B023
            await pilot.press("3")
            text = await shows(pilot, "old", "12m")
            assert next(line for line in text.splitlines() if "old " in line).count("12m") == 1
            old, new = (app.view.clusters.table.rows.at(n) for n in (1, 0))
            styles = {column.title: column.cell(old).style for column, _ in app.view.clusters.table._shown}
            assert {styles["NAME"], styles["LOAD"], styles["SLOTS"]} == {"low"}
            assert "low" not in {column.cell(new).style for column, _ in app.view.clusters.table._shown}


async def test_each_panel_says_its_own_age_and_is_dimmed_where_its_turn_is_overdue(stage: Stage) -> None:
    stage.busy()
    async with stage.app().run_test(size=(120, 40)) as pilot:
        app = app_of(pilot)
        await settled(pilot, lambda: len(app.view.queue.table.rows) == 30)
        stage.refresh_seconds = 60.0
        await pilot.pause(0.3)

        def look(**ages: float) -> dict[str, tuple[str, bool]]:
            """The store was looked at now, some panels had their turn so many seconds ago."""
            now = stage.clock.now()
            read_at = {name: now - int(seconds * 1e6) for name, seconds in ages.items()}
            app.follower.seen = Delta(now, read_at=read_at)
            app.tick()
            return {str(p.id): (str(p.border_subtitle or ""), p.has_class("-stale")) for p in app.view.panels}

        fresh = ("", False)
        assert look() == dict.fromkeys(("queue", "locks", "clusters", "alerts"), fresh)
        stage.pass_seconds(17)
        assert look(clusters=1)["clusters"] == fresh, "sixteen seconds lie between its turns"
        stage.pass_seconds(16)
        told = look(clusters=17, alerts=4)
        assert told == {"queue": fresh, "locks": fresh, "clusters": ("15s old", False), "alerts": fresh}
        stage.pass_seconds(20)
        assert look(clusters=37)["clusters"] == ("stale, 35s old", True), "its next turn is overdue"
        assert "35s old" in await shows(pilot, "35s old")
        assert look()["clusters"] == fresh


async def test_a_filter_counts_what_it_shows(stage: Stage) -> None:
    stage.busy()
    async with stage.app().run_test(size=(120, 40)) as pilot:
        await settled(pilot, lambda: len(app_of(pilot).view.queue.table.rows) == 30)
        await pilot.press("slash", *"zzzz", "enter")
        assert "all 0 of 30" in await shows(pilot, "nothing matches")
        await pilot.press("escape", "slash", *"hg2", "enter")
        await shows(pilot, f"all {len(app_of(pilot).view.queue.table.rows)} of 30")
        stage.register("another-hg2")
        await shows(pilot, f"all {len(app_of(pilot).view.queue.table.rows) + 1} of 31")


def test_at_eighty_columns_every_change_is_in_the_footer() -> None:
    for width, wanted in ((80, "P prio"), (120, "P priority")):
        shown: list[Text] = []

        class Bar(KeyBar):
            size = type("Size", (), {"width": width})()

            def update(self, content: Any = "", *, layout: bool = True) -> None:
                shown.append(content)  # noqa: B023

        Bar().show(ACTIONS, frozenset({ANYWHERE, WORKSETS}), writable=True)
        assert wanted in shown[0].plain
        assert shown[0].plain.rstrip().endswith("q quit")
        assert shown[0].cell_len <= width


async def test_the_palette_knows_every_verb_and_every_workset(stage: Stage) -> None:
    stage.busy()
    async with stage.app().run_test(size=(120, 40)) as pilot:
        app = app_of(pilot)
        await settled(pilot, lambda: len(app.view.queue.table.rows) == 30)
        await pilot.press("slash", *"hg2", "enter", "colon")
        await shows(pilot, "Put it back into the queue")
        await pilot.press(*"RUN009")
        await shows(pilot, "go to RUN009-HG333")
        await pilot.press("enter")
        await settled(pilot, lambda: app.view.queue.selected() == "RUN009-HG333")
        assert app.view.queue.filter_text == ""
        await pilot.press("ctrl+p", *"help")
        await shows(pilot, "This page")
        await pilot.press("enter")
        await shows(pilot, "One row")


async def test_the_hints_of_an_empty_store_lead_to_this_one(stage: Stage) -> None:
    stage.store_url = "sqlite:/a folder/x.db"
    for size in ((80, 24), (120, 40)):
        async with stage.app().run_test(size=size) as pilot:
            text = await shows(pilot, "The store is empty", "export WSMON_STORE__URL='sqlite:/a folder/x.db'")
            assert "wsmon register ID --bucket B --prefix P" in text
            block = text[text.index("The store is empty") : text.index("PRIO")].splitlines()
            lines = [line.split("││")[0].lstrip("│") for line in block[1:-1]]
            assert all(line.startswith("    ") for line in lines if line.strip()), "a line is cut, never wrapped"

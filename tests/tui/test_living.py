"""The screen under load and through trouble: place kept, filter kept, store away and back."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.strip import Strip

from tests.tui.stage import HOSTILE, Stage, screen_text, settled
from tui.app import WsmonApp
from wsmon.domain.states import WorksetPriority, WorksetState
from wsmon.domain.workset import Row
from wsmon.services.live import Delta


def app_of(pilot: Pilot[Any]) -> WsmonApp:
    assert isinstance(pilot.app, WsmonApp)
    return pilot.app


async def test_cursor_and_scroll_stay_on_their_row_through_every_refresh(stage: Stage) -> None:
    draw = random.Random(1)
    for n in range(120):
        stage.register(f"w{n:03}", draw.choice(["urgent", "normal", "low"]))
    async with stage.app().run_test(size=(120, 40)) as pilot:
        table = app_of(pilot).view.queue.table
        await settled(pilot, lambda: len(table.rows) == 120)
        await pilot.press(*"jjjjjjjj", "pagedown", "pagedown")
        key = app_of(pilot).view.queue.selected()
        line = table.cursor - table.scroll_offset.y
        for n in range(60):
            victim = f"w{draw.randrange(120):03}"
            if victim == key:
                continue
            match n % 3:
                case 0:
                    stage.filler.set_priority(victim, draw.choice(list(WorksetPriority)))
                case 1:
                    stage.register(f"new{n:03}", "urgent")
                case 2 if stage.filler.get(victim).state is WorksetState.READY:
                    stage.filler.ignore(victim)
            if n % 10 == 0:
                await pilot.pause(0.06)
        await settled(pilot, lambda: len(app_of(pilot).view.rows) == 140)
        assert app_of(pilot).view.queue.selected() == key
        assert table.cursor - table.scroll_offset.y == line
        # A thousand more, as the follower tells them, with the filter, the marks and an order of one's own.
        app_of(pilot).take_filter("!nothing")
        table.order_by("PRIO", downwards=True)
        await pilot.press("space", "space", "space")
        marked, key, line = (
            list(table.marked),
            app_of(pilot).view.queue.selected(),
            table.cursor - table.scroll_offset.y,
        )
        rows, stays = dict(app_of(pilot).view.rows), {*marked, key}
        for n in range(1000):
            at = stage.clock.now() + n
            _take_hostile(app_of(pilot), rows, stays, draw, at)
            if n % 200 == 0:
                await pilot.pause()
        assert app_of(pilot).view.queue.selected() == key
        assert table.cursor - table.scroll_offset.y == line
        assert list(table.marked) == marked
        assert (table.sorted_by, table.downwards) == ("PRIO", True)
        assert app_of(pilot).view.queue.filter_text == "!nothing"
        await pilot.pause()
        assert str(key) in screen_text(pilot.app).splitlines()[table.region.y + 1 + line]


def _take_hostile(app: WsmonApp, rows: dict[str, Row], stays: set[str | None], draw: random.Random, at: int) -> None:
    """Some worksets change in everything, one comes under a name that would like to be more, one goes."""
    victims = [name for name in draw.sample(sorted(rows), 8) if name not in stays]
    changed = {
        name: replace(
            rows[name],
            state=draw.choice(list(WorksetState)[:8]),
            priority=draw.choice(list(WorksetPriority)),
            rev=rows[name].rev + 1,
            error=HOSTILE,
            updated_at=at,
        )
        for name in victims[1:]
    }
    new = f"[red]{at % 977:03}{HOSTILE}"
    changed[new] = Row(new, WorksetState.READY, draw.choice(list(WorksetPriority)), 1, at, at)
    gone = victims[0] if len(rows) > 200 else ""
    rows.update(changed)
    rows.pop(gone, None)
    app.view.take(Delta(at, changed, frozenset([gone] if gone else [])))


async def test_a_row_that_leaves_hands_the_cursor_to_its_neighbour(stage: Stage) -> None:
    for n in range(5):
        stage.register(f"w{n}")
    async with stage.app().run_test(size=(120, 40)) as pilot:
        app = app_of(pilot)
        await settled(pilot, lambda: len(app.view.queue.table.rows) == 5)
        await pilot.press("j", "j")
        assert app.view.queue.selected() == "w2"
        stage.filler.delete("w2")
        stage.filler.purge("w2")
        await settled(pilot, lambda: len(app.view.queue.table.rows) == 4)
        assert app.view.queue.selected() == "w3"


async def test_filter_and_states(stage: Stage) -> None:
    stage.busy()
    async with stage.app().run_test(size=(120, 40)) as pilot:
        app = app_of(pilot)
        table = app.view.queue.table
        await settled(pilot, lambda: len(table.rows) == 30)
        await pilot.press("slash", *"ERROR", "space", *"!hg39")
        await pilot.pause()
        assert len(table.rows) == 1
        await pilot.press("enter")
        assert app.focused is table
        stage.register("error-named")
        await settled(pilot, lambda: len(table.rows) == 2)
        await pilot.press("escape")
        assert len(table.rows) == 31
        seen = []
        for _ in range(9):
            await pilot.press("right")
            seen.append(len(table.rows))
        assert sum(seen[:-1]) == seen[-1] == 31
        await pilot.press("left")
        assert len(table.rows) == 1


async def test_an_outage_is_told_data_stays_and_it_recovers_by_itself(stage: Stage) -> None:
    stage.busy()
    async with stage.app().run_test(size=(120, 40)) as pilot:
        app = app_of(pilot)
        await settled(pilot, lambda: len(app.view.queue.table.rows) == 30)
        stage.store.cut = True
        await settled(pilot, lambda: bool(app.status.trouble))
        assert len(app.view.queue.table.rows) == 30
        assert app.view.queue.has_class("-stale")
        text = screen_text(app)
        assert "does not answer" in text
        assert "trying again in" in text
        stage.store.cut = False
        stage.register("after-the-outage")
        app.follower.look_now()
        await settled(pilot, lambda: "after-the-outage" in app.view.rows)
        assert not app.view.queue.has_class("-stale")
        assert not app.status.trouble


async def test_a_store_that_is_away_at_the_start(stage: Stage) -> None:
    stage.busy()
    stage.store.cut = True
    async with stage.app().run_test(size=(80, 24)) as pilot:
        app = app_of(pilot)
        for _ in range(200):
            await pilot.pause(0.02)
            if app.status.trouble:
                break
        assert "no store" in screen_text(app)
        stage.store.cut = False
        app.follower.look_now()
        await settled(pilot, lambda: len(app.view.queue.table.rows) == 30)


async def test_an_empty_store_says_what_to_type(stage: Stage) -> None:
    async with stage.app().run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        text = screen_text(app_of(pilot))
        for command in ("wsmon register", "wsmon import folder", "wsmon demo", "wsmon monitor"):
            assert command in text
        stage.register("first")
        await settled(pilot, lambda: len(app_of(pilot).view.queue.table.rows) == 1)
        assert "wsmon demo" not in screen_text(app_of(pilot))


@pytest.mark.parametrize("size", [(20, 6), (80, 24), (200, 60)])
async def test_hostile_text_is_only_text(stage: Stage, size: tuple[int, int]) -> None:
    stage.hostile()
    async with stage.app().run_test(size=size) as pilot:
        app = app_of(pilot)
        await settled(pilot, lambda: len(app.view.queue.table.rows) == 5)
        for keys in (["1"], ["2"], ["3"], ["4"], ["1", "G", "enter"]):
            await pilot.press(*keys)
            await pilot.pause(0.05)
            text = screen_text(app)
            assert not set(text) & set("\x1b\x07\r\u202e")
        await pilot.press("escape")
        app.view.flash.say(HOSTILE, refused=True)
        await pilot.pause(0.1)
        assert "\x1b" not in screen_text(app)


async def test_resizing_keeps_cursor_and_filter(stage: Stage) -> None:
    for n in range(60):
        stage.register(f"w{n:02}")
    async with stage.app().run_test(size=(200, 60)) as pilot:
        app = app_of(pilot)
        await settled(pilot, lambda: len(app.view.queue.table.rows) == 60)
        await pilot.press("slash", "w", "enter", *"jjjjjjjjjjjjjjjjjjjj")
        key = app.view.queue.selected()
        for size in ((80, 24), (30, 8), (120, 40), (80, 24)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert app.view.queue.selected() == key
            table = app.view.queue.table
            assert table.scroll_offset.y <= table.cursor <= table.scroll_offset.y + table._body_height
            assert app.view.queue.filter_text == "w"


async def test_nothing_is_painted_when_nothing_changed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.busy()
    async with stage.app().run_test(size=(120, 40)) as pilot:
        app = app_of(pilot)
        await settled(pilot, lambda: len(app.view.queue.table.rows) == 30)
        await pilot.pause(0.3)
        painted: list[int] = []
        table = app.view.queue.table
        original = table.render_line

        def render_line(y: int) -> Strip:
            painted.append(y)
            return original(y)

        monkeypatch.setattr(table, "render_line", render_line)
        updates: list[object] = []
        monkeypatch.setattr(app.view.status_bar, "update", updates.append)
        await pilot.pause(1.3)
        assert (painted, updates) == ([], [])
        await pilot.press("j")
        await pilot.pause()
        assert len(set(painted)) == 2
        painted.clear()
        stage.filler.set_priority("RUN001-HG037", WorksetPriority.LOW)
        await settled(pilot, lambda: app.view.rows["RUN001-HG037"].priority is WorksetPriority.LOW)
        assert len(set(painted)) <= 30


def test_twenty_thousand_rows_are_loaded_and_moved_in_like_twenty(tmp_path: Path) -> None:
    from tui.panels.queue import QueuePanel

    rows = {f"w{n}": Row(f"w{n}", WorksetState.READY, WorksetPriority.NORMAL, 1, n, n) for n in range(20_000)}
    panel = QueuePanel()
    panel.table.rows.load(rows.values())
    assert len(panel.table.rows) == 20_000
    assert panel.table.rows.find("w19999") == 19_999
    moved = Row("w19999", WorksetState.READY, WorksetPriority.URGENT, 2, 5, 19_999)
    panel.table.rows.apply({"w19999": moved}, ["w3"])
    assert (panel.table.rows.find("w19999"), panel.table.rows.find("w3")) == (0, None)
    assert panel.table.rows.key_at(1) == "w0"

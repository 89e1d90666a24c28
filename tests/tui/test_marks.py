"""Marks, order and columns stay with their rows; a verb on several is asked once, done one by one and told one by one."""

from __future__ import annotations

from typing import Any

from textual.pilot import Pilot
from textual.widgets import Button, Input

from tests.tui.changes import text_of
from tests.tui.stage import Stage, screen_text, settled
from tests.tui.test_actions import app_of, asked, confirm, said
from tui.screens.confirm import Confirm
from tui.screens.results import Results
from wsmon.domain.states import WorksetPriority, WorksetState

S = WorksetState


def failed(stage: Stage, *names: str) -> None:
    for name in names:
        stage.register(name)
        stage.fail(name, "data", f"{name} is bad")
        stage.pass_seconds(60)


async def test_marks_stay_with_their_rows_whatever_moves_them(stage: Stage) -> None:
    for name in "abcdef":
        stage.register(name)
    async with stage.app().run_test(size=(120, 40)) as pilot:
        view = app_of(pilot).view
        table = view.queue.table
        await settled(pilot, lambda: len(table.rows) == 6)
        await pilot.press("space", "j", "j", "V")
        assert list(table.marked) == ["a", "b", "c", "d"]
        stage.filler.set_priority("b", WorksetPriority.LOW)
        await settled(pilot, lambda: table.rows.find("b") == 5)
        await pilot.press("g", "space", "o", "slash", *"id:a", "enter")
        assert list(table.marked) == ["b", "c", "d"]
        assert "3 marked" in screen_text(pilot.app)
        await pilot.press("escape", "backslash")
        assert not table.marked
        assert "marked" not in screen_text(pilot.app)


async def test_a_verb_on_several_names_them_and_wants_their_number(stage: Stage) -> None:
    failed(stage, "a", "b", "c")
    stage.register("ready")
    async with stage.app().run_test(size=(120, 40)) as pilot:
        table = app_of(pilot).view.queue.table
        await settled(pilot, lambda: len(table.rows) == 4)
        await pilot.press("g", "V", "G", "V", "slash", *"id:b", "enter")
        await pilot.press("R")
        await asked(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, Confirm)
        shown = text_of(screen)
        for part in (
            "Requeue 3 worksets?",
            "a (hidden)",
            "c (hidden)",
            "version 4",
            "left out: ready is ready",
            "hides",
        ):
            assert part in shown
        screen.query_one("#confirm-reason", Input).value = "mended"
        screen.query_one("#choice-0", Button).press()
        await pilot.pause()
        assert isinstance(pilot.app.screen, Confirm), "the number was not typed"
        stage.filler.ignore("b", reason="somebody else")
        screen.query_one("#confirm-typed", Input).value = "3"
        screen.query_one("#choice-0", Button).press()
        await settled(pilot, lambda: isinstance(pilot.app.screen, Results))
        text = screen_text(pilot.app)
        for part in ("2 done, 1 not", "✗ b changed since you looked", "error → ignored", "✓ a: requeue done", "✓ c:"):
            assert part in text
        assert [stage.filler.get(name).state for name in "abc"] == [S.READY, S.IGNORED, S.READY]
        await pilot.press("escape")
        assert sorted(table.marked) == ["b", "ready"], "what failed, and what was left out, stays marked"


async def test_a_verb_that_fits_none_of_several_says_so(stage: Stage) -> None:
    stage.register("a")
    stage.register("b")
    async with stage.app().run_test(size=(120, 40)) as pilot:
        await settled(pilot, lambda: len(app_of(pilot).view.queue.table.rows) == 2)
        await pilot.press("space", "space", "U")
        await settled(pilot, lambda: "none of the 2" in said(pilot))
        assert not isinstance(pilot.app.screen, Confirm)


def ids(pilot: Pilot[Any]) -> list[str]:
    rows = app_of(pilot).view.queue.table.rows
    return [rows.key_at(n) for n in range(len(rows))]


async def test_order_by_column_reversed_and_kept_for_the_store(stage: Stage) -> None:
    for name, samples in (("b", 12), ("a", 3), ("c", 9)):
        stage.register(name, samples=samples)
    async with stage.app().run_test(size=(120, 40)) as pilot:
        await settled(pilot, lambda: len(ids(pilot)) == 3)
        await pilot.press("j")
        assert app_of(pilot).view.queue.selected() == "b"
        await pilot.press("o", "o", "o")
        assert (ids(pilot), "ID▲" in screen_text(pilot.app)) == (["a", "b", "c"], True)
        await pilot.press("O")
        assert (ids(pilot), "ID▼" in screen_text(pilot.app)) == (["c", "b", "a"], True)
        assert app_of(pilot).view.queue.selected() == "b", "the cursor stays on its row"
        stage.register("d")
        await settled(pilot, lambda: ids(pilot) == ["d", "c", "b", "a"])
        app_of(pilot).view.queue.table.choose(["ID", "SAMPLES"])
        await pilot.press("o")
        assert ids(pilot) == ["a", "c", "b", "d"], "who has none comes last"
    async with stage.app().run_test(size=(120, 40)) as pilot:
        await settled(pilot, lambda: ids(pilot) == ["a", "c", "b", "d"])
        assert "SAMPLE▲" in screen_text(pilot.app)
        await pilot.press("o")
        assert ids(pilot) == ["a", "b", "c", "d"], "the usual order comes behind the last column"


async def test_columns_are_chosen_in_a_list(stage: Stage) -> None:
    stage.register("w", samples=5)
    async with stage.app().run_test(size=(120, 40)) as pilot:
        await settled(pilot, lambda: len(ids(pilot)) == 1)
        await pilot.press("C")
        await pilot.pause()
        assert "[x] PRIO" in screen_text(pilot.app)
        assert "[ ] SAMPLES" in screen_text(pilot.app)
        await pilot.press("space", *"jjjjjjjjj", "space", "enter")
        titles = [column.title for column in app_of(pilot).view.queue.table.shown_columns()]
        assert "PRIO" not in titles
        assert "SAMPLES" in titles
        await pilot.press("C")
        await pilot.pause()
        await pilot.press("u")
        await pilot.pause()
        assert "PRIO" in screen_text(pilot.app)


async def test_the_confirm_of_one_is_as_before(stage: Stage) -> None:
    failed(stage, "a")
    async with stage.app().run_test(size=(120, 40)) as pilot:
        await settled(pilot, lambda: len(ids(pilot)) == 1)
        await pilot.press("space")
        assert "Requeue a?" in await confirm(pilot, "R", "again")
        await settled(pilot, lambda: stage.filler.get("a").state is S.READY)
        await settled(pilot, lambda: not app_of(pilot).view.queue.table.marked)

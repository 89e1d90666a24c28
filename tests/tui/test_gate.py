"""Writes on a shared store are armed first, for a while; keys are one's own; what is set is kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from textual.widgets import Button, Input

from tests.tui.stage import Stage, StillClock, screen_text, settled
from tests.tui.test_actions import app_of, asked, confirm, said
from tui.actions import ACTIONS, of, remapped
from tui.kept import Kept, state_file
from tui.screens.confirm import Confirm
from wsmon.domain.errors import NotArmed, ReadOnly
from wsmon.domain.states import WorksetState
from wsmon.services.arming import Gate
from wsmon.services.commands import Commands


def test_no_path_leads_around_the_gate(stage: Stage) -> None:
    stage.register("w")
    clock, gate = StillClock(), Gate(60)
    commands = Commands(stage.real, clock, "ada@node", gate=gate)
    for said_by in (commands, commands.acting_as("bob"), commands.given(reason="x")):
        with pytest.raises(NotArmed, match="W arms them for 1 minutes"):
            said_by.ignore("w")
    with pytest.raises(ReadOnly):
        Commands(stage.real, clock, "ada@node", writable=False, gate=gate).arm()
    assert not gate.armed(clock)
    commands.arm()
    clock.sleep(59)
    commands.ignore("w")
    clock.sleep(2)
    with pytest.raises(NotArmed):
        commands.requeue("w", reason="again")
    assert stage.filler.get("w").state is WorksetState.IGNORED


async def test_a_shared_store_is_armed_by_a_key_and_disarms_itself(tmp_path: Path) -> None:
    stage = Stage(tmp_path, gate=Gate(900))
    stage.register("w")
    async with stage.app().run_test(size=(120, 40)) as pilot:
        await settled(pilot, lambda: len(app_of(pilot).view.queue.table.rows) == 1)
        assert "writes off" in screen_text(pilot.app)
        await pilot.press("I")
        await settled(pilot, lambda: "W arms them" in said(pilot))
        assert not isinstance(pilot.app.screen, Confirm)
        await confirm(pilot, "W")
        await settled(pilot, lambda: "armed for 15 minutes" in said(pilot))
        app_of(pilot).tick()
        await settled(pilot, lambda: "ARMED 15m" in screen_text(pilot.app))
        await confirm(pilot, "I", "no need")
        await settled(pilot, lambda: stage.filler.get("w").state is WorksetState.IGNORED)
        stage.pass_seconds(901)
        app_of(pilot).tick()
        await settled(pilot, lambda: "writes off" in screen_text(pilot.app))
        await pilot.press("R")
        await settled(pilot, lambda: "W arms them" in said(pilot))
        await confirm(pilot, "W")
        await pilot.press("W")
        await settled(pilot, lambda: "writes are off again" in said(pilot))
    stage.close()


async def test_production_wants_its_name_typed(tmp_path: Path) -> None:
    stage = Stage(tmp_path, production="prod-worksets")
    stage.register("w")
    async with stage.app().run_test(size=(120, 40)) as pilot:
        await settled(pilot, lambda: len(app_of(pilot).view.queue.table.rows) == 1)
        assert app_of(pilot).theme == "production"
        await pilot.press("I")
        await asked(pilot)
        screen = pilot.app.screen
        for typed, left in (("prod", False), ("prod-worksets", True)):
            screen.query_one("#confirm-typed", Input).value = typed
            screen.query_one("#choice-0", Button).press()
            await pilot.pause()
            assert (not isinstance(pilot.app.screen, Confirm)) is left
        await settled(pilot, lambda: stage.filler.get("w").state is WorksetState.IGNORED)
    stage.close()


def test_keys_of_ones_own_and_what_of_them_cannot_be() -> None:
    actions, problems = remapped({"requeue": "Q", "down": "J,down", "zoom": "m"})
    assert not problems
    assert [of(name, actions).keys for name in ("requeue", "down", "zoom", "up")] == ["Q", "J,down", "m", "k,up"]
    for chosen, problem in (
        ({"requeue": "I"}, "keys.requeue: I is ignore's"),
        ({"requeue": "ctrl+z"}, "keys.requeue: ctrl+z belongs to the terminal"),
        ({"fly": "x"}, "keys.fly is no action"),
    ):
        actions, problems = remapped(chosen)
        assert actions == ACTIONS
        assert len(problems) == 1
        assert problem in problems[0]
    swapped, problems = remapped({"requeue": "I", "ignore": "R"})
    assert not problems
    assert (of("requeue", swapped).keys, of("ignore", swapped).keys) == ("I", "R")


async def test_the_settings_keys_are_the_keys_and_a_conflict_is_told_at_the_start(tmp_path: Path) -> None:
    stage = Stage(tmp_path, keys={"ignore": "Q", "zoom": "j"})
    stage.register("w")
    async with stage.app().run_test(size=(120, 40)) as pilot:
        await settled(pilot, lambda: "keys.zoom: j is down's" in said(pilot))
        await pilot.press("down")
        assert "Q ignore" in screen_text(pilot.app)
        await pilot.press("I")
        await pilot.pause(0.2)
        assert not isinstance(pilot.app.screen, Confirm)
        await confirm(pilot, "Q", "no need")
        await settled(pilot, lambda: stage.filler.get("w").state is WorksetState.IGNORED)
    stage.close()


def test_what_is_kept_survives_and_rubbish_harms_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x" / "screen.json"
    kept = Kept(path)
    kept.open_store("sqlite:a")
    kept.keep_text("theme", "tritanopia")
    kept.keep_table("queue", ["ID"], "ID", down=True)
    kept.keep_filter("mine", "prio:urgent")
    again = Kept(path)
    assert again.text("theme") == "tritanopia", "before a store is open: the last one anywhere"
    again.open_store("sqlite:b")
    assert (again.text("theme"), again.table("queue")) == ("", (None, None, False))
    again.open_store("sqlite:a")
    assert (again.table("queue"), again.filters()) == ((["ID"], "ID", True), {"mine": "prio:urgent"})
    for rubbish in ("", "[1]", "{", '{"stores": [], "filters": 3, "last": {"theme": 5}}', "\x00"):
        path.write_text(rubbish)
        broken = Kept(path)
        assert (broken.text("theme"), broken.filters()) == ("", {})
        broken.open_store("s")
        broken.keep_text("theme", "x")
        assert json.loads(path.read_text())["stores"]["s"]["theme"] == "x"
    shut = Kept(Path("/proc/nowhere/screen.json"))
    shut.keep_text("theme", "x")
    assert "cannot be kept" in shut.problem
    assert state_file({"XDG_STATE_HOME": "/s"}) == Path("/s/wsmon/screen.json")
    assert state_file({"XDG_STATE_HOME": "relative"}).is_absolute()

"""Every row of the action table, by each of its keys: it does what it says, asks when it must, is refused when read-only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.tui import changes, rows, settings_rows
from tests.tui.seat import CHECKS, Seat
from tests.tui.stage import Stage, settled
from tui.actions import ACTIONS, ALERTS, CLUSTERS
from tui.screens.confirm import Confirm
from wsmon.services.arming import Gate

SIZE = (100, 24)
"""The smallest on which all panels are seen: what is painted here costs more than all the rest."""
assert changes
assert rows
assert settings_rows  # they fill the table of checks


def test_every_row_has_its_check_and_every_check_its_row() -> None:
    assert CHECKS.keys() == {action.name for action in ACTIONS}


@pytest.mark.ci
async def test_every_row_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    stage = filled(Stage(tmp_path, gate=Gate(900)))
    stage.log = "all is well\nand ends\n"
    async with stage.app().run_test(size=SIZE) as pilot:
        seat = Seat(pilot, stage)
        await settled(pilot, lambda: len(seat.app.view.queue.table.rows) > 60)
        for action in ACTIONS:
            for key in action.keys.split(","):
                await seat.home()
                try:
                    await CHECKS[action.name](seat, key)
                except Exception as error:
                    error.add_note(f"the row {action.name}, the key {key}")
                    raise
    stage.close()


@pytest.mark.ci
async def test_every_row_that_changes_is_refused_when_read_only(tmp_path: Path) -> None:
    stage = filled(Stage(tmp_path, writable=False))
    before = everything(stage)
    async with stage.app().run_test(size=SIZE) as pilot:
        seat = Seat(pilot, stage)
        await settled(pilot, lambda: len(seat.app.view.queue.table.rows) > 60)
        for action in ACTIONS:
            for key in action.keys.split(",") if action.changes else ():
                await seat.panel({ALERTS: 4, CLUSTERS: 3}.get(action.scope, 1))
                seat.app.say("")
                await pilot.press(key)
                assert "read-only" in seat.said, action.name
                assert not isinstance(pilot.app.screen, Confirm)
    assert everything(stage) == before
    stage.close()


def filled(stage: Stage) -> Stage:
    """A working day, and more rows than a page."""
    for number in range(40):
        stage.register(f"early{number:02}")
    return stage.busy()


def everything(stage: Stage) -> tuple[Any, ...]:
    """What can be changed from the screen."""
    real = stage.real
    return (
        [workset.rev for workset in map(stage.filler.get, ids(stage))],
        real.alerts(),
        real.silences(),
        real.clusters(),
    )


def ids(stage: Stage) -> list[str]:
    return sorted(row.workset_id for state in stage.real.tallies() for row in stage.filler.rows(state))

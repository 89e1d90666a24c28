"""Two systems side by side on one bucket: what the other works on, or has ended, is left to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.s3.conftest import PREFIX, Shelf
from tests.services.world import CLOCK, SilentLog, World
from wsmon import wiring_folders
from wsmon.domain.errors import OutsideError
from wsmon.domain.states import ErrorCategory, WorksetState
from wsmon.domain.times import isoformat
from wsmon.engine import open_engine
from wsmon.services.config import MonitorConfig
from wsmon.services.discovery import Discovery, Mirror
from wsmon.services.elsewhere import elsewhere
from wsmon.settings import load_settings

S = WorksetState
LATER = "2031-01-01T00:00:00Z"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def discovered(world: World, shelf: Shelf) -> Mirror:
    shelf.add("one")
    Discovery(shelf.catalog(), world.commands, world.log).step()
    return Mirror(shelf.sentinels(), world.store, CLOCK, world.log, shelf.name)


def by_others(shelf: Shelf, word: str, at: str = LATER) -> None:
    shelf.put(f"{PREFIX}/one/daylily.{word}", at)


def asked(world: World, shelf: Shelf) -> Any:
    return elsewhere(shelf.sentinels(), world.store, world.get("one"))


@pytest.mark.parametrize("word", ["lock", "in_progress"])
def test_what_the_other_took_is_not_taken_from_it(world: World, shelf: Shelf, word: str) -> None:
    mirror = discovered(world, shelf)
    by_others(shelf, word)  # between the scan and the first look of the mirror, which would write `ready`
    assert mirror.step() == 0
    assert shelf.words("one") == {"ready", word}
    assert shelf.text("one", word) == LATER
    assert world.log.told("sentinel left to another system")
    found = asked(world, shelf)
    assert found.working
    assert f"daylily.{word}" in found.why


def test_what_the_other_has_ended_since_is_not_run_again_unless_somebody_says_so(world: World, shelf: Shelf) -> None:
    mirror = discovered(world, shelf)
    by_others(shelf, "complete")
    assert not asked(world, shelf).working
    assert mirror.step() == 0
    by_others(shelf, "complete", "2026-01-01T00:00:00Z")  # before it was queued here
    assert asked(world, shelf) is None
    by_others(shelf, "complete", "some day")
    assert asked(world, shelf) is None


def test_ones_own_sentinels_are_in_nobodys_way(world: World, shelf: Shelf) -> None:
    mirror, commands = discovered(world, shelf), world.commands
    token = commands.acquire("one", holder="m", seconds=60).token
    commands.start("one", token=token)
    mirror.step()
    assert asked(world, shelf) is None
    commands.fail("one", token=token, category=ErrorCategory.DATA, details="x")
    mirror.step()
    assert shelf.words("one") >= {"error"}
    assert asked(world, shelf) is None
    commands.requeue("one", reason="again")
    assert mirror.step() == 1
    assert shelf.words("one") == {"ready"}


def test_a_monitor_asks_before_a_start(world: World, shelf: Shelf, tmp_path: Path) -> None:
    discovered(world, shelf)
    file = tmp_path / "wsmon.toml"
    file.write_text(
        f'[store]\nurl = "sqlite:{tmp_path}/wsmon.db"\nregion = "us-east-1"\n[catalog]\nbucket = "{shelf.name}"\n'
        f'prefix = "{PREFIX}"\nendpoint_url = "{shelf.endpoint}"\nmirror_sentinels = true\nvalidate_before_run = false\n'
    )
    opened = open_engine(load_settings(file).settings)
    _, problems = wiring_folders.catalog(opened, SilentLog(), MonitorConfig("m1", "local", 1))
    assert problems is not None
    monitor = world.monitor(problems=problems)
    by_others(shelf, "lock")
    with pytest.raises(OutsideError, match="another system works on its folder"):
        problems(world.get("one"))
    world.drive(monitor, lambda: world.get("one").state is S.RETRYING)
    failure = world.get("one").failure
    assert failure is not None
    assert "another system works" in failure.details
    shelf.bucket.client.delete_object(Bucket=shelf.name, Key=f"{PREFIX}/one/daylily.lock")
    by_others(shelf, "complete", isoformat(CLOCK.now() + 3_600_000_000)[:19] + "Z")
    world.drive(monitor, lambda: world.get("one").state is S.ERROR)
    assert world.lines() == [], "nothing ran"
    opened.close()

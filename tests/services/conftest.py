"""A world for each test, and no run left behind it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.world import CLOCK, World
from wsmon.adapters.runner import LocalRunner


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.store.close()
    for place in tmp_path.glob("*/place.json"):
        runner = LocalRunner(place.parent, CLOCK)
        for workset_id, run in runner.live_runs():
            runner.stop(workset_id, run, force=True)

"""A runner for each test, and no run left behind it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runner.runs import CLOCK
from wsmon.adapters.runner import LocalRunner


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[LocalRunner]:
    made = LocalRunner(tmp_path / "runs", CLOCK)
    yield made
    if (tmp_path / "runs" / "place.json").exists():
        left = LocalRunner(tmp_path / "runs", CLOCK)
        for workset_id, run in left.live_runs():
            left.stop(workset_id, run, force=True)

"""Some seeds in every run of the suite; `make simulate` runs more."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.running import run_seed, shrink
from tests.simulation.world import Plan
from wsmon.domain import change as changes

SEEDS = 20
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_invariant_holds(seed: int) -> None:
    outcome = run_seed(Plan(seed))
    assert outcome.invariant is None, (
        f"{outcome.invariant}: {outcome.text}\nagain: python -m tests.simulation --seed {seed}"
    )


def test_a_seed_gives_the_same_events_again_in_another_process() -> None:
    code = "from tests.simulation.running import *; print(run_seed(Plan(7)).digest)"
    digests = set()
    for hash_seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
        )
        digests.add(done.stdout.strip())
    assert digests == {run_seed(Plan(7)).digest}
    assert run_seed(Plan(8)).digest not in digests


def test_a_broken_core_is_caught_made_smaller_and_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes.Change, "tally", property(lambda _: {}))
    outcome = run_seed(Plan(3))
    assert outcome.invariant == "tallies equal a count"
    smaller = shrink(Plan(3), outcome.invariant)
    assert len(smaller.without) > 20
    assert smaller.worksets == 1
    assert run_seed(smaller).invariant == outcome.invariant

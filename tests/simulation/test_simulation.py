"""Some seeds in every run of the suite; `make simulate` runs more."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.running import minimal_trace, run_seed, shrink
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


def printed(seed: int, hash_seed: str) -> list[str]:
    """What `--seed` prints, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--seed", str(seed), "--minutes", "8"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
    )
    return done.stdout.splitlines()


def test_a_seed_gives_the_same_trace_again_in_another_process() -> None:
    first, second = printed(7, "1"), printed(7, "2")
    assert first == second
    here = run_seed(Plan(7, minutes=8, keep_all=True), trace=True)
    assert first[: len(here.trace)] == list(here.trace)
    assert len(here.trace) > 100
    assert here.digest in first[-2]
    assert run_seed(Plan(8, minutes=8)).digest != here.digest


def test_a_broken_core_is_caught_made_smaller_and_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes.Change, "tally", property(lambda _: {}))
    outcome = run_seed(Plan(3), trace=True)
    assert outcome.invariant == "tallies equal a count"
    smaller = shrink(Plan(3), outcome.invariant)
    assert len(smaller.without) > 20
    assert smaller.worksets == 1
    lines = minimal_trace(smaller)
    assert lines == minimal_trace(smaller)
    assert lines[-2] == f"BROKEN: {outcome.invariant}"
    assert "register w00 seq 1" in lines[-3], "the write that broke it comes last"
    assert len(lines) < 10

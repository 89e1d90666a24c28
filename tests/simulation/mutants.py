"""`make mutants`: each deliberate breakage of the core must be caught by some invariant within so many seeds.

A mutant is a unified diff in `mutants/`. It is applied to a copy of the tree and simulated in a process of its own
until the first catch. A patch that no longer applies is a failure too: it proves nothing any more.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATCHES = Path(__file__).parent / "mutants"
TREE = ("wsmon", "tests/__init__.py", "tests/simulation")
_HUNT = """
import sys
from tests.simulation.running import run_seed
from tests.simulation.world import Plan
for seed in range(int(sys.argv[1])):
    outcome = run_seed(Plan(seed))
    if outcome.invariant is not None:
        print(f"{seed}\\t{outcome.invariant}")
        break
"""


@dataclass(frozen=True, slots=True)
class Catch:
    """What became of one mutant; seed None: it was not caught, or `problem` says why it could not be tried."""

    name: str
    seed: int | None
    invariant: str
    seconds: float
    problem: str = ""


def hunt(patch: Path, seeds: int) -> Catch:
    """Apply one patch to a copy and simulate until it is caught."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="wsmon-mutant-") as folder:
        tree = Path(folder)
        for name in TREE:
            _copy(ROOT / name, tree / name)
        applied = subprocess.run(
            ["git", "apply", "-C1", "--whitespace=nowarn", str(patch)],
            cwd=tree,
            capture_output=True,
            text=True,
            check=False,
        )
        if applied.returncode:
            return Catch(patch.stem, None, "", 0.0, f"the patch does not apply: {applied.stderr.strip()}")
        done = subprocess.run(
            [sys.executable, "-c", _HUNT, str(seeds)],
            cwd=tree,
            capture_output=True,
            text=True,
            check=False,
            # The copy comes before the package that is installed in place.
            env={**os.environ, "PYTHONPATH": folder, "GIT_CEILING_DIRECTORIES": folder},
        )
    took = time.monotonic() - began
    if done.returncode:
        return Catch(patch.stem, None, "", took, f"the simulation itself failed: {done.stderr.strip()[-400:]}")
    seed, _, invariant = done.stdout.strip().partition("\t")
    return Catch(patch.stem, int(seed) if seed else None, invariant, took)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "mutants"))
    else:
        shutil.copy2(source, target)


def main() -> int:
    """The exit code: 1 where a mutant lives or could not be tried."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", help="these alone")
    parser.add_argument("--seeds", type=int, default=200, help="how many are tried before a mutant counts as alive")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    patches = [p for p in sorted(PATCHES.glob("*.patch")) if not given.names or p.stem in given.names]
    print(f"{'mutant':<44} {'seed':>5} {'seconds':>8}  caught by")
    alive = 0
    with ThreadPoolExecutor(given.jobs) as pool:
        for catch in pool.map(lambda patch: hunt(patch, given.seeds), patches):
            told = catch.invariant or catch.problem or "NOT CAUGHT"
            alive += catch.seed is None
            print(
                f"{catch.name:<44} {'-' if catch.seed is None else catch.seed:>5} {catch.seconds:>8.1f}  {told}",
                flush=True,
            )
    print(f"\n{len(patches) - alive} of {len(patches)} mutants caught within {given.seeds} seeds")
    return 1 if alive or not patches else 0


if __name__ == "__main__":
    sys.exit(main())

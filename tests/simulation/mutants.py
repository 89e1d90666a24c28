"""`make mutants`: each deliberate breakage of the core must be caught by some invariant within so many seeds.

A mutant is a unified diff in `mutants/`. It is applied to a copy of the tree and simulated in a process of its own
until the first catch: the seeds noted in the patch first, then all in order. A patch that no longer applies is a
failure too: it proves nothing any more.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

from tests.simulation.patches import PATCHES, Mutant, copy_tree, mutants

PATIENCE_SECONDS = 900.0
"""A mutant that makes a service go round for ever ends so."""
_HUNT = """
import sys
from tests.simulation.running import run_seed
from tests.simulation.world import Plan
for tried, seed in enumerate(map(int, sys.argv[1:]), 1):
    outcome = run_seed(Plan(seed))
    if outcome.invariant is not None:
        print(seed, tried, outcome.steps, outcome.invariant, sep="\\t")
        break
"""


@dataclass(frozen=True, slots=True)
class Catch:
    """What became of one mutant; seed None: it was not caught, or `problem` says why it could not be tried."""

    mutant: Mutant
    seed: int | None = None
    tried: int = 0
    """How many seeds it took."""
    steps: int = 0
    """How often an actor had its turn until the invariant broke."""
    invariant: str = ""
    seconds: float = 0.0
    problem: str = ""

    @property
    def line(self) -> str:
        """A row of the table."""
        told = self.invariant or self.problem or "NOT CAUGHT"
        caught = ["-"] * 3 if self.seed is None else [str(self.seed), str(self.tried), str(self.steps)]
        shown = "".join(f"{text:>7}" for text in caught)
        return f"{self.mutant.name:<52}{shown}{self.seconds:>7.1f}  {told}\n    breaks: {self.mutant.breaks}"


class Hunt:
    """Tries mutants side by side in folders of their own, all of which are gone afterwards, however it ends."""

    def __init__(self, folder: Path, seeds: int) -> None:
        self._folder, self._seeds = folder, seeds
        self._running: set[subprocess.Popen[str]] = set()
        self._mutex = threading.Lock()
        self._over = False

    def catch(self, mutant: Mutant) -> Catch:
        """Apply one patch to a copy and simulate until it is caught."""
        began = time.monotonic()
        tree = self._folder / mutant.name
        copy_tree(tree)
        problem = mutant.apply(tree)
        if problem:
            return Catch(mutant, problem=f"the patch does not apply: {problem}")
        hints = [seed for seed in mutant.hints if seed < self._seeds]
        seeds = [*hints, *(seed for seed in range(self._seeds) if seed not in hints)]
        code, out, err = self._run(tree, seeds)
        took = time.monotonic() - began
        if code:
            return Catch(mutant, seconds=took, problem=f"the simulation itself failed: {err.strip()[-400:]}")
        if not out.strip():
            return Catch(mutant, seconds=took)
        seed, tried, steps, invariant = out.strip().split("\t")
        return Catch(mutant, int(seed), int(tried), int(steps), invariant, took)

    def _run(self, tree: Path, seeds: Sequence[int]) -> tuple[int, str, str]:
        with self._mutex:
            if self._over:
                return 1, "", "stopped"
            hunter = subprocess.Popen(
                [sys.executable, "-c", _HUNT, *map(str, seeds)],
                cwd=tree,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                # The copy comes before the package that is installed in place.
                env={**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"},
            )
            self._running.add(hunter)
        try:
            out, err = hunter.communicate(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            hunter.kill()
            out, err = hunter.communicate()
            err = f"no end within {PATIENCE_SECONDS:.0f} s"
        with self._mutex:
            self._running.discard(hunter)
        return hunter.returncode, out, err

    def stop(self) -> None:
        """End what runs; nothing new begins."""
        with self._mutex:
            self._over = True
            for hunter in self._running:
                hunter.kill()


def hunt(found: Sequence[Mutant], seeds: int, jobs: int, *, note: bool = False) -> int:
    """The table; how many live, or could not be tried."""
    print(f"{'mutant':<52}{'seed':>7}{'tried':>7}{'steps':>7}{'sec':>7}  caught by")
    alive = 0
    with tempfile.TemporaryDirectory(prefix="wsmon-mutants-", ignore_cleanup_errors=True) as folder:
        hunting = Hunt(Path(folder), seeds)
        with ThreadPoolExecutor(jobs) as pool:
            try:
                for catch in pool.map(hunting.catch, found):
                    alive += catch.seed is None
                    print(catch.line, flush=True)
                    if note and catch.seed is not None and catch.seed not in catch.mutant.hints:
                        catch.mutant.path.write_text(catch.mutant.noted(catch.seed), encoding="utf-8")
            finally:
                hunting.stop()
                pool.shutdown(cancel_futures=True)
    return alive


def _told_to_end(number: int, frame: FrameType | None) -> NoReturn:
    del frame
    signal.signal(number, signal.SIG_IGN)  # `timeout` says it twice, and the second one would stop the tidying up
    raise KeyboardInterrupt


def main() -> int:
    """The exit code: 1 where a mutant lives or could not be tried."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", help="these alone")
    parser.add_argument("--patches", type=Path, default=PATCHES, help="the folder they are in")
    parser.add_argument("--seeds", type=int, default=200, help="how many are tried before a mutant counts as alive")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--note", action="store_true", help="write the seed that caught one into its patch")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, _told_to_end)
    found = [mutant for mutant in mutants(given.patches) if not given.names or mutant.name in given.names]
    began = time.monotonic()
    try:
        alive = hunt(found, given.seeds, given.jobs, note=given.note)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    took = time.monotonic() - began
    print(f"\n{len(found) - alive} of {len(found)} mutants caught within {given.seeds} seeds, in {took:.0f} s")
    return 1 if alive or not found else 0


if __name__ == "__main__":
    sys.exit(main())

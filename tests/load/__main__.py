"""`python -m tests.load`: everybody on one store at once; prints a table, exits 1 where something did not hold.

The sizes stand in the options. Their defaults are over in seconds; `--full` is 100,000 worksets,
20 monitors, 10 screens and 5 API clients for 10 minutes.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import fields
from pathlib import Path

from tests import peers
from tests.load.crowd import Sizes
from tests.load.playing import Verdict, play

SMALL = Sizes(worksets=500, monitors=2, screens=1, clients=1, seconds=10, poll=1.0, refresh=2.0, run_seconds=1.0)
# On two cores 36 processes are tuned to wait for each other, not for the machine.
FULL = Sizes(
    worksets=100_000, monitors=20, screens=10, clients=5, seconds=600, poll=15.0, refresh=8.0, run_seconds=90.0
)


def main() -> int:
    """Play and print."""
    parser = argparse.ArgumentParser(prog="tests.load", description=__doc__)
    parser.add_argument("--full", action="store_true", help="the full figure")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of tables")
    for field in fields(Sizes):
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=type(getattr(SMALL, field.name)))
    given = parser.parse_args()
    base = FULL if given.full else SMALL
    chosen = {f.name: getattr(given, f.name) for f in fields(Sizes) if getattr(given, f.name) is not None}
    sizes = Sizes(**{**{f.name: getattr(base, f.name) for f in fields(Sizes)}, **chosen})
    if why := peers.missing("dynoxide"):
        sys.stderr.write(f"{why}\n")
        return 1
    with tempfile.TemporaryDirectory(prefix="wsmon-load-") as folder:
        verdict = play(sizes, Path(folder), say)
    sys.stdout.write(document(verdict) if given.json else table(verdict))
    return 1 if verdict.broken else 0


def say(text: str) -> None:
    """Tell how far it is."""
    sys.stderr.write(f"{text}\n")


def table(verdict: Verdict) -> str:
    """For people."""
    lines = [f"{name.replace('_', ' '):24} {value}" for name, value in verdict.figures.items()]
    lines.append(f"\n{'process':16}{'samples':>8}{'MiB':>9}{'trend of the second half':>28}")
    for memory in verdict.memories:
        half = memory.second_half
        size = sum(half) / max(1, len(half))
        lines.append(
            f"{memory.name:16}{len(memory.samples):>8}{size:>9.1f}{memory.trend:>+22.2f} MiB{'' if memory.flat else '  !'}"
        )
    lines.append("")
    lines += [f"BROKEN  {text}" for text in verdict.broken] or ["everything held"]
    return "\n".join(lines) + "\n"


def document(verdict: Verdict) -> str:
    """For programs."""
    memory = {m.name: {"samples": m.samples, "trend_mib": m.trend, "flat": m.flat} for m in verdict.memories}
    return json.dumps({"figures": verdict.figures, "memory": memory, "broken": verdict.broken}) + "\n"


if __name__ == "__main__":
    sys.exit(main())

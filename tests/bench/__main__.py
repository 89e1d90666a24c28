"""Measure every budget of the design's section 8, each as a ratio or a count in one run."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests import peers
from tests.bench import report
from tests.bench.figures import FULL, QUICK, Figure, Scale
from tests.bench.groups import GROUPS
from tests.bench.stores import close_shared


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 1 where a budget is not met."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(group.name for group in GROUPS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument(
        "--write", action="store_true", help="write docs/benchmarks.md and the figures of docs/scale.md"
    )
    parser.add_argument("--from", dest="known", type=Path, metavar="FILE", help="take the figures of a --json FILE")
    parser.add_argument("--full", action="store_true", help="the full figures: 1,000 race rounds, more repetitions")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    options = parser.parse_args(argv)
    unknown = set(options.names) - {group.name for group in GROUPS}
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(group.name for group in GROUPS)}")
    scale = FULL if options.full else QUICK if options.quick else Scale()
    figures = report.read(options.known) if options.known else measure(options.names, scale, options.json)
    print(report.table(figures))
    if options.write:
        report.write(figures)
    return 1 if any(figure.met is False for figure in figures) else 0


def measure(names: Sequence[str], scale: Scale, file: Path | None) -> list[Figure]:
    """The figures of some groups, or of all; kept in the file after each group, because the whole takes long."""
    figures: list[Figure] = []
    try:
        for group in GROUPS:
            if not names or group.name in names:
                started = time.monotonic()
                try:
                    figures += group.measure(scale)
                except pytest.skip.Exception as left_out:
                    sys.stderr.write(f"{group.name} is left out: {left_out}\n")
                if file is not None:
                    file.write_text(report.as_json(figures))
                sys.stderr.write(f"{group.name}: {time.monotonic() - started:.0f} s\n")
    finally:
        close_shared()
        peers.stop_all()
    return figures


if __name__ == "__main__":
    sys.exit(main())

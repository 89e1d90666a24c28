"""The sample table of a workset: `stage_samples.tsv`, read without trusting it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wsmon.domain.spec import shown

REQUIRED = ("RUN_ID", "SAMPLE_ID", "R1_FQ", "R2_FQ")
REFERENCES = ("R1_FQ", "R2_FQ", "PATH_TO_CONCORDANCE_DATA_DIR")
MAX_PROBLEMS = 50
EMPTY = frozenset({"", "na", "n/a", "none"})


@dataclass(frozen=True, slots=True)
class SampleTable:
    """What a table says: its problems, and the objects it refers to, each with the line it stands on."""

    rows: int
    problems: tuple[str, ...]
    references: tuple[tuple[int, str], ...]


def read_samples(text: str) -> SampleTable:
    """The table of its text; never raises. At most 50 problems are told."""
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines or "\t" not in lines[0][1]:
        return SampleTable(0, ("it has no header line of tab-separated names",), ())
    header = [name.strip() for name in lines[0][1].split("\t")]
    problems = list(_header_problems(header))
    references: dict[str, int] = {}
    if len(lines) == 1:
        problems.append("it has no rows below its header")
    for number, line in lines[1:]:
        cells = [cell.strip() for cell in line.split("\t")]
        problems += _row_problems(number, header, cells)
        for name, cell in zip(header, cells, strict=False):
            if name in REFERENCES and cell.lower() not in EMPTY:
                references.setdefault(cell, number)
    if len(problems) > MAX_PROBLEMS:
        problems = [*problems[:MAX_PROBLEMS], f"and {len(problems) - MAX_PROBLEMS} more"]
    return SampleTable(len(lines) - 1, tuple(problems), tuple((n, name) for name, n in references.items()))


def _header_problems(header: Sequence[str]) -> Iterator[str]:
    for name in REQUIRED:
        if name not in header:
            yield f"its header lacks {name}"
    for name in {name for name in header if name and header.count(name) > 1}:
        yield f"its header has {shown(name)} twice"


def _row_problems(number: int, header: Sequence[str], cells: Sequence[str]) -> Iterator[str]:
    # Editors drop the empty cells at a line's end; more cells than names cannot be meant.
    if len(cells) > len(header):
        yield f"line {number} has {len(cells)} cells, its header {len(header)}"
    values = dict(zip(header, cells, strict=False))
    for name in ("RUN_ID", "SAMPLE_ID"):
        if name in header and not values.get(name):
            yield f"line {number} has no {name}"
    reads = [values.get(name, "").lower() in EMPTY for name in ("R1_FQ", "R2_FQ") if name in header]
    if reads and all(reads):
        yield f"line {number} names no reads (R1_FQ, R2_FQ)"

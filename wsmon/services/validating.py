"""Whether a workset can be run: its folder, its sample table and what that refers to, told together."""

from __future__ import annotations

from dataclasses import dataclass

from wsmon.domain.samples import read_samples
from wsmon.domain.workset import Workset
from wsmon.ports import Inspector


@dataclass(frozen=True, slots=True)
class Validation:
    """What was looked at, and everything that is wrong."""

    workset_id: str
    problems: tuple[str, ...]
    samples: int = 0
    references: int = 0

    @property
    def valid(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def validate(workset: Workset, inspector: Inspector) -> Validation:
    """Look into the workset's folder. Raises OutsideError where it cannot be asked."""
    found = inspector.inspect(workset.bucket, workset.prefix)
    if found.samples is None:
        return Validation(workset.workset_id, found.problems)
    table = read_samples(found.samples)
    lines = {reference: line for line, reference in table.references}
    absent = inspector.absent(workset.bucket, workset.prefix, list(lines))
    problems = [
        *found.problems,
        *(f"stage_samples.tsv: {problem}" for problem in table.problems),
        *(f"stage_samples.tsv line {lines.get(name, '?')}: {name} {why}" for name, why in absent.items()),
    ]
    # A table without a header is told of by both readers.
    return Validation(workset.workset_id, tuple(dict.fromkeys(problems)), table.rows, len(lines))

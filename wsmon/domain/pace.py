"""How long a run should take: by what was said of its workset, by what is set, or by the runs before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any

from wsmon.domain.needs import expected_minutes
from wsmon.domain.times import age
from wsmon.domain.workset import Row

ENOUGH_RUNS = 10
"""Fewer do not tell what is usual."""
SHORT_SECONDS = 600.0
"""No run below it is long by what is usual: short ones differ by much."""
UNKNOWN_SECONDS = 86_400.0
"""The limit where nothing was said, nothing is set, and too few runs have ended."""


def expected_seconds(requirements: Mapping[str, Any], metadata: Mapping[str, Any]) -> float | None:
    """What its registration says of the length of its run; None: nothing that can be read, or 0."""
    minutes = expected_minutes(requirements, metadata)
    return minutes * 60 if minutes else None


def usual_seconds(rows: Iterable[Row]) -> float | None:
    """The median length of these complete runs; None where they are too few."""
    lengths = [(row.ended_at - row.started_at) / 1e6 for row in rows if row.started_at and row.ended_at]
    return median(lengths) if len(lengths) >= ENOUGH_RUNS else None


def run_limit(
    said: float | None, usual: float | None, *, fixed: float | None, times: float | None
) -> tuple[float | None, str]:
    """Seconds after which a run takes longer than expected (None: never), and what was expected, in words.

    What was said of the workset comes first, then the limit that is set for all, then what is usual.
    """
    if times is None:
        return None, ""
    if said is not None:
        return said * times, f"{age(said)} were expected"
    if fixed is not None:
        return fixed, f"more than {age(fixed)} is too long"
    if usual is not None:
        return max(SHORT_SECONDS, usual * times), f"{age(usual)} is usual"
    return UNKNOWN_SECONDS, "nothing tells how long it should take"

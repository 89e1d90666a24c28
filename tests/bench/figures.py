"""What is measured: a figure with its budget, and the groups that measure one row of the design's table each."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value; without a budget it is there for the scale model or for comparison."""

    name: str
    what: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""
    """What stood beside it in the same run."""

    @property
    def met(self) -> bool | None:
        """Whether the budget holds; None where there is none."""
        if self.at_most is not None:
            return self.value <= self.at_most
        return self.value >= self.at_least if self.at_least is not None else None

    @property
    def budget(self) -> str:
        """The budget in words."""
        if self.at_most is not None:
            return f"<= {show(self.at_most, self.unit)}"
        return f">= {show(self.at_least, self.unit)}" if self.at_least is not None else ""


@dataclass(frozen=True, slots=True)
class Scale:
    """How large a run is."""

    worksets: tuple[int, ...] = (1_000, 10_000, 100_000)
    """Sizes of the store at which the counts are taken; the largest for what needs one size only."""
    times: int = 9
    """How often each of two that are compared runs, in turn."""
    seconds: float = 20.0
    """How long an idle screen is watched."""
    rounds: int = 60
    """Race rounds an engine."""
    hours: float = 24.0
    """Simulated hours of the headless monitor."""


QUICK = Scale(worksets=(200, 1_000), times=3, seconds=4.0, rounds=5, hours=2.0)
FULL = Scale(times=25, seconds=60.0, rounds=1_000)


@dataclass(frozen=True, slots=True)
class Group:
    """The figures of one row of the budgets."""

    name: str
    row: str
    """How the row of the design's section 8 begins; empty for figures without a budget."""
    measure: Callable[[Scale], Iterator[Figure]]


def show(value: float | None, unit: str) -> str:
    """A value as a person reads it."""
    if value is None:
        return ""
    if abs(value) >= 100 or (value == int(value) and abs(value) < 1e15):
        text = f"{value:,.0f}"
    else:
        text = f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3f}"
    return f"{text} {unit}".strip()


@contextlib.contextmanager
def apart() -> Iterator[Path]:
    """An empty folder that is the home and the working folder, with no setting of this user's in sight."""
    kept = dict(os.environ)
    here = os.getcwd()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for name in kept:
            if name.startswith(("WSMON_", "AWS_", "XDG_", "TEXTUAL")) or name in {"NO_COLOR", "SSH_TTY"}:
                del os.environ[name]
        os.environ["HOME"] = folder
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [here, kept.get("PYTHONPATH", "")]))
        os.chdir(folder)
        try:
            yield Path(folder)
        finally:
            os.chdir(here)
            os.environ.clear()
            os.environ.update(kept)

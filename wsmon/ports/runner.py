"""Runs at one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from wsmon.domain.workset import RunRecord, Workset


class RunState(StrEnum):
    """What a look at a run's place tells."""

    RUNNING = "running"
    ENDED = "ended"
    ABSENT = "absent"
    """The place answers and knows no such run, and none can start under this or a lower token."""
    UNKNOWN = "unknown"
    """No answer, or another place: the run may live."""


@dataclass(frozen=True, slots=True)
class RunStatus:
    """A run's state and, once ended, its result; exit_code None with ENDED: nobody saw the result."""

    state: RunState
    exit_code: int | None = None
    """128 + n for a command that signal n ended."""
    seconds: float | None = None
    """How long it has run, or ran, on the place's boot-time clock."""
    note: str = ""
    step: str | None = None
    """The step it has reached."""
    metrics: Mapping[str, object] = field(default_factory=dict)
    """What the run told about itself at its end."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a runner starts runs."""

    place_id: str
    host: str
    boot_id: str


@dataclass(frozen=True, slots=True)
class RunRequest:
    """One execution to be started."""

    workset: Workset
    run: RunRecord
    argv: Sequence[str]
    deadline: float
    """Boot-time seconds after which it must not start any more (the lease's end)."""
    env: Mapping[str, str] = field(default_factory=dict)
    pipeline: str = ""
    """Where the pipeline leaves daylily.successful_run or daylily.failed_run, if it does."""


class CommandRunner(Protocol):
    """Starts, finds and ends runs at one place."""

    def place(self) -> Place:
        """This place; raises Refused when its folder cannot be used."""

    def plan(self, workset_id: str, run_token: int, cluster: str | None = None) -> RunRecord:
        """The record `start` commits before anything is spawned; `cluster` is where its slot was claimed."""

    def ready(self, cluster: str | None = None) -> None:
        """Raises Refused while nothing can be started on a cluster, whatever it is: no place, no room."""

    def prepare(self, request: RunRequest) -> None:
        """Make what the run needs of its place, before its start is committed; it raises the place's token.

        Raises StillAlive while an older run of the workset lives here, Refused when a higher token was
        seen, the deadline passed or the place cannot take it. Nothing runs yet, and nothing has to be undone.
        """

    def spawn(self, request: RunRequest) -> None:
        """Start a prepared run detached. Raises Refused when a higher token was seen here or the deadline passed."""

    def raise_token(self, workset_id: str, token: int, run: RunRecord | None = None) -> None:
        """From now on nothing with a lower token starts at the place of `run` (None: the only one)."""

    def newly_reached(self) -> bool:
        """Whether a place answers that did not before: its live runs want to be looked at again."""

    def look(self, workset_id: str, run: RunRecord) -> RunStatus:
        """What became of a run. The caller has raised the place's token first if it adopts."""

    def stop(self, workset_id: str, run: RunRecord, *, force: bool) -> bool:
        """Ask every process of the run to end (TERM), or end it (`force`, KILL); does not wait.

        False where there was nobody to ask yet: it is just being started.
        """

    def live_runs(self) -> list[tuple[str, RunRecord]]:
        """(workset id, run) of every run of this store at this place some process of which lives."""

    def log_from(self, run: RunRecord, offset: int | None, limit: int = 65_536) -> tuple[str, int]:
        """A run's output from an offset on (None: its end), and the offset to go on from. Raises OutsideError."""

    def log_tail(self, run: RunRecord, limit: int = 4096) -> str:
        """The end of a run's output, at most `limit` bytes, decoded with replacement."""

"""Where workset folders are dropped, and what is looked at and left there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from wsmon.domain.operating import PastState
from wsmon.domain.spec import Facts, WorksetSpec
from wsmon.domain.states import WorksetState
from wsmon.domain.times import Instant
from wsmon.domain.workset import JSONObject


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """A workset found in a catalog: what to register, or why it cannot be."""

    source: str
    spec: WorksetSpec | None
    state: WorksetState
    since: Instant
    problem: str | None = None
    known_id: str | None = None
    """The workset's id, where the caller knows it already; then the folder was not read."""
    place: tuple[str, str] | None = None
    """Its bucket and prefix, where it is known."""
    past: tuple[PastState, ...] = ()
    """The states it went through there, where that is known; oldest first."""
    metrics: JSONObject | None = None
    """What its run was measured by there."""
    cluster: str | None = None
    """Where it ran there."""


class Catalog(Protocol):
    """A place where workset folders are dropped."""

    def scan(
        self, known: Callable[[str], bool] = ..., states: Collection[WorksetState] | None = None
    ) -> Iterator[CatalogEntry]:
        """Every workset folder in one of `states` (None: any), in order of name.

        Folders that are none are passed over; one whose id is `known` is told of, but not read.
        Raises OutsideError, InvalidInput.
        """


class Sentinels(Protocol):
    """Writes sentinels into workset folders, for tools that read them."""

    def mark(self, bucket: str, prefix: str, word: str, body: str) -> None:
        """Make `word` the sentinel that holds: write it, and take away those that would hold before it."""

    def standing(self, bucket: str, prefix: str) -> Mapping[str, str]:
        """The sentinels of lock, in_progress, complete and error that stand there, each with its text. Raises OutsideError."""


@dataclass(frozen=True, slots=True)
class Inspected:
    """What a look into a workset folder told."""

    problems: tuple[str, ...]
    samples: str | None
    """The text of the sample table."""
    facts: Facts | None = None
    """What the folder says of its workset; None where there is none."""


class Inspector(Protocol):
    """Looks into workset folders before a run."""

    def inspect(self, bucket: str, prefix: str) -> Inspected:
        """What the folder holds. Raises OutsideError where it cannot be asked."""

    def absent(self, bucket: str, prefix: str, references: Sequence[str]) -> dict[str, str]:
        """Of the objects a sample table names, those that are not there: reference -> why."""

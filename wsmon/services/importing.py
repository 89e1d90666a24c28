"""Taking worksets over from a catalog, each with the state it has there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wsmon.domain.errors import AlreadyExists
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import ErrorCategory, WorksetState
from wsmon.domain.workset import Workset
from wsmon.ports import Catalog, CatalogEntry
from wsmon.services.commands import Commands

IMPORT_LOCK_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one folder; `outcome` is a state, `existing`, `held` or `refused`."""

    source: str
    workset_id: str | None
    outcome: str
    problem: str | None


def take_over(catalog: Catalog, commands: Commands, *, dry_run: bool = False) -> Iterator[Imported]:
    """Register what is not there yet; a folder that is not whole becomes an error with its reason.

    What another system works on right now is left to it. Run again it changes nothing.
    """
    for entry in catalog.scan():
        spec = entry.spec
        if spec is None:
            yield Imported(entry.source, None, "refused", entry.problem)
        elif isinstance(commands.store.record(spec.workset_id), Workset):
            yield Imported(entry.source, spec.workset_id, "existing", None)
        elif entry.state in {WorksetState.IN_PROGRESS, WorksetState.LOCKED}:
            yield Imported(entry.source, spec.workset_id, "held", "another system works on it")
        else:
            outcome = _planned(entry) if dry_run else _register(spec, entry, commands)
            yield Imported(entry.source, spec.workset_id, outcome, entry.problem)


def _planned(entry: CatalogEntry) -> str:
    unusable = entry.state is WorksetState.READY and entry.problem is not None
    return WorksetState.ERROR.value if unusable else entry.state.value


def _register(spec: WorksetSpec, entry: CatalogEntry, commands: Commands) -> str:
    try:
        commands.register(spec)
    except AlreadyExists:
        return "existing"
    planned = WorksetState(_planned(entry))
    if planned is WorksetState.IGNORED:
        commands.ignore(spec.workset_id, reason="ignored where it came from")
    elif planned in {WorksetState.ERROR, WorksetState.COMPLETE}:
        _finish(spec.workset_id, entry, planned, commands)
    return planned.value


def _finish(workset_id: str, entry: CatalogEntry, planned: WorksetState, commands: Commands) -> None:
    token = commands.acquire(workset_id, holder=commands.actor, seconds=IMPORT_LOCK_SECONDS).token
    if planned is WorksetState.COMPLETE:
        commands.start(workset_id, token=token)
        commands.complete(workset_id, token=token)
        return
    broken = entry.state is WorksetState.READY
    category = ErrorCategory.CONFIGURATION if broken else ErrorCategory.PERMANENT
    commands.fail(workset_id, token=token, category=category, details=entry.problem or "")

"""Taking worksets over from a catalog, each with the state it has there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from wsmon.domain.operating import Standing
from wsmon.domain.spec import WorksetSpec, shown
from wsmon.domain.states import ErrorCategory, WorksetState
from wsmon.domain.workset import Failure, Workset
from wsmon.ports import Catalog, CatalogEntry
from wsmon.services.commands import Commands

BATCH = 200
HELD = frozenset({WorksetState.IN_PROGRESS, WorksetState.LOCKED})


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
    places: dict[str, tuple[str, str]] = {}

    def known(workset_id: str) -> bool:
        record = commands.store.record(workset_id)
        if isinstance(record, Workset):
            places[workset_id] = (record.bucket, record.prefix)
        return workset_id in places

    found = catalog.scan(known)
    while entries := list(islice(found, BATCH)):
        wanted = [entry for entry in entries if entry.spec is not None and entry.state not in HELD]
        taken = set() if dry_run else register_entries(wanted, commands)
        for entry in entries:
            yield _told(entry, taken, places)


def taken_by(entry: CatalogEntry, place: tuple[str, str] | None) -> str:
    """Why a folder whose id is known is not the workset of that id, which lies at `place`; empty where it is."""
    if place is None or entry.place is None or _plain(entry.place) == _plain(place):
        return ""
    return f"its id {shown(entry.known_id)} is that of another workset, s3://{place[0]}/{place[1]}; give the folder another name"


def _plain(place: tuple[str, str]) -> tuple[str, str]:
    return place[0], place[1].strip("/")


def _told(entry: CatalogEntry, taken: set[str], places: Mapping[str, tuple[str, str]]) -> Imported:
    if entry.known_id is not None:
        why = taken_by(entry, places.get(entry.known_id))
        return Imported(entry.source, entry.known_id, "refused" if why else "existing", why or None)
    if entry.spec is None:
        return Imported(entry.source, None, "refused", entry.problem)
    workset_id = entry.spec.workset_id
    if entry.state in HELD:
        return Imported(entry.source, workset_id, "held", "another system works on it")
    outcome = "existing" if workset_id in taken else standing_of(entry).state.value
    return Imported(entry.source, workset_id, outcome, entry.problem)


def register_entries(entries: Iterable[CatalogEntry], commands: Commands) -> set[str]:
    """Register entries, each with its standing; the ids that stood there already."""
    items: list[tuple[WorksetSpec, Standing | None]] = []
    for entry in entries:
        assert entry.spec is not None
        standing = standing_of(entry)
        # What is ready and whole is registered as anybody would register it.
        plain = standing.state is WorksetState.READY and not standing.past
        items.append((entry.spec, None if plain else standing))
    return commands.take_in(items)


def standing_of(entry: CatalogEntry) -> Standing:
    """The state an entry will have here: a ready folder that is not whole is an error of configuration."""
    broken = entry.state is WorksetState.READY and entry.problem is not None
    state = WorksetState.ERROR if broken else entry.state
    failure = None
    if state in {WorksetState.ERROR, WorksetState.FAILED}:
        category = ErrorCategory.CONFIGURATION if broken else ErrorCategory.PERMANENT
        failure = Failure(category, entry.problem or "", entry.since)
    return Standing(state, entry.since, failure, entry.past, entry.metrics, entry.cluster)

"""Watches a catalog for ready folders, and writes sentinels back where other tools still read them."""

from __future__ import annotations

from wsmon.domain.change import Event
from wsmon.domain.errors import OutsideError
from wsmon.domain.states import ErrorCategory, WorksetState
from wsmon.domain.times import isoformat
from wsmon.domain.workset import Row, Workset
from wsmon.ports import AlertRecord, Catalog, CatalogEntry, Clock, Log, Sentinels, StateStore
from wsmon.services.commands import Commands
from wsmon.services.duties import Duty
from wsmon.services.elsewhere import elsewhere
from wsmon.services.importing import register_entries, standing_of, taken_by
from wsmon.services.troubles import Trouble

S = WorksetState
MIRROR_BACK_SECONDS = 3600.0
# A workset that will be tried again is kept locked there, or the other system would take it meanwhile.
WORDS = {
    S.READY: "ready",
    S.LOCKED: "lock",
    S.IN_PROGRESS: "in_progress",
    S.RETRYING: "lock",
    S.COMPLETE: "complete",
    S.ERROR: "error",
    S.FAILED: "error",
    S.IGNORED: "ignore",
}
ERROR_CHARS, SOURCE_CHARS = 500, 500


class Discovery:
    """Registers each ready folder once; what it knows is remembered, so an idle scan reads nothing."""

    def __init__(self, catalog: Catalog, commands: Commands, log: Log, trouble: Trouble | None = None) -> None:
        """`trouble` tells of a catalog that cannot be read; without one the log alone does."""
        self._catalog, self._commands, self._log, self._trouble = catalog, commands, log, trouble
        self._seen: dict[str, tuple[str, str] | None] = {}
        """Every id that was ever registered, with where its workset lies, if there is one."""
        self._refused: set[str] = set()

    def step(self) -> int:
        """One scan; how many were registered. Raises StoreError; a catalog that fails is logged."""
        problem, count = "", 0
        try:
            count = self._scan()
        except OutsideError as error:
            problem = str(error)
            self._log.warning("catalog not read", error=problem)
        if self._trouble is not None:
            self._trouble.note(problem)
        return count

    def _scan(self) -> int:
        found = []
        for entry in self._catalog.scan(self._known, {S.READY}):
            if entry.spec is not None:
                found.append(entry)
            elif entry.known_id is None:
                self._refuse(entry, entry.problem or "it is none")
            elif why := taken_by(entry, self._seen.get(entry.known_id)):
                self._refuse(entry, why)
        if not found:
            return 0
        taken = register_entries(found, self._commands)
        for entry in found:
            assert entry.spec is not None
            workset_id = entry.spec.workset_id
            self._seen[workset_id] = (entry.spec.bucket, entry.spec.prefix)
            if workset_id not in taken:
                state = standing_of(entry).state.value
                self._log.info("discovered", workset_id=workset_id, state=state, problem=entry.problem)
        return len(found) - len(taken)

    def _known(self, workset_id: str) -> bool:
        """Registered now or ever: what was purged here was meant to be gone."""
        if workset_id not in self._seen and (record := self._commands.store.record(workset_id)) is not None:
            self._seen[workset_id] = (record.bucket, record.prefix) if isinstance(record, Workset) else None
        return workset_id in self._seen

    def _refuse(self, entry: CatalogEntry, why: str) -> None:
        """A folder that becomes no workset: told once, for nothing else would ever say it."""
        if entry.source in self._refused:
            return
        self._refused.add(entry.source)
        self._log.warning("folder not registered", source=entry.source, why=why)
        now, name = self._commands.clock.now(), entry.source[-SOURCE_CHARS:]
        alert = AlertRecord(f"folder-refused/{name}", "folder refused", "warning", name, f"{name}: {why}", now, now)
        self._commands.store.put_alert(alert)


class Mirror:
    """Keeps the sentinels of one bucket as the store has the states.

    It goes by the feed, and from an hour before its start, so that what happened between two
    monitors is written too. A sentinel that is written twice is the same. A folder that another system
    works on, or has ended since, is left to it.
    """

    def __init__(
        self,
        sentinels: Sentinels,
        store: StateStore,
        clock: Clock,
        log: Log,
        bucket: str,
        trouble: Trouble | None = None,
    ) -> None:
        """`trouble` tells of sentinels that cannot be written."""
        self._sentinels, self._store, self._clock, self._log, self._bucket = sentinels, store, clock, log, bucket
        self._trouble = trouble
        self._cursor: str | None = None
        self._due: dict[str, Row] = {}
        self._written: dict[str, int] = {}

    def step(self) -> int:
        """Write what changed; how many. What the bucket refuses is tried again. Raises StoreError."""
        if self._cursor is None:
            self._cursor = self._store.feed_start(self._clock.now() - round(MIRROR_BACK_SECONDS * 1e6))
        while True:
            page = self._store.feed(self._cursor)
            for event in page.events:
                self._note(event)
            self._cursor = page.cursor
            if not page.more:
                break
        return self._write()

    def _note(self, event: Event) -> None:
        row = event.row
        known = self._due.get(event.workset_id)
        if row is None or row.bucket != self._bucket or row.state not in WORDS:
            return
        if row.rev > self._written.get(row.workset_id, 0) and (known is None or row.rev > known.rev):
            self._due[row.workset_id] = row

    def _write(self) -> int:
        count, problem = 0, ""
        for workset_id in list(self._due):
            record = self._store.record(workset_id)
            if isinstance(record, Workset) and record.state in WORDS:
                try:
                    other = elsewhere(self._sentinels, self._store, record)
                    if other is not None:
                        self._log.warning("sentinel left to another system", workset_id=workset_id, why=other.why)
                        self._due.pop(workset_id, None)
                        continue
                    self._sentinels.mark(record.bucket, record.prefix, WORDS[record.state], body_of(record))
                except OutsideError as error:
                    problem = str(error)
                    self._log.warning("sentinel not written", workset_id=workset_id, error=problem)
                    continue
                self._written[workset_id] = record.rev
                count += 1
            self._due.pop(workset_id, None)
        if self._trouble is not None and (problem or count):
            self._trouble.note(problem)
        return count


class CatalogWatch:
    """Discovery and mirror of one bucket, done by one monitor at a time."""

    def __init__(
        self, discovery: Discovery, mirror: Mirror | None, duty: Duty, clock: Clock, *, seconds: float, look: float
    ) -> None:
        """The bucket is listed every `seconds`; sentinels follow the feed every `look` seconds."""
        self._discovery, self._mirror, self._duty, self._clock = discovery, mirror, duty, clock
        self._seconds, self._look = seconds, min(look, seconds)
        self._due = 0.0

    def step(self) -> float:
        """One pass; seconds until the next. Raises StoreError."""
        if not self._duty.hold():
            return self._look
        if self._mirror is not None:
            self._mirror.step()
        if self._clock.monotonic() >= self._due:
            self._due = self._clock.monotonic() + self._seconds
            self._discovery.step()
        return self._look

    def close(self) -> None:
        """Give the duty back."""
        self._duty.give_back()


def body_of(workset: Workset) -> str:
    """A sentinel's text: when, and for an error a tab and why, on one line."""
    at = isoformat(workset.updated_at)[:19] + "Z"
    if workset.failure is None or workset.state not in {S.ERROR, S.FAILED}:
        return at
    category: ErrorCategory = workset.failure.category
    said = " ".join(workset.failure.details.split())[:ERROR_CHARS]
    return f"{at}\t{category.value}: {said}"

"""Registering, one by one, many at once, and what comes from elsewhere with a state of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from wsmon.domain import operating
from wsmon.domain.errors import AlreadyExists, StaleWrite, WsmonError
from wsmon.domain.operating import Standing
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.workset import Tombstone, Workset
from wsmon.services.writing import MAX_DECISIONS, Writer, written

BULK = 200


@dataclass(frozen=True, slots=True)
class Refusal:
    """One of many that could not be done, and why."""

    workset_id: str
    error: WsmonError


class Registering(Writer):
    """The verb `register`."""

    def register(
        self, spec: WorksetSpec, standing: Standing | None = None, *, current: Workset | Tombstone | None = None
    ) -> Workset:
        """Register a new workset, with the state it has elsewhere if it comes from there. Raises AlreadyExists."""
        self.allow()
        for _ in range(MAX_DECISIONS):
            change = operating.register(spec, self.context(), current, standing)
            try:
                self.store.commit(change)
            except StaleWrite as stale:
                current = stale.current
                continue
            return written(change)
        raise StaleWrite(spec.workset_id, current)

    def register_many(self, specs: Iterable[WorksetSpec]) -> Iterator[tuple[int, list[Refusal]]]:
        """Register many; yields (registered, refused) after each batch of at most 200."""
        self.allow()
        batch: dict[str, WorksetSpec] = {}
        for spec in specs:
            if spec.workset_id in batch:
                yield 0, [Refusal(spec.workset_id, AlreadyExists(spec.workset_id, "ready"))]
                continue
            batch[spec.workset_id] = spec
            if len(batch) >= BULK:
                yield self._register_batch(batch)
                batch = {}
        if batch:
            yield self._register_batch(batch)

    def _register_batch(self, batch: Mapping[str, WorksetSpec]) -> tuple[int, list[Refusal]]:
        changes = [operating.register(spec, self.context()) for spec in batch.values()]
        refused: list[Refusal] = []
        for workset_id, current in self.store.register_many(changes).items():
            try:
                self.register(batch[workset_id], current=current)  # where a purge left its mark, this goes on from it
            except AlreadyExists as error:
                refused.append(Refusal(workset_id, error))
        return len(batch) - len(refused), refused

    def take_in(self, items: Sequence[tuple[WorksetSpec, Standing | None]]) -> set[str]:
        """Register worksets that come from elsewhere, many to a transaction; the ids that existed already."""
        self.allow()
        existing = set()
        known = {spec.workset_id: (spec, standing) for spec, standing in items}
        changes = [operating.register(spec, self.context(), None, standing) for spec, standing in items]
        for workset_id, current in self.store.register_many(changes).items():
            try:
                self.register(*known[workset_id], current=current)
            except AlreadyExists:
                existing.add(workset_id)
        return existing

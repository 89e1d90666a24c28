"""What is decided about clusters: dense like a workset's changes, and what is closed takes nothing new."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.kernel import Violation
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.change import Change
from wsmon.domain.lives import Life, LifeChange

if TYPE_CHECKING:
    from tests.simulation.server import Session


class Lives:
    """Checked at every change of a cluster's life, and at every claim."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.standing: dict[str, Life] = {}

    def is_current(self, change: LifeChange) -> bool:
        """Whether it was decided by what stands."""
        return change.before == self.standing.get(change.before.name, Life(change.before.name))

    def is_closed(self, change: Change) -> bool:
        """Whether the cluster it claims takes nothing new."""
        return change.claim is not None and bool(self.standing.get(change.claim.cluster, Life("")).closed)

    def accepted(self, change: LifeChange) -> None:
        """One was written just now."""
        name, event = change.before.name, change.event
        before = self.standing.get(name, Life(name))
        if not self.is_current(change) or not change.after.rev == event.seq == before.rev + 1:
            raise Violation("a change is made to what stands", f"{event.verb} of {name}: {change.before}, is {before}")
        if self._store.life(name) != change.after or self._store.history(event.workset_id, before.rev) != [event]:
            raise Violation("what is written is what was decided", f"{event.verb} of {name}")
        self.standing[name] = change.after

    def claimed(self, _: Session, change: Change) -> None:
        """A workset's change was written: it takes a slot only where new work may start."""
        name = change.claim.cluster if change.event.verb == "acquire" and change.claim is not None else ""
        if name in self.standing and self.standing[name].closed:
            text = f"{change.workset_id} on {name}: {self.standing[name].closed}"
            raise Violation("a closed cluster takes no claim", text)

    def check_end(self) -> None:
        """Once quiet: what was written stands."""
        if {life.name: life for life in self._store.lives()} != self.standing:
            raise Violation("what is written stays", f"{self._store.lives()}, not {self.standing}")

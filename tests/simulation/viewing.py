"""A screen, fed by deltas alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from tests.simulation.clocks import SimClock
from tests.simulation.kernel import Violation
from tests.simulation.store import FaultStore
from wsmon.domain.errors import StoreError
from wsmon.domain.states import WorksetState
from wsmon.domain.workset import Row
from wsmon.services.live import Delta, LiveView

if TYPE_CHECKING:
    from tests.simulation.world import World


@dataclass(slots=True)
class Viewer:
    """A panel on the live view: what it shows is what the deltas told it, and nothing else."""

    world: World
    store: FaultStore
    clock: SimClock
    chance: Random
    view: LiveView | None = None
    rows: dict[str, Row] = field(default_factory=dict)
    counts: dict[WorksetState, int] = field(default_factory=dict)
    delta: Delta | None = None

    def act(self) -> None:
        """Never ends."""
        while True:
            try:
                if self.view is None:
                    opening = LiveView(self.store, self.clock)
                    for delta in opening.open():
                        self._apply(delta)
                    self.view = opening
                else:
                    self._apply(self.view.poll())
            except StoreError:
                self.world.kernel.note("viewer", ". store away")
            self.world.kernel.sleep(self.chance.uniform(2, 12))

    def _apply(self, delta: Delta) -> None:
        self.delta = delta
        for name, row in delta.rows.items():
            if name in self.rows and row.rev < self.rows[name].rev:
                raise Violation("the view never goes back", f"{name}: rev {row.rev} after {self.rows[name].rev}")
        self.rows.update(delta.rows)
        for name in delta.gone:
            self.rows.pop(name, None)
        self.counts = dict(delta.counts)

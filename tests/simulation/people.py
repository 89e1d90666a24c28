"""Operators: they say any verb at any time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from tests.simulation.faults import Kind
from tests.simulation.kernel import Process, Violation
from tests.simulation.server import Session
from wsmon.domain.alerts import RESOLVED
from wsmon.domain.change import Change
from wsmon.domain.errors import StaleWrite, WsmonError
from wsmon.domain.lives import Life
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import WorksetPriority, WorksetState
from wsmon.domain.workset import Tombstone, Workset
from wsmon.services.commands import Commands
from wsmon.services.draining import drain, resume

if TYPE_CHECKING:
    from tests.simulation.world import World

REASONS = ("stuck", "wrong reference", "asked by the lab", "x" * 300, "[bold]\x1b[2J\n多")


@dataclass(slots=True)
class Operator:
    """Says any verb at any time; requeues a run only when it is known to be dead."""

    world: World
    commands: Commands
    chance: Random
    registered: int = 0
    hand: Process = field(default_factory=lambda: Process("operator's other hand"))

    def act(self) -> None:
        """Never ends."""
        while True:
            self.world.kernel.sleep(self.chance.uniform(5, 2 * self.world.pace))
            if self.world.faults.on:
                self._try(self._one)
            else:
                self.resolve()

    def _one(self) -> None:
        world, chance = self.world, self.chance
        if self.registered < world.worksets and chance.random() < 0.6:
            return self.register(f"w{self.registered:02d}")
        if chance.random() < 0.1:
            return self._drain(chance.choice(world.place_names))
        return self._at(f"w{chance.randrange(max(1, self.registered)):02d}")

    def _drain(self, name: str) -> None:
        """Keep new work off a cluster, or let it in again."""
        if self.world.server.lives.standing.get(name, Life(name)).drained:
            resume(self.commands, name, self.chance.choice(REASONS))
        else:
            drain(self.commands, name, self.chance.choice(REASONS))

    def provoke(self, session: Session, change: Change) -> None:
        """Now and then somebody acts right after a change, while whoever made it is in the middle of its step."""
        drawn = self.chance.random()
        if session.actor != "operator" and self.world.faults.on and drawn < 0.12:
            name, anew = change.workset_id, drawn < 0.04
            if change.event.verb == "start" and session.pause is not None and drawn > 0.08:
                return self._rob(session, name)
            if change.event.verb == "acquire" and session.pause is not None and drawn > 0.09:
                return self._stall(session)
            self._also(lambda: self._anew(name) if anew else self._at(name), self.chance.uniform(0, 0.3))
        return None

    def _rob(self, session: Session, name: str) -> None:
        """A monitor stands still in the middle of a start, and loses its lock meanwhile."""
        if session.pause is not None and self.world.faults.has(Kind.PAUSE) and self.world.faults.has(Kind.ROBBERY):
            session.pause(self.chance.uniform(10, 80))
            self.world.faults.counts[Kind.ROBBERY] += 1
            self._also(lambda: self._take_away(name), 0.0)

    def _stall(self, session: Session) -> None:
        """A monitor stands still between a lock and its start, long enough to be taken for dead."""
        if session.pause is not None and self.world.faults.has(Kind.PAUSE):
            session.pause(self.chance.uniform(60, 200))

    def _take_away(self, name: str) -> None:
        self.commands.unlock(name, reason="its holder does not answer")
        if self.world.rash and self.chance.random() < 0.5:
            self.commands.requeue(name, reason="its holder does not answer")

    def provoke_plan(self, session: Session) -> None:
        """Now and then what a monitor has just planned with changes, or is purged and registered anew."""
        drawn = self.chance.random()
        if self.world.faults.on and drawn > 0.995:
            self._also(lambda: self._drain(self.chance.choice(self.world.place_names)), self.chance.uniform(0, 0.1))
        elif self.world.faults.on and drawn < 0.02:
            name = self.world.any_workset(self.chance)
            if name is not None:
                self._also(
                    lambda: self._anew(name) if drawn < 0.01 else self._replan(name), self.chance.uniform(0, 0.1)
                )

    def _also(self, act: Callable[[], object], after: float) -> None:
        self.world.kernel.start(self.hand, "hand", lambda: self._try(act), after=after)

    def _replan(self, name: str) -> None:
        """Give it another tier, or tie it to another cluster."""
        if self.chance.random() < 0.5:
            self.commands.set_affinity(
                name, self.chance.choice((None, *self.world.place_names)), reason="planned wrongly"
            )
        else:
            self.commands.set_priority(name, self.chance.choice(list(WorksetPriority)), reason="planned wrongly")

    def _anew(self, name: str) -> None:
        """Purge a workset that does not run and register it again, whoever has just planned with it or locked it."""
        record = self.commands.store.record(name)
        if isinstance(record, Workset) and record.state is WorksetState.LOCKED:
            if not self.world.faults.hit(Kind.ROBBERY, 1.0, self.chance):
                return
            record = self.commands.unlock(name, reason="registered wrongly")
        if isinstance(record, Workset):
            if record.state is not WorksetState.DELETED:
                self.commands.delete(name)
            self.commands.purge(name)
        self.register(name)

    def _try(self, act: Callable[[], object]) -> None:
        try:
            act()
        except WsmonError as error:
            self.world.kernel.note("operator", f". refused: {type(error).__name__}")

    def _at(self, name: str) -> None:
        chance = self.chance
        record = self.commands.store.record(name)
        if not isinstance(record, Workset):
            return self.register(name) if record is not None else None
        seen = record.rev if chance.random() < 0.5 else None
        reason = chance.choice(REASONS)
        verb = chance.choice(VERBS)
        if verb == "unlock" and record.holder is not None:
            if not self.world.faults.hit(Kind.ROBBERY, 1.0, chance):
                return None
        elif verb == "requeue" and record.state is WorksetState.IN_PROGRESS:
            return self._requeue(record, reason)
        if verb == "set_priority":
            self.commands.set_priority(name, chance.choice(list(WorksetPriority)), reason=reason, seen=seen)
        elif verb == "set_affinity":
            self.commands.set_affinity(name, chance.choice((None, "a")), reason=reason, seen=seen)
        else:
            getattr(self.commands, verb)(name, reason=reason, seen=seen)
        return None

    def register(self, name: str) -> None:
        """Register a workset of a drawn tier."""
        self.registered = max(self.registered, int(name[1:]) + 1)
        tier = self.chance.choice(list(WorksetPriority))
        cost = self.chance.choice((None, 1.0, 5.0, 20.0))
        metadata = {"n": self.chance.random()} | ({} if cost is None else {"estimated_cost_usd": cost})
        needs = {} if not self.world.vcpus else {"vcpus": self.chance.choice((0, 1, 2, 4))}
        try:
            self.commands.register(WorksetSpec(name, "bucket", f"in/{name}", tier, metadata, needs))
        except StaleWrite as stale:
            if isinstance(stale.current, Tombstone):
                raise Violation("what was purged can be registered anew", f"{stale}") from None
            raise

    def _requeue(self, record: Workset, reason: str) -> None:
        rash = self.world.rash and record.run is not None
        if rash and record.holder is not None and self.world.faults.hit(Kind.ROBBERY, 0.7, self.chance):
            record = self.commands.unlock(record.workset_id, reason=reason, seen=record.rev)
        # What is held is refused, so there is no harm in asking.
        if rash or record.holder is not None or self.world.dead_for_sure(record):
            self.commands.requeue(record.workset_id, reason=reason, seen=record.rev)

    def resolve(self) -> None:
        """Once quiet: what only a person can decide, who acts on the alert that tells of it."""
        try:
            for name, life in self.world.server.lives.standing.items():
                if life.drained:
                    self._drain(name)
            alerts = self.commands.store.alerts()
            told = {alert.subject for alert in alerts if alert.kind == "orphaned" and alert.status != RESOLVED}
            for row in list(self.commands.rows(WorksetState.IN_PROGRESS)):
                if row.workset_id not in told and self.world.hosts:
                    continue
                record = self.commands.store.record(row.workset_id)
                if isinstance(record, Workset) and record.run is None and self.world.dead_for_sure(record):
                    if record.holder is not None:
                        record = self.commands.unlock(record.workset_id, reason="its caller is gone", seen=record.rev)
                    self._requeue(record, "its caller is gone")
        except WsmonError as error:
            self.world.kernel.note("operator", f". refused: {type(error).__name__}")


VERBS = (
    "unlock",
    "unlock",
    "unlock",
    "requeue",
    "requeue",
    "ignore",
    "cancel",
    "cancel",
    "set_priority",
    "set_priority",
    "set_affinity",
    "archive",
    "restore",
    "delete",
    "purge",
)

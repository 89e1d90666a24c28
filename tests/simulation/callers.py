"""Callers of the library: programs that lock and work without a runner."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from tests.simulation.clocks import Machine, SimClock
from tests.simulation.effects import Effect
from tests.simulation.faults import Kind
from tests.simulation.hosts import chance_of
from tests.simulation.kernel import SECOND, Process
from tests.simulation.server import Session
from tests.simulation.store import FaultStore
from wsmon.domain.errors import WsmonError
from wsmon.domain.states import ErrorCategory
from wsmon.services.commands import Commands

if TYPE_CHECKING:
    from tests.simulation.world import World


@dataclass(slots=True)
class Caller:
    """A program that locks by the library, without a runner, and works itself."""

    world: World
    machine: Machine
    name: str
    chance: Random
    process: Process = field(default_factory=lambda: Process("caller"))
    effect: Effect | None = None
    at: str | None = None
    """The workset it may be at work on, or soon be."""

    def busy(self, workset_id: str) -> bool:
        """Whether it works on a workset, or is about to."""
        return self.at == workset_id and not self.process.dead

    def act(self) -> None:
        """Never ends: one life after the other."""
        world = self.world
        while world.faults.on:
            world.kernel.sleep(self.chance.uniform(20, 4 * world.pace))
            if world.faults.on:
                self.process = Process(f"{self.name}#{world.kernel.now}")
                task = world.kernel.start(self.process, "caller", self._live)
                while not task.done and not self.process.dead:
                    world.kernel.sleep(5)

    def _live(self) -> None:
        world, clock = self.world, SimClock(self.world.kernel, self.machine)
        session = Session(self.process, self.name, clock, self.chance, pause=self._pause)
        commands = Commands(
            FaultStore(world.server, session), clock, self.name, policy=world.policy, chance=chance_of(self.chance)
        )
        try:
            row = commands.next()
            name = (
                row.workset_id
                if row is not None and self.chance.random() < 0.7
                else self.world.any_workset(self.chance)
            )
            if name is not None:
                self.at = name
                lease = commands.acquire(name, holder=self.name, seconds=self.chance.uniform(30, 300))
                self._work(commands, name, lease.token)
        except WsmonError as error:
            world.kernel.note(self.name, f". gives up: {type(error).__name__}")
        finally:
            self.at = None
            if self.effect is not None:
                world.effects.end(self.effect, None)
                self.effect = None

    def _work(self, commands: Commands, name: str, token: int) -> None:
        world, chance = self.world, self.chance
        if self._gone():
            return
        if chance.random() < 0.3:
            commands.release(name, token=token)
            return
        commands.start(name, token=token)
        self.effect = world.effects.begin(name, token, self.name)
        for step in range(chance.randint(0, 4)):
            world.kernel.sleep(chance.uniform(5, 60))
            commands.refresh(name, holder=self.name, token=token)
            commands.progress(name, token=token, step=f"step {step}")
            if self._gone():
                return
        world.effects.end(self.effect, 0)
        self.effect = None
        if chance.random() < 0.6:
            commands.complete(name, token=token, metrics={"n": 1})
        else:
            category = chance.choice(list(ErrorCategory))
            commands.fail(name, token=token, category=category, details="its own work failed")

    def _gone(self) -> bool:
        return self.world.faults.hit(Kind.CALLER, 0.2, self.chance)

    def _pause(self, seconds: float) -> None:
        self.world.faults.counts[Kind.PAUSE] += 1
        self.process.paused_until = self.world.kernel.now + int(seconds * SECOND)

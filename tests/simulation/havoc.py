"""What goes wrong by itself: outages, jumps, crashes, reboots, reloads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from tests.simulation.faults import Kind
from tests.simulation.kernel import SECOND

if TYPE_CHECKING:
    from tests.simulation.world import World


@dataclass(frozen=True, slots=True)
class Havoc:
    """One actor that brings it all."""

    world: World
    chance: Random

    def rage(self) -> None:
        """Until quiet."""
        chance = self.chance
        acts: list[tuple[Kind, float, Callable[[Random], None]]] = [
            (Kind.OUTAGE, 1.0, self._outage),
            (Kind.PARTITION, 2.0, self._partition),
            (Kind.THROTTLE, 2.0, self._throttle),
            (Kind.SKEW, 3.0, self._jump),
            (Kind.CRASH, 3.0, self._crash),
            (Kind.PAUSE, 3.0, self._pause),
            (Kind.SUSPEND, 1.0, self._suspend),
            (Kind.REBOOT, 1.0, self._reboot),
            (Kind.RELOAD, 1.5, self._reload),
            (Kind.CHANNEL, 2.0, self._channel),
        ]
        weights = [weight for _, weight, _ in acts]
        while self.world.faults.on:
            self.world.kernel.sleep(chance.uniform(10, 4 * self.world.pace / self.world.faults.intensity))
            kind, _, act = chance.choices(acts, weights)[0]
            if self.world.faults.has(kind):
                act(chance)

    def _tell(self, kind: Kind, what: str) -> None:
        self.world.faults.counts[kind] += 1
        self.world.kernel.note("havoc", f"FAULT {kind}: {what}")

    def _outage(self, chance: Random) -> None:
        self.world.server.down_until = self.world.kernel.now + int(chance.uniform(10, 240) * SECOND)
        self._tell(Kind.OUTAGE, f"until {self.world.server.down_until / SECOND:.0f}")

    def _throttle(self, chance: Random) -> None:
        self.world.server.throttled_until = self.world.kernel.now + int(chance.uniform(5, 60) * SECOND)
        self.world.kernel.note(
            "havoc", f"FAULT {Kind.THROTTLE}: until {self.world.server.throttled_until / SECOND:.0f}"
        )

    def _partition(self, chance: Random) -> None:
        host = chance.choice(self.world.hosts)
        if host.session is not None:
            host.session.dark_until = self.world.kernel.now + int(chance.uniform(20, 300) * SECOND)
            self._tell(Kind.PARTITION, f"{host.session.process.name} until {host.session.dark_until / SECOND:.0f}")

    def _jump(self, chance: Random) -> None:
        machine = chance.choice(self.world.places).machine
        # Any two clocks differ by at most the allowed skew of 60 s.
        machine.wall_offset = int(chance.uniform(-30, 30) * SECOND)
        self._tell(Kind.SKEW, f"{machine.name} is {machine.wall_offset / SECOND:.1f} s ahead")

    def _crash(self, chance: Random) -> None:
        chance.choice(self.world.hosts).crash()

    def _pause(self, chance: Random) -> None:
        chance.choice(self.world.hosts).pause(chance.uniform(5, 200))

    def _suspend(self, chance: Random) -> None:
        place, until = chance.choice(self.world.places), self.world.kernel.now + int(chance.uniform(20, 300) * SECOND)
        if max(place.machine.off_until, place.machine.asleep_until) > self.world.kernel.now:
            return
        place.machine.asleep_until = until
        place.machine.suspended += until - self.world.kernel.now
        for process in (*place.processes(), *(h.process for h in self.world.hosts if h.place is place and h.process)):
            process.paused_until, process.asleep_until = max(process.paused_until, until), until
        self._tell(Kind.SUSPEND, f"{place.machine.name} until {until / SECOND:.0f}")

    def _reboot(self, chance: Random) -> None:
        place = chance.choice(self.world.places)
        machine, away = place.machine, chance.uniform(20, 900)
        self._tell(Kind.REBOOT, f"{machine.name} is away for {away:.0f} s")
        for host in self.world.hosts:
            if host.place is place and host.process is not None:
                host.process.dead = True
        place.power_off()
        machine.off_until = self.world.kernel.now + int(away * SECOND)
        machine.boots += 1
        machine.booted_at, machine.suspended, machine.asleep_until = machine.off_until, 0, 0

    def _reload(self, chance: Random) -> None:
        chance.choice(self.world.hosts).reload()

    def _channel(self, chance: Random) -> None:
        receiver = chance.choice(self.world.channels.receivers)
        receiver.down_until = self.world.kernel.now + int(chance.uniform(20, 600) * SECOND)
        self._tell(Kind.CHANNEL, f"{receiver.name} until {receiver.down_until / SECOND:.0f}")

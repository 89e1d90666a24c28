"""Monitors as processes that die and come back, each with its relay."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, Any

from tests.simulation.channels import SimCourier
from tests.simulation.clocks import SimClock
from tests.simulation.faults import Kind
from tests.simulation.kernel import SECOND, Process, Violation
from tests.simulation.place import SimPlace, SimRunner
from tests.simulation.server import Session
from tests.simulation.store import FaultStore
from wsmon.domain.grouping import GroupRule
from wsmon.domain.pool import ClusterRecord
from wsmon.domain.workset import Workset
from wsmon.ports import Joinable
from wsmon.services.chance import Chance
from wsmon.services.companion import Companion
from wsmon.services.config import MonitorConfig
from wsmon.services.monitor import Monitor
from wsmon.services.plans import ChannelPlan, RelayConfig
from wsmon.services.relay import Relay

if TYPE_CHECKING:
    from tests.simulation.world import World


LOOKS = 60.0
"""Seconds within which a monitor that works has looked at everything it attends, slow disks included."""


class TraceLog:
    """The Log port, into the trace."""

    def __init__(self, world: World, process: Process, who: str) -> None:
        self._kernel, self._oracle, self._process, self._who = world.kernel, world.server.oracle, process, who

    def info(self, event: str, **fields: object) -> None:
        told = " ".join(f"{k}={v}" for k, v in fields.items())
        self._kernel.note(self._who, f". {event} {told}")
        if event == "lock lost":
            self._oracle.let_go(self._process, str(fields["workset_id"]), int(str(fields["token"])))

    warning = error = info


class QuietPool:
    """The ClusterSource port: the place as a cluster, without looking at this machine's load."""

    def __init__(self, name: str, slots: int, vcpus: int) -> None:
        self._name, self._slots, self._vcpus = name, slots, vcpus

    def clusters(self, now: int) -> list[ClusterRecord]:
        return [ClusterRecord(self._name, self._slots, now, vcpus=self._vcpus)]


def chance_of(random: Random) -> Chance:
    """The draws of a service, from the seed."""
    return Chance(random.random, random.randrange, lambda: f"{random.getrandbits(128):032x}")


@dataclass(slots=True)
class Host:
    """The init system of one monitor: starts it, and again when it ended."""

    world: World
    place: SimPlace
    config: MonitorConfig
    chance: Random
    process: Process | None = None
    monitor: Monitor | None = None
    session: Session | None = None
    starts: int = 0
    down_for_good: bool = False

    def keep(self) -> None:
        """Never ends: one monitor after the other."""
        kernel, machine = self.world.kernel, self.place.machine
        while True:
            gone = self.process is None or self.process.dead or all(task.done for task in self.process.tasks)
            if gone and kernel.now >= max(machine.off_until, machine.asleep_until) and not self.down_for_good:
                self._start()
            kernel.sleep(self.chance.uniform(2, 15) if not self.world.faults.on else self.chance.uniform(2, 90))

    def _start(self) -> None:
        world = self.world
        self.starts += 1
        if self.starts > 1 and world.faults.on and self.chance.random() < 0.3:
            base = self.config.name.partition("~")[0]
            self.config = replace(self.config, name=f"{base}~{self.starts}")  # a host and process id, anew
        name = self.config.name
        process = self.process = Process(f"{name}#{self.starts}")
        clock = SimClock(world.kernel, self.place.machine)
        session = self.session = Session(
            process, name, clock, self.chance, self.crash, self.pause, self.config.timeout_seconds
        )
        world.kernel.note("init", f"starts {process.name} at {self.place.machine.name}")

        def beside(what: str, work: Any) -> Joinable:
            return world.kernel.start(process, what, work)

        runner = SimRunner(self.place, session)
        log, store, draws = TraceLog(world, process, name), FaultStore(world.server, session), chance_of(self.chance)
        relay = Relay(
            store,
            clock,
            SimCourier(world.channels, process, self.chance),
            [ChannelPlan(receiver, per_minute=6000) for receiver in world.channels.receivers],
            RelayConfig(name, poll_seconds=15, rule=GroupRule(by=("subject",), wait=10, interval=30)),
            log=log,
            jitter=self.chance.random,
        )
        made = self.monitor = Monitor(
            store,
            clock,
            runner,
            QuietPool(self.config.cluster, self.config.slots, world.vcpus),
            self.config,
            policy=world.policy,
            log=log,
            scheduling=world.scheduling,
            chance=draws,
            beside=beside,
            companions=[Companion("relay", relay.step, relay.close, clock, log, beside)]
            if "relay" not in world.plan.without
            else [],
        )
        runner.attended = made.runs.attended
        world.kernel.start(process, "monitor", made.run)

    def crash(self) -> None:
        """SIGKILL."""
        if self.process is not None and not self.process.dead:
            self.world.faults.counts[Kind.CRASH] += 1
            self.world.kernel.note("init", f"FAULT {Kind.CRASH} of {self.process.name}")
            self.process.dead = True

    def pause(self, seconds: float) -> None:
        """SIGSTOP, a long garbage collection, a stalled disk."""
        if self.process is not None:
            self.world.faults.counts[Kind.PAUSE] += 1
            self.world.kernel.note("init", f"FAULT {Kind.PAUSE} of {self.process.name}: {seconds:.1f} s")
            until = self.world.kernel.now + int(seconds * SECOND)
            self.process.paused_until = max(self.process.paused_until, until)

    def stop(self) -> None:
        """SIGTERM."""
        if self.monitor is not None and self.process is not None and not self.process.dead:
            self.monitor.stop()
            self.world.kernel.poke(self.process)

    def beat(self, session: Session) -> None:
        """At a heartbeat: what it attends is its own, or was until a moment ago."""
        if self.monitor is None or self.process is not session.process:
            return
        kernel, oracle = self.world.kernel, self.world.server.oracle
        stood_still = max(self.process.paused_until, self.place.machine.off_until)
        troubled = max(session.troubled_at, stood_still)
        patience = int((self.config.lease_seconds + LOOKS) * SECOND)
        for name, attended in self.monitor.runs.attended.items():
            record, since = oracle.records.get(name), max(troubled, oracle.changed_at.get(name, 0))
            ours = isinstance(record, Workset) and record.token == attended.lease.token and record.holder is not None
            if not ours and kernel.now - since > patience:
                text = f"{self.process.name} attends {name} under token {attended.lease.token}; it is {record}"
                raise Violation("who lost its lock learns of it", text)
        self._idle(session.process, stood_still, patience)

    def _idle(self, process: Process, stood_still: int, patience: int) -> None:
        """What is renewed is worked under: a lock for nothing would keep its workset from everybody for ever."""
        assert self.monitor is not None
        attended = self.monitor.runs.attended
        oracle = self.world.server.oracle
        for name, stamp in oracle.stamps.items():
            record = oracle.records[name]
            mine = oracle.holders.get((name, record.token)) is process and name not in attended
            if mine and stamp.at - max(stood_still, oracle.changed_at[name]) > patience:
                raise Violation("a lock that is kept is worked under", f"{process.name} renews {name}: {record}")

    def reload(self) -> None:
        """A clean end, and other settings at the next start."""
        self.world.faults.counts[Kind.RELOAD] += 1
        self.stop()
        timeout = self.config.timeout_seconds
        self.config = replace(
            self.config,
            max_concurrent=self.chance.randint(1, 4),
            poll_seconds=self.chance.uniform(10, 40),
            timeout_seconds=timeout and self.chance.uniform(0.8, 2.0) * self.place.longest,
            on_stop=self.chance.choice(("leave", "leave", "wait")),
        )

"""One seed: who takes part, what goes wrong and when, and what must hold at the end."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from random import Random

from tests.simulation.callers import Caller
from tests.simulation.channels import Channels, Receiver
from tests.simulation.clocks import Machine, SimClock
from tests.simulation.effects import Effects
from tests.simulation.ending import check_end
from tests.simulation.faults import Faults
from tests.simulation.havoc import Havoc
from tests.simulation.hosts import Host, chance_of
from tests.simulation.index import Index
from tests.simulation.kernel import SECOND, Kernel, Process, Violation
from tests.simulation.ledger import Ledger
from tests.simulation.lives import Lives
from tests.simulation.oracle import Oracle
from tests.simulation.order import Order
from tests.simulation.people import Operator
from tests.simulation.place import SimPlace
from tests.simulation.server import Server, Session
from tests.simulation.store import FaultStore
from tests.simulation.verdicts import Verdicts
from tests.simulation.viewing import Viewer
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.errors import WsmonError
from wsmon.domain.needs import microdollars
from wsmon.domain.queueing import Policy
from wsmon.domain.workset import RetryPolicy, Workset
from wsmon.services.commands import Commands
from wsmon.services.config import MonitorConfig

QUIET_LIMIT = 12 * 3600 * SECOND
SETTLE = 720 * SECOND
"""After the last workset ended: time enough for the view to look at the tallies twice."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to simulate; everything but the seed only takes away from it, to find a smaller failure."""

    seed: int
    without: frozenset[str] = frozenset()
    """Names of kinds of faults, and of actors: operator, caller, viewer, or a monitor's."""
    worksets: int | None = None
    minutes: float | None = None
    """How long things go wrong."""
    keep_all: bool = False
    """Whether the whole trace is kept."""


class World:
    """Everything of one seed."""

    def __init__(self, plan: Plan) -> None:
        seed = plan.seed
        self.plan, self.kernel = plan, Kernel(seed, keep_all=plan.keep_all)
        chance = self._chance = Random(f"{seed}/world")
        self.faults = Faults(seed, plan.without)
        self.worksets = chance.randint(4, 14)
        if plan.worksets is not None:
            self.worksets = min(self.worksets, plan.worksets)
        minutes = chance.uniform(20, 60)
        self.chaos = int((minutes if plan.minutes is None else min(minutes, plan.minutes)) * 60 * SECOND)
        self.pace = self.chaos / SECOND / 60
        """Seconds between two acts of one operator, about."""
        self.policy = RetryPolicy(max_attempts=3, base=30.0, cap=300.0, max_expiries=3)
        self.effects = Effects(self.kernel)
        self.place_names = ("a", "b")[: chance.choice((1, 2, 2))]
        one = len(self.place_names) == 1
        self.programs = 0 if one and chance.random() < 0.6 else chance.randint(0, 2)
        """How many callers of the library there are."""
        self.rash = one and self.programs == 0
        """Whether operators take runs for dead that live: where only one place runs anything it does no harm."""
        base = SqliteStore(None)
        base.check()
        self.slots: dict[str, int] = {}
        self.server = Server(
            self.kernel,
            self.faults,
            base,
            Index(self.kernel, self.faults, seed),
            Oracle(Verdicts(self.policy, self.effects, self.rash)),
            Ledger(base, self),
            Lives(base),
        )
        self.vcpus = chance.choice((0, 4, 6))
        """Of each cluster; 0 limits nothing."""
        self.scheduling = Policy(
            max_wait=chance.choice((None, 120.0, 300.0, 900.0)),
            cost_order=chance.random() < 0.3,
            budget=microdollars(chance.uniform(8, 80)) if chance.random() < 0.4 else None,
        )
        self.channels = Channels(self.kernel, self.faults, [Receiver("c1"), Receiver("c2")])
        self.server.marked.append(self.channels.marked)
        self.order = Order(self)
        self.server.after += [self.order.accepted, self.server.lives.claimed]
        self.places: list[SimPlace] = []
        self.hosts: list[Host] = []
        self.callers: list[Caller] = []
        self._build(chance)

    # who takes part

    def _build(self, chance: Random) -> None:
        hang_ends = chance.random() < 0.6
        longest = chance.choice((120.0, 400.0, 900.0))
        lease = chance.choice((30.0, 60.0, 60.0, 90.0))
        together = chance.uniform(10, 40) if chance.random() < 0.3 else None
        """Seconds between the passes of all monitors, where they begin in step: their plans are the same."""
        for name in self.place_names:
            machine = Machine(self.kernel, name)
            place = SimPlace(
                self.kernel,
                machine,
                self.faults,
                self.server.oracle,
                self.effects,
                Random(f"{self.plan.seed}/{name}"),
                hang_ends,
                longest,
            )
            self.places.append(place)
            self.slots[name] = chance.randint(1, 4)
        for n in range(chance.randint(2, 4)):
            place = self.places[n % len(self.places)]
            cluster = place.machine.name
            config = MonitorConfig(
                name=f"m{n}",
                cluster=cluster,
                slots=self.slots[cluster],
                command=("run.sh", "{workset_id}"),
                poll_seconds=together or chance.uniform(10, 40),
                look_seconds=chance.uniform(4, 10),
                max_concurrent=chance.randint(1, 3),
                lease_seconds=lease,
                renew_seconds=lease / 3,
                skew_seconds=60.0,
                timeout_seconds=longest * 1.2 if hang_ends else None,
            )
            if config.name not in self.plan.without:
                self.hosts.append(Host(self, place, config, Random(f"{self.plan.seed}/{config.name}")))
        for host in self.hosts:
            self.server.beating.append(host.beat)
            after = chance.uniform(0, 20) if together is None else 3 + chance.uniform(0, 0.05)
            self.kernel.start(Process("init"), host.config.name, host.keep, after=after)
        self._people(chance)
        self.kernel.start(Process("havoc"), "havoc", Havoc(self, Random(f"{self.plan.seed}/havoc")).rage)

    def _people(self, chance: Random) -> None:
        desk = Machine(self.kernel, "desk")
        clock = SimClock(self.kernel, desk)
        session = Session(Process("operator"), "operator", clock, Random(f"{self.plan.seed}/operator"))
        commands = Commands(
            FaultStore(self.server, session), clock, "operator", policy=self.policy, chance=chance_of(session.chance)
        )
        self.operator = Operator(self, commands, session.chance)
        if "operator" not in self.plan.without:
            self.server.after.append(self.operator.provoke)
            self.server.looked.append(self.operator.provoke_plan)
        self.kernel.start(session.process, "operator", self._register_some)
        for n in range(self.programs):
            caller = Caller(self, desk, f"caller{n}", Random(f"{self.plan.seed}/caller{n}"))
            if "caller" not in self.plan.without:
                self.callers.append(caller)
                self.kernel.start(Process("program"), caller.name, caller.act)
        screen = Session(Process("viewer"), "viewer", clock, Random(f"{self.plan.seed}/viewer"))
        self.viewer = Viewer(self, FaultStore(self.server, screen), clock, screen.chance)
        if "viewer" not in self.plan.without:
            self.kernel.start(screen.process, "viewer", self.viewer.act)

    def _register_some(self) -> None:
        first = self._chance.randint(1, self.worksets)
        while self.operator.registered < (self.worksets if "operator" in self.plan.without else first):
            with contextlib.suppress(WsmonError):
                self.operator.register(f"w{self.operator.registered:02d}")
        if "operator" in self.plan.without:
            while True:
                self.kernel.sleep(120)
                if not self.faults.on:
                    self.operator.resolve()
        self.operator.act()

    # what the simulation alone knows

    def any_workset(self, chance: Random) -> str | None:
        """The id of one that was registered."""
        names = list(self.server.oracle.records)
        return chance.choice(names) if names else None

    def dead_for_sure(self, record: Workset) -> bool:
        """Whether nothing of the workset's last start works any more, or can come to work."""
        token = record.run.run_token if record.run is not None else record.token
        effect = self.effects.all.get((record.workset_id, token))
        if effect is not None:
            return effect.ended is not None
        if record.run is None:
            return not any(caller.busy(record.workset_id) for caller in self.callers)
        taken = self.server.oracle.taken[record.workset_id, token]
        return self.kernel.now > taken.at + int(taken.duration * SECOND) + SECOND

    # running

    def run(self) -> None:
        """Until everything ended. Raises Violation."""
        try:
            self.kernel.run(self.chaos)
            self._calm()
            self._settle()
            for host in self.hosts:
                host.down_for_good = True
                host.stop()
            self.kernel.run(self.kernel.now + 60 * SECOND)
            check_end(self)
        finally:
            self.kernel.end()
            self.server.base.close()

    def _settle(self) -> None:
        """Until everything ended, and nothing more happened for a while: with a new day a budget is there again."""
        until, events = self.kernel.now + QUIET_LIMIT, -1
        while events != self.server.oracle.events:
            if not self.kernel.run(until, done=self.order.all_over):
                raise Violation("every workset ends", f"still there: {self.order.open_worksets()}")
            events = self.server.oracle.events
            self.kernel.run(self.kernel.now + SETTLE)

    def _calm(self) -> None:
        """No fault any more; all machines come up, and everyone reaches the store."""
        now = self.kernel.now
        self.faults.on = False
        self.server.oracle.quiet_since = now
        self.server.down_until = self.server.throttled_until = now
        for host in self.hosts:
            if host.session is not None:
                host.session.dark_until = now
        for place in self.places:
            machine = place.machine
            if machine.off_until > now:
                machine.off_until = machine.booted_at = now
        for receiver in self.channels.receivers:
            receiver.down_until = now
        self.kernel.note("havoc", "quiet from here")

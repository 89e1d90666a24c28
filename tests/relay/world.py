"""A relay on virtual time, with channels that do as they are told."""

from __future__ import annotations

import random
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from tests.services.world import SilentLog
from wsmon.adapters.courier import InlineCourier
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.errors import ChannelDown, ChannelError, ChannelRefused
from wsmon.domain.grouping import GroupRule
from wsmon.domain.messages import Message
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import ErrorCategory
from wsmon.ports import StateStore
from wsmon.services.commands import Commands
from wsmon.services.plans import ChannelPlan, RelayConfig
from wsmon.services.relay import Relay
from wsmon.services.watching import Watcher

T0 = 1_800_000_000_000_000


class VirtualClock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> int:
        return T0 + round(self.seconds * 1e6)

    def monotonic(self) -> float:
        return self.seconds

    boottime = monotonic

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.seconds += 0.0 if event.is_set() else seconds
        return event.is_set()


class FakeChannel:
    """Keeps what it took; `faults` are raised one by one first, `refuses` names subjects it never takes."""

    def __init__(self, name: str, *, incidents: bool = False) -> None:
        self.name, self.incidents = name, incidents
        self.taken: list[Message] = []
        self.tries = 0
        self.faults: list[ChannelError] = []
        self.down = False
        self.refuses: set[str] = set()

    def send(self, message: Message) -> str:
        self.tries += 1
        if self.down:
            raise ChannelDown("connection refused")
        if self.faults:
            raise self.faults.pop(0)
        if self.refuses & {notice.subject for notice in message.notices if notice.seq}:
            raise ChannelRefused("400: no")
        self.taken.append(message)
        return "200"

    @property
    def told(self) -> list[str]:
        """The ids of all events, in the order they came."""
        return [notice.notice_id for message in self.taken for notice in message.notices if notice.seq]

    @property
    def alerts(self) -> list[str]:
        """`KIND STATUS` of everything that is no event."""
        return [f"{n.kind} {n.status.value}" for message in self.taken for n in message.notices if not n.seq]

    @property
    def counted(self) -> int:
        return sum(message.count for message in self.taken)

    def twice(self) -> list[str]:
        return [name for name, n in Counter(self.told).items() if n > 1]


class RelayWorld:
    """One store, one clock, and relays that come and go."""

    def __init__(self, folder: Path, store: StateStore | None = None) -> None:
        self.clock = VirtualClock()
        self.store: StateStore = store or SqliteStore(None)
        self.store.init()
        self.commands = Commands(self.store, self.clock, "tester")
        self.log = SilentLog()
        self.rule = GroupRule(wait=30, interval=300)

    def relay(self, *channels: FakeChannel | ChannelPlan, holder: str = "m1", **more: Any) -> Relay:
        plans = [c if isinstance(c, ChannelPlan) else ChannelPlan(c, per_minute=6000) for c in channels]
        store = more.pop("store", self.store)
        rules = more.pop("rules", None)
        config = RelayConfig(holder, rule=self.rule, **more)
        return Relay(
            store,
            self.clock,
            InlineCourier(),
            plans,
            config,
            log=self.log,
            jitter=random.Random(1).random,
            watcher=Watcher(store, self.clock, rules, skew=60.0, ruling=config.ruling) if rules is not None else None,
        )

    def run(self, relay: Relay, seconds: float) -> None:
        """Step as often as the relay asks for, for so long."""
        until = self.clock.seconds + seconds
        while True:
            pause = relay.step()
            if self.clock.seconds + pause >= until:
                break
            self.clock.sleep(pause)
        self.clock.seconds = until

    def register(self, *names: str) -> None:
        for name in names:
            self.commands.register(WorksetSpec(name, "b"))

    def fail(self, *names: str, category: ErrorCategory = ErrorCategory.DATA) -> None:
        """Register and fail: register, acquire, fail."""
        self.register(*names)
        for name in names:
            lease = self.commands.acquire(name, holder="m", seconds=60)
            self.commands.fail(name, token=lease.token, category=category, details=f"{name} broke")

    def waiting(self) -> list[str]:
        return [f"{event.workset_id}:{event.seq}" for event in self.store.undelivered(10_000).events]


def in_order(told: list[str]) -> bool:
    """Whether each workset's events came by seq, none left out between two."""
    last: dict[str, int] = {}
    for name in told:
        workset_id, _, seq = name.rpartition(":")
        if int(seq) != last.get(workset_id, 0) + 1:
            return False
        last[workset_id] = int(seq)
    return True

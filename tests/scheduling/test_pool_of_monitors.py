"""Sixteen monitors on three clusters of three slots: never more than nine, nine while there is work, urgent first.

Small by default; WSMON_POOL_WORKSETS=1000 is the full figure.
"""

from __future__ import annotations

import os
import random
import threading
from collections import Counter

import pytest

from tests.bench.day import BriefRunner, MovedClock, NoLog
from tests.scheduling.build import HOUR
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.pool import ClusterRecord
from wsmon.domain.queueing import Policy
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import Verb, WorksetPriority, WorksetState
from wsmon.domain.workset import RetryPolicy
from wsmon.ports import StateStore
from wsmon.services.chance import Chance
from wsmon.services.commands import Commands
from wsmon.services.config import MonitorConfig
from wsmon.services.monitor import Monitor

S, P = WorksetState, WorksetPriority
MONITORS, CLUSTERS, SLOTS = 16, 3, 3
COUNT = int(os.environ.get("WSMON_POOL_WORKSETS", "40"))


class ThreeClusters:
    """All of them reached by every monitor."""

    def clusters(self, now: int) -> list[ClusterRecord]:
        return [ClusterRecord(f"c{n}", SLOTS, now, vcpus=96) for n in range(CLUSTERS)]


class Pool:
    """Monitors on one store and one clock, their runs simulated."""

    def __init__(self, seed: int, policy: Policy) -> None:
        self.clock, self.chance = MovedClock(), random.Random(seed)
        self.store: StateStore = SqliteStore(None)
        self.commands = Commands(self.store, self.clock, "operator")
        self.runner = BriefRunner(self.clock)
        self.monitors = [self.monitor(f"m{n:02}", policy) for n in range(MONITORS)]

    def monitor(self, name: str, policy: Policy) -> Monitor:
        config = MonitorConfig(
            name,
            "c0",
            SLOTS,
            command=("run", "{workset_id}"),
            max_concurrent=4,
            lease_seconds=600,  # the rounds are far apart; a lock that dies between two would be adopted
            renew_seconds=60,
        )
        return Monitor(
            self.store,
            self.clock,
            self.runner,
            ThreeClusters(),
            config,
            policy=RetryPolicy(max_attempts=9, base=30.0),
            log=NoLog(),
            scheduling=policy,
            chance=Chance(choose=random.Random(name).randrange),
        )

    def register(self, n: int) -> None:
        priority = self.chance.choice([P.URGENT, P.NORMAL, P.NORMAL, P.LOW])
        needs = {"vcpus": self.chance.choice([0, 8, 16, 32])}
        self.commands.register(WorksetSpec(f"w{n:04}", "b", "p", priority, {}, needs))

    def held(self) -> Counter[str]:
        return Counter({cluster.name: len(cluster.claims) for cluster in self.store.clusters()})

    def waiting(self, *tiers: WorksetPriority) -> int:
        pages = (self.store.page(S.READY, priority=tier, limit=1000) for tier in tiers or tuple(P))
        return sum(len(page.rows) for page in pages)

    def round(self) -> None:
        """Every monitor makes a pass, in an order of its own."""
        order = list(self.monitors)
        self.chance.shuffle(order)
        for monitor in order:
            monitor.keeper.renew_due()
            claimed = set(monitor.runs.attended)
            monitor.step()
            for workset_id in monitor.runs.attended.keys() - claimed:
                if self.commands.get(workset_id).priority is not P.URGENT:
                    assert not self.waiting(P.URGENT), "an urgent one was passed by, though both fit"
            held = self.held()
            assert max(held.values(), default=0) <= SLOTS
        if self.waiting():
            assert sum(self.held().values()) == CLUSTERS * SLOTS, "work waits, and a slot is free"


@pytest.mark.parametrize("seed", [1])
def test_never_more_than_nine_nine_while_work_waits_and_urgent_first(seed: int) -> None:
    pool = Pool(seed, Policy(max_wait=None))
    registered = 0
    for _ in range(200 * COUNT):
        for _ in range(pool.chance.choice([0, 0, 1, 2, 6])):
            if registered < COUNT:
                pool.register(registered)
                registered += 1
        pool.round()
        pool.clock.sleep(pool.chance.uniform(5, 120))
        if registered == COUNT and pool.store.tallies()[S.COMPLETE] == COUNT:
            break
    assert pool.store.tallies()[S.COMPLETE] == COUNT
    assert sum(pool.held().values()) == 0
    starts = Counter(
        event.verb for n in range(COUNT) for event in pool.store.history(f"w{n:04}") if event.verb is Verb.COMPLETE
    )
    assert starts[Verb.COMPLETE] == COUNT, "each ended well exactly once"


def test_nothing_waits_beyond_the_ageing_bound() -> None:
    """Urgent ones come faster than they can be run; a low one gets its turn all the same."""
    max_wait = 1800.0
    pool = Pool(3, Policy(max_wait=max_wait))
    for n in range(20):
        pool.commands.register(WorksetSpec(f"first{n}", "b", "p", P.URGENT))
    pool.commands.register(WorksetSpec("low", "b", "p", P.LOW))
    begun = pool.clock.now()
    for n in range(400):
        for i in range(3):
            pool.commands.register(WorksetSpec(f"u{n:03}.{i}", "b", "p", P.URGENT))
        for monitor in pool.monitors[:4]:
            monitor.keeper.renew_due()
            monitor.step()
        pool.clock.sleep(60)
        if pool.commands.get("low").started_at is not None:
            break
    started = pool.commands.get("low").started_at
    assert started is not None
    waited = (started - begun) / 1e6
    assert pool.waiting(P.URGENT) > 0, "it did not start for want of anything else"
    assert waited > max_wait, "it aged"
    # Two tiers up, and once more past those urgent ones that age as well.
    assert waited <= 4 * max_wait + HOUR / 1e6


def test_sixteen_at_once_on_threads_never_pass_a_clusters_slots(tmp_path: object) -> None:
    pool = Pool(5, Policy())
    for n in range(40):
        pool.register(n)
    pool.monitors[0]._heartbeat()
    over: list[Counter[str]] = []

    def work(monitor: Monitor) -> None:
        monitor.step()
        held = pool.held()
        if max(held.values(), default=0) > SLOTS:
            over.append(held)

    threads = [threading.Thread(target=work, args=(monitor,)) for monitor in pool.monitors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert over == []
    assert sum(pool.held().values()) == CLUSTERS * SLOTS
    assert pool.store.tallies()[S.IN_PROGRESS] == CLUSTERS * SLOTS

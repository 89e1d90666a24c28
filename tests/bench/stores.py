"""Stores of a known size, and what a piece of work costs on DynamoDB in calls and units."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests import peers
from wsmon.adapters.clock import SystemClock
from wsmon.adapters.dynamo import DynamoStore
from wsmon.domain.change import SlotClaim
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import WorksetPriority
from wsmon.domain.workset import RunRecord, Workset
from wsmon.ports import ClusterRecord, MonitorRecord, StateStore
from wsmon.services.commands import Commands
from wsmon.services.live import LiveView

HOUR = 3_600_000_000
LOOK = 100
"""Microseconds that pass at each look at a clock."""
TIERS = tuple(WorksetPriority)
READS = {"query", "get_item", "batch_get_item", "scan"}
REFRESH_SECONDS = 2.0
HOLDER = "ip-10-0-0-1-4242"


class BenchClock(SystemClock):
    """Starts now and stands, but for a moment at each look, until it is moved on.

    So a refresh every two seconds is one, however busy the machine is.
    """

    def __init__(self) -> None:
        self.at = super().now()
        self.turn_to(minute=30)

    def now(self) -> int:
        self.at += LOOK
        return self.at

    def monotonic(self) -> float:
        return self.at / 1e6

    def turn_to(self, minute: float) -> None:
        """Go on to the next time the minute hand stands there."""
        self.at += (int(minute * 60_000_000) - self.at) % HOUR

    def sleep(self, seconds: float) -> None:
        """Go on without waiting."""
        self.at += int(seconds * 1_000_000)


@dataclass(frozen=True, slots=True)
class Cost:
    """What some work took; units as the peer counts them by DynamoDB's documented rules."""

    calls: int
    reads: float
    writes: float
    operations: tuple[str, ...]


class Meter:
    """Counts every call of a DynamoStore by what its reply says was consumed."""

    def __init__(self, store: DynamoStore) -> None:
        connection: Any = store._connection
        self._send = connection._send
        connection._send = self._counted
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self._reads = self._writes = 0.0

    def _counted(self, operation: str, parameters: dict[str, Any]) -> Any:
        reply = self._send(operation, {**parameters, "ReturnConsumedCapacity": "TOTAL"})
        self.requests.append((operation, parameters))
        consumed = reply.get("ConsumedCapacity") or []
        units = sum(part["CapacityUnits"] for part in (consumed if isinstance(consumed, list) else [consumed]))
        if operation in READS:
            self._reads += units
        else:
            self._writes += units
        return reply

    def cost(self, work: Callable[[], Any]) -> Cost:
        """Do the work once and say what it took."""
        before, reads, writes = len(self.requests), self._reads, self._writes
        work()
        operations = tuple(operation for operation, _ in self.requests[before:])
        return Cost(len(operations), self._reads - reads, self._writes - writes, operations)


class World:
    """A table on dynoxide, whose replies count units as the documentation does, and its meter."""

    def __init__(self) -> None:
        peers.credentials()
        self.clock = BenchClock()
        table, url = peers.new_table(), peers.url("dynoxide")
        self.store = DynamoStore(table, region="us-east-1", endpoint_url=url, clock=self.clock)
        self.store.init()
        self.commands = Commands(self.store, self.clock, "bench@node-1")
        self.meter = Meter(self.store)
        self.size = 0

    def grow(self, size: int) -> None:
        """Register what is missing, long enough ago that no reader reads it again."""
        for _, refused in self.commands.register_many(spec(number) for number in range(self.size, size)):
            assert not refused
        self.size = max(self.size, size)
        self.clock.sleep(7200)

    def view(self) -> LiveView:
        """An opened view that has made its first check of the tallies, and far from an hour's edge."""
        self.clock.turn_to(minute=30)
        view = LiveView(self.store, self.clock)
        for _ in view.open():
            pass
        for _ in range(6):
            self.clock.sleep(REFRESH_SECONDS)
            view.poll()
        return view

    def poll(self, view: LiveView) -> Cost:
        """A refresh after the pause between two."""
        self.clock.sleep(REFRESH_SECONDS)
        return self.meter.cost(view.poll)

    def hold(self, numbers: range, cluster: str = "use1-cl7") -> None:
        """Lock each, with a slot, and start it."""
        for number in numbers:
            self.begin(number, cluster)

    def begin(self, number: int, cluster: str = "use1-cl7") -> Workset:
        """Lock one, with a slot, and start it, as a monitor does."""
        name, claim = name_of(number), SlotClaim(cluster, 10_000)
        workset, lease = self.commands.take(name, holder=HOLDER, seconds=3600, claim=claim)
        return self.commands.start(workset, token=lease.token, run=run_record(name, lease.token))

    def live(self, number: int) -> Workset:
        """A whole life: locked, started, complete."""
        started = self.begin(number)
        metrics = {"duration_seconds": 3600.5, "exit_code": 0}
        return self.commands.complete(started, token=started.token, metrics=metrics)

    def close(self) -> None:
        """Give back the connections; the table goes with the peer."""
        self.store.close()


@contextlib.contextmanager
def fresh(size: int) -> Iterator[World]:
    """A world of its own with monitors and clusters."""
    world = World()
    world.grow(size)
    crew(world.store, world.clock.now())
    yield world
    world.close()


_shared: list[World] = []


def shared() -> World:
    """One world for all groups of a run, because filling it takes minutes; it only grows."""
    if not _shared:
        _shared.append(World())
    return _shared[0]


def close_shared() -> None:
    """Give it back."""
    while _shared:
        _shared.pop().close()


def name_of(number: int) -> str:
    """An id as a sequencing run and a sample make one."""
    return f"RUN{number:07}-HG{number * 37 % 900:03}"


def spec(number: int) -> WorksetSpec:
    """A workset as pipelines register them."""
    name = name_of(number)
    return WorksetSpec(name, "lsmc-dayoa-omics-use1", f"worksets/2026/{name}", TIERS[number % 3])


def run_record(name: str, token: int) -> RunRecord:
    """Where a run was started."""
    return RunRecord(token, "0f3c2a917d5e4b68", "ip-10-0-0-1", "6f1c", f"/data/wsmon/runs/{name}/{token}")


def monitor_record(number: int, now: int) -> MonitorRecord:
    """A monitor as it reports."""
    host = f"ip-10-0-0-{number + 1}"
    return MonitorRecord(f"{host}-{4242 + number}", host, 4242 + number, now, now, "0.1.0", "0f3c2a917d5e4b68", 2)


def crew(store: StateStore, now: int, monitors: int = 20, clusters: int = 4) -> None:
    """Monitors and clusters as they report."""
    for number in range(clusters):
        store.put_cluster(ClusterRecord(f"use1-cl{number + 4}", 64, now, vcpus=192, load=3.2, cpu_percent=44.0))
    for number in range(monitors):
        store.put_monitor(monitor_record(number, now))


def label(size: int) -> str:
    """A size as it stands in a figure's name."""
    return f"{size // 1000}k" if size % 1000 == 0 else str(size)

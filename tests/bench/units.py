"""What single operations cost on DynamoDB: the coefficients of the model in docs/scale.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.bench.counts import LEASES, MONITORS
from tests.bench.day import make_monitor
from tests.bench.figures import Figure, Scale
from tests.bench.stores import Cost, World, crew, fresh, monitor_record, name_of

PASSES = 4


def units(scale: Scale) -> Iterator[Figure]:
    """Registration, renewal, heartbeat, delivery, the tallies' check and a monitor's pass."""
    del scale
    with fresh(80) as world:
        world.hold(range(LEASES))
        yield from _writes(world)
        check = world.meter.cost(world.store.tallies)
        yield Figure("units.check.reads", "a check of the tallies, every five minutes", check.reads, "read units")
    with fresh(80) as world:
        world.hold(range(LEASES))
        crew(world.store, world.clock.now(), MONITORS)
        yield from _passes(world)


def _writes(world: World) -> Iterator[Figure]:
    store, now = world.store, world.clock.now()
    lease: Any = store.lease(name_of(0))
    told = [(event.workset_id, event.seq) for n in range(20) for event in store.history(name_of(n))[-1:]]
    size = world.size
    bulk = world.meter.cost(lambda: world.grow(size + 400))
    costs = {
        "register": ("a registration among many", bulk.writes / 400),
        "renewal": ("a renewal", world.meter.cost(lambda: store.renew(lease.renewed(now))).writes),
        "heartbeat": ("a heartbeat", world.meter.cost(lambda: store.put_monitor(monitor_record(0, now))).writes),
        "delivery": (
            "an event taken off the outbox",
            world.meter.cost(lambda: store.mark_delivered(told)).writes / len(told),
        ),
    }
    for name, (what, value) in costs.items():
        yield Figure(f"units.{name}.writes", what, value, "write units")


def _passes(world: World) -> Iterator[Figure]:
    """A monitor with nothing to do, beside 19 others and 50 locks."""
    store = world.store
    leases = world.meter.cost(store.leases).reads
    monitors = world.meter.cost(store.monitors).reads
    yield Figure("units.leases.reads", f"all {LEASES} leases, read consistently", leases, "read units")
    yield Figure("units.monitors.reads", f"all {MONITORS} monitors, read consistently", monitors, "read units")
    monitor = make_monitor(store, world.clock, "mon-1")
    costs: list[Cost] = []
    for _ in range(PASSES):
        world.clock.sleep(5)
        costs.append(world.meter.cost(monitor.step))
    last = costs[-1]
    yield Figure("units.pass.calls", "a monitor's pass with all its places taken", last.calls, "calls")
    yield Figure("units.pass.reads", "a monitor's pass with all its places taken", last.reads, "read units")
    yield Figure("units.pass.writes", "a monitor's pass with all its places taken", last.writes, "write units")

"""Counts on DynamoDB: calls and units of a refresh, of changes, of a lifecycle, of a claim and of the depth."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.bench.figures import Figure, Scale
from tests.bench.stores import HOLDER, Cost, World, crew, fresh, label, shared
from wsmon.domain.pool import ClusterRecord
from wsmon.domain.states import WorksetState
from wsmon.services.scheduler import Scheduler

Measure = Callable[[Scale], Iterator[Figure]]
POLLS = 12
"""Enough for everything that is read in turn, or now and then, to have its turn."""
TURNS = 10
"""Refreshes in a row that see changes."""
LEASES, MONITORS = 50, 20


def refresh(scale: Scale) -> Iterator[Figure]:
    """Polls with nothing changed, at each size, the dearest counts; the naive way beside it."""
    world, polls = shared(), list[Cost]()
    for size in scale.worksets:
        world.grow(size)
        if size == scale.worksets[0]:
            world.hold(range(LEASES))
            world.clock.sleep(1800)
            crew(world.store, world.clock.now(), MONITORS)
        view = world.view()
        polls = [world.poll(view) for _ in range(POLLS)]
        naive = world.meter.cost(lambda: naive_refresh(world))
        beside = f"query every state and count: {naive.calls:,} calls, {naive.reads:,.1f} units"
        calls, units = max(poll.calls for poll in polls), max(poll.reads for poll in polls)
        name = label(size)
        yield Figure(f"refresh.calls.{name}", f"a refresh, {name} worksets", calls, "calls", at_most=3, note=beside)
        yield Figure(f"refresh.units.{name}", f"a refresh, {name} worksets", units, "units", at_most=3, note=beside)
    mean = sum(poll.reads for poll in polls) / len(polls)
    yield Figure("refresh.units.mean", "a refresh, on average", mean, "units")
    yield _edge(world)
    yield _further_leases(world, max(poll.reads for poll in polls))


def naive_refresh(world: World) -> int:
    """Read every state's rows, count them, and read all else."""
    store = world.store
    for read in (store.leases, store.clusters, store.monitors, store.alerts):
        read()
    return sum(1 for state in WorksetState for _ in world.commands.rows(state))


def _edge(world: World) -> Figure:
    view = world.view()
    world.clock.turn_to(minute=59.5)
    view.poll()
    calls = max(world.poll(view).calls for _ in range(POLLS * 3))
    world.clock.turn_to(minute=30)
    return Figure("refresh.calls.edge", "a refresh at the hour's edge", calls, "calls", at_most=4)


def _further_leases(world: World, before: float) -> Figure:
    world.hold(range(LEASES, LEASES * 5))
    world.clock.sleep(1800)
    view = world.view()
    units = max(world.poll(view).reads for _ in range(POLLS))
    more = (units - before) / 4
    return Figure("refresh.units.more-leases", "for 50 further leases", more, "units", at_most=1)


def changes(scale: Scale) -> Iterator[Figure]:
    """Refreshes that see worksets locked, started and completed: the dearest one, and all that read a change."""
    del scale
    with fresh(1200) as world:
        number = 0
        for lives in (2, 15, 50):
            view = world.view()
            quiet = [world.poll(view).reads for _ in range(POLLS)]
            busy = []
            for _ in range(TURNS):
                for _ in range(lives):
                    world.live(number)
                    number += 1
                busy.append(world.poll(view).reads)
            after = [world.poll(view).reads for _ in range(POLLS)]
            k = 3 * lives
            dearest = max(0.0, max(busy) - max(quiet)) / k
            spent = sum(busy) + sum(after) - sum(quiet) / POLLS * (TURNS + POLLS)
            what = f"a refresh with {k} changes, for each of them"
            yield Figure(f"changes.units.{k}", what, dearest, "units", at_most=0.25)
            what = f"all refreshes that read it, for each change, {k} a refresh"
            yield Figure(f"changes.whole.{k}", what, max(0.0, spent) / (k * TURNS), "units")
            world.clock.sleep(300)


def lifecycle(scale: Scale) -> Iterator[Figure]:
    """Acquire, start and complete: calls, and units for the scale model."""
    del scale
    with fresh(100) as world:
        cost = world.meter.cost(lambda: world.live(0))
    yield Figure("lifecycle.calls", "acquire, start and complete", cost.calls, "calls", at_most=4)
    yield Figure("lifecycle.writes", "acquire, start and complete", cost.writes, "write units")
    yield Figure("lifecycle.reads", "acquire, start and complete", cost.reads, "read units")


def claim(scale: Scale) -> Iterator[Figure]:
    """What a monitor does to claim one of few, and one of many."""
    with fresh(100) as world:
        few = world.meter.cost(lambda: _claim_one(world))
    most = scale.worksets[-1]
    shared().grow(most)
    crew(shared().store, shared().clock.now())
    many = shared().meter.cost(lambda: _claim_one(shared()))
    for size, cost in ((100, few), (most, many)):
        yield Figure(f"claim.calls.{label(size)}", f"a claim of {size:,} ready", cost.calls, "calls")
        yield Figure(f"claim.reads.{label(size)}", f"a claim of {size:,} ready", cost.reads, "read units")
    what = f"calls of a claim from {most:,} ready beyond those from 100"
    yield Figure("claim.more", what, many.calls - few.calls, "calls", at_most=0)


def _claim_one(world: World) -> None:
    """The pool, the window and the first claim, as the monitor reads and makes them."""
    world.store.clusters()
    pool = [ClusterRecord("use1-cl7", 10_000, world.clock.now())]
    outlook = Scheduler(world.store, world.clock).outlook(only=pool)
    first = outlook.starts()[0]
    world.commands.take(first.workset_id, holder=HOLDER, seconds=60, claim=outlook.claim(first))


def depth(scale: Scale) -> Iterator[Figure]:
    """The tallies beside counting; both must say the same."""
    world = shared()
    world.grow(scale.worksets[-1])
    counted: dict[str, int] = {}

    def count() -> None:
        counted.update({state: sum(1 for _ in world.commands.rows(state)) for state in WorksetState})

    naive, cost = world.meter.cost(count), world.meter.cost(world.store.tallies)
    assert world.store.tallies() == counted, "the tallies do not equal a count"
    beside = f"counting: {naive.calls:,} calls, {naive.reads:,.1f} units"
    yield Figure("depth.calls", f"exact depth of {world.size:,}", cost.calls, "calls", at_most=2, note=beside)
    yield Figure("depth.reads", f"exact depth of {world.size:,}", cost.reads, "read units")

"""Seeds, one or many: run, counted, and a failure made small."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from multiprocessing import get_context

from tests.simulation.faults import Kind
from tests.simulation.kernel import SECOND, Violation
from tests.simulation.world import Plan, World

ACTORS = ("viewer", "caller", "relay", "operator", "m3", "m2", "m1", "m0")


@dataclass(slots=True)
class Outcome:
    """What one seed came to."""

    seed: int
    invariant: str | None = None
    text: str = ""
    seconds: float = 0.0
    """Virtual."""
    events: int = 0
    digest: str = ""
    faults: Counter[str] = field(default_factory=Counter)
    trace: tuple[str, ...] = ()


def run_seed(plan: Plan, *, trace: bool = False) -> Outcome:
    """Simulate one plan to its end or its first violation."""
    world = World(plan)
    outcome = Outcome(plan.seed)
    try:
        world.run()
    except Violation as violation:
        outcome.invariant, outcome.text = violation.invariant, violation.text
    outcome.seconds, outcome.events = world.kernel.now / SECOND, world.server.oracle.events
    outcome.digest = world.kernel.digest
    outcome.faults = Counter({kind.name: n for kind, n in world.faults.counts.items()})
    if trace:
        outcome.trace = tuple(world.kernel.trace)
    return outcome


def _one(seed: int) -> Outcome:
    return run_seed(Plan(seed))


def run_seeds(seeds: Iterable[int], jobs: int | None = None) -> Iterator[Outcome]:
    """The outcomes as they come, from all cores."""
    jobs = jobs or os.cpu_count() or 1
    if jobs == 1:
        yield from map(_one, seeds)
        return
    with get_context("fork").Pool(jobs) as pool:
        yield from pool.imap_unordered(_one, seeds, chunksize=2)


def shrink(plan: Plan, invariant: str) -> Plan:
    """A smaller plan that breaks the same invariant: fewer faults, fewer actors, fewer worksets, less time."""

    def fails(smaller: Plan) -> bool:
        return run_seed(smaller).invariant == invariant

    for name in (*(kind.name for kind in Kind), *ACTORS):
        smaller = replace(plan, without=plan.without | {name})
        if fails(smaller):
            plan = smaller
    for worksets in (1, 2, 3, 5, 8):
        if fails(replace(plan, worksets=worksets)):
            plan = replace(plan, worksets=worksets)
            break
    for minutes in (3.0, 8.0, 15.0, 25.0, 40.0):
        if fails(replace(plan, minutes=minutes)):
            return replace(plan, minutes=minutes)
    return plan


def minimal_trace(plan: Plan, lines: int = 60) -> list[str]:
    """The end of a plan's trace, what concerns the workset of the violation first where it names one."""
    outcome = run_seed(replace(plan, keep_all=True), trace=True)
    named = next((word.strip("'[],:") for word in outcome.text.split() if word.strip("'[],:")[:1] == "w"), None)
    if named is None or not named[1:].isdigit():
        return list(outcome.trace[-lines:])
    wanted = [line for line in outcome.trace if named in line or "FAULT" in line or "init" in line]
    return wanted[-lines:]

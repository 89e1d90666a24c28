"""Seeds, one or many: run, counted, and a failure made small."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from multiprocessing import get_context

from tests.simulation.faults import Kind
from tests.simulation.kernel import SECOND, Violation
from tests.simulation.world import Plan, World

ACTORS = ("viewer", "caller", "relay", "operator", "m3", "m2", "m1", "m0")
_WORKSET = re.compile(r"\bw\d\d\b")


@dataclass(slots=True)
class Outcome:
    """What one seed came to."""

    seed: int
    invariant: str | None = None
    text: str = ""
    seconds: float = 0.0
    """Virtual."""
    events: int = 0
    steps: int = 0
    """How often an actor had its turn."""
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
    outcome.digest, outcome.steps = world.kernel.digest, world.kernel.switches
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
    """The end of a plan's trace, and what broke: what concerns the workset of the violation where it names one.

    Of the rest remain the faults of all, and what befell the processes that had to do with the workset.
    """
    outcome = run_seed(replace(plan, keep_all=True), trace=True)
    broken = [f"BROKEN: {outcome.invariant}", f"  {outcome.text}"] if outcome.invariant is not None else []
    name = _WORKSET.search(outcome.text)
    if name is None:
        return [*outcome.trace[-lines:], *broken]
    told = re.compile(rf"\b{name[0]}\b")
    who = {line.split()[1] for line in outcome.trace if told.search(line)}
    kept = [line for line in outcome.trace if told.search(line) or _befell(line.split(maxsplit=2)[1:], who)]
    return [*kept[-lines:], *broken]


def _befell(told: list[str], who: set[str]) -> bool:
    """Whether a line tells of a fault of everybody's, or of the life of one of these actors."""
    actor, text = told[0], told[-1]
    if actor == "havoc":
        return True
    return (actor in who and "FAULT" in text) or (actor == "init" and any(re.search(rf"\b{w}#", text) for w in who))

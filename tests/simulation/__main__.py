"""`make simulate SEEDS=N`, or `python -m tests.simulation --seed S` for one again, to the event."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from tests.simulation.faults import Kind
from tests.simulation.running import Outcome, minimal_trace, run_seed, run_seeds, shrink
from tests.simulation.world import Plan


def main() -> int:
    """The exit code: 1 where an invariant broke, or a kind of fault never came."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--seed", type=int, help="this one alone, with its trace")
    parser.add_argument("--without", default="", help="kinds of faults and actors to leave out, with commas between")
    parser.add_argument("--worksets", type=int, help="so many at most")
    parser.add_argument("--minutes", type=float, help="let things go wrong so long at most")
    parser.add_argument("--jobs", type=int, help="processes; by default one a core")
    given = parser.parse_args()
    if given.seed is not None:
        without = frozenset(name for name in given.without.split(",") if name)
        return again(Plan(given.seed, without, given.worksets, given.minutes, keep_all=True))
    return many(range(given.first, given.first + given.seeds), given.jobs)


def again(plan: Plan) -> int:
    """One seed with its whole trace."""
    outcome = run_seed(plan, trace=True)
    print("\n".join(outcome.trace))
    print(f"\nseed {plan.seed}: {outcome.events} events in {outcome.seconds / 3600:.2f} h, trace {outcome.digest}")
    if outcome.invariant is None:
        print("every invariant holds")
        return 0
    print(f"BROKEN: {outcome.invariant}\n{outcome.text}")
    return 1


def many(seeds: range, jobs: int | None) -> int:
    """Many seeds, counted."""
    began, faults, broken = time.monotonic(), Counter[str](), list[Outcome]()
    virtual, events = 0.0, 0
    for outcome in run_seeds(seeds, jobs):
        faults += outcome.faults
        virtual, events = virtual + outcome.seconds, events + outcome.events
        if outcome.invariant is not None:
            broken.append(outcome)
            print(f"seed {outcome.seed}: BROKEN: {outcome.invariant}\n  {outcome.text[:2000]}", flush=True)
    took = time.monotonic() - began
    print(f"\n{len(seeds)} seeds, {virtual / 86400:.2f} simulated days, {events} events in {took:.1f} s")
    print(f"{len(seeds) / took:.1f} seeds a second, a simulated day in {took / max(virtual / 86400, 1e-9):.1f} s\n")
    for kind in Kind:
        print(f"{faults[kind.name]:>10}  {kind.name:<13} {kind.value}")
    never = [kind.name for kind in Kind if not faults[kind.name]]
    if never and len(seeds) >= 20:
        print(f"\nnever came: {', '.join(never)}")
    if broken:
        _explain(min(broken, key=lambda outcome: outcome.seed))
    return 1 if broken or (never and len(seeds) >= 20) else 0


def _explain(outcome: Outcome) -> None:
    """The failure of the lowest seed, as small as it gets."""
    assert outcome.invariant is not None
    print(f"\nmaking seed {outcome.seed} smaller ...", flush=True)
    plan = shrink(Plan(outcome.seed), outcome.invariant)
    flags = f"--seed {plan.seed}"
    flags += f" --without {','.join(sorted(plan.without))}" if plan.without else ""
    flags += f" --worksets {plan.worksets}" if plan.worksets is not None else ""
    flags += f" --minutes {plan.minutes:g}" if plan.minutes is not None else ""
    print("\n".join(minimal_trace(plan)))
    print(f"\nagain: python -m tests.simulation {flags}")


if __name__ == "__main__":
    sys.exit(main())

"""Who may go first: nobody before a more pressing one that fits, and nobody far ahead of who waited longer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.kernel import SECOND, Violation
from tests.simulation.model import said, state_of, tier_of
from wsmon.domain.change import Change
from wsmon.domain.workset import Workset

if TYPE_CHECKING:
    from tests.simulation.server import Session
    from tests.simulation.world import World


BARRED = 300 * SECOND
"""So long after its end an older run may still bar its workset: until a pass has seen that it is dead."""


class Order:
    """Checked at every lock a monitor takes."""

    def __init__(self, world: World) -> None:
        self._world = world

    def accepted(self, session: Session, change: Change) -> None:
        """Called before the model learns of the change."""
        before = change.before
        if change.event.verb != "acquire" or change.claim is None or not isinstance(before, Workset):
            return
        oracle, looked = self._world.server.oracle, min(session.paged_at.values(), default=0)
        if max(oracle.changed_at[before.workset_id], self._world.server.index.surfaces[before.workset_id]) >= looked:
            return  # what was planned was another version of it
        wall, ahead = session.clock.now(), 0
        mine = self._tier(before, wall)
        for other in self._instead(session, before, change.claim.cluster):
            # As it was when the monitor looked, and so at the least.
            theirs = self._tier(other, session.due)
            if theirs < mine:
                aged = theirs < tier_of(other)
                rule = "nobody waits past the bound" if aged else "urgent before normal before low, where both fit"
                raise Violation(rule, f"{said(change)}: tier {mine}, while {other.workset_id} waits in tier {theirs}")
            ahead += theirs == mine and waits_since(other) < waits_since(before)
        monitors = len(self._world.server.base.monitors())
        if ahead >= monitors and not self._world.scheduling.cost_order:
            raise Violation(
                "nobody far ahead of who waited longer", f"{said(change)}: {ahead} before {monitors} monitors"
            )

    def _tier(self, record: Workset, wall: int) -> int:
        """Lifted by one for every whole `max_wait` waited."""
        longest = self._world.scheduling.max_wait
        lifted = 0 if longest is None else max(0, wall - waits_since(record)) // int(longest * SECOND)
        return tier_of(record) - lifted

    def _instead(self, session: Session, chosen: Workset, cluster: str) -> list[Workset]:
        """What the monitor could have taken instead: there, unchanged since before it looked, and no harder to fit."""
        oracle, index = self._world.server.oracle, self._world.server.index
        found = []
        for name, record in oracle.records.items():
            if not isinstance(record, Workset) or name == chosen.workset_id:
                continue
            looked = session.paged_at.get((record.state.value, record.priority.value), 0)
            waits = record.state == "ready" or (record.state == "retrying" and (record.retry_after or 0) <= session.due)
            there = waits and oracle.changed_at[name] < looked and index.surfaces[name] < looked
            if self._barred(name, looked):
                continue  # an older run of it lives, or lived when the monitor judged it
            if there and record.affinity in {None, cluster} and self._no_harder(record, chosen):
                found.append(record)
        return found

    def _barred(self, name: str, looked: int) -> bool:
        """Whether a run of it was left behind that lived in one of the last passes."""
        ends = [e.ended for e in self._world.effects.all.values() if e.workset_id == name and e.left_behind]
        runs = [r for place in self._world.places for r in place.runs.values() if r.workset_id == name]
        ends += [run.refused_at for run in runs if run.refused_at is not None]
        return any(run.held for run in runs) or any(end is None or end > looked - BARRED for end in ends)

    def _no_harder(self, record: Workset, chosen: Workset) -> bool:
        vcpus = [int(one.requirements.get("vcpus", 0)) for one in (record, chosen)]
        costs = [one.metadata.get("estimated_cost_usd", 0.0) for one in (record, chosen)]
        budget = self._world.scheduling.budget
        within = budget is None or record.priority == "urgent" or (costs[0] <= costs[1] and chosen.priority != "urgent")
        return vcpus[0] <= vcpus[1] and within

    def open_worksets(self) -> list[str]:
        """Those that have not come to an end, as far as they can."""
        over = {"complete", "error", "failed", "ignored", "archived", "deleted", None}
        records = self._world.server.oracle.records.values()
        return [f"{r.workset_id} {state_of(r)}" for r in records if state_of(r) not in over and self._can_end(r)]

    def _can_end(self, record: object) -> bool:
        """Whether something can run it: its cluster is there, and the day's budget is not spent."""
        if not isinstance(record, Workset) or record.state not in {"ready", "retrying"}:
            return True
        clusters = {host.config.cluster for host in self._world.hosts}
        budget, spent = self._world.scheduling.budget, self._world.server.ledger.spent_today()
        cost = round(record.metadata.get("estimated_cost_usd", 0.0) * SECOND)
        broke = budget is not None and record.priority != "urgent" and (spent >= budget or spent + cost > budget)
        return (record.affinity is None or record.affinity in clusters) and not broke

    def all_over(self) -> bool:
        """Whether every workset has come to an end."""
        return not self.open_worksets()


def waits_since(record: Workset) -> int:
    """The moment that orders what waits."""
    return record.retry_after or record.queued_at

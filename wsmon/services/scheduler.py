"""The scheduler on a store: what would start now, what a monitor takes, and why the rest waits."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from wsmon.domain.change import SlotClaim
from wsmon.domain.errors import NotFound, Refused
from wsmon.domain.needs import day_of
from wsmon.domain.pool import USABLE, ClusterRecord, Taken
from wsmon.domain.queueing import Policy, Waiting, waiting_of
from wsmon.domain.scheduling import Action, Decision, plan
from wsmon.domain.states import WAITING, Verb, WorksetPriority
from wsmon.domain.times import Instant, isoformat, micros
from wsmon.domain.workset import Workset, row_of
from wsmon.ports import Clock, StateStore
from wsmon.services.attending import Attendance
from wsmon.services.documents import decision_document, iso_or_none, verdict_documents
from wsmon.services.window import SIZE, Window

AHEAD = 5
NO_CLUSTER = "no cluster has reported yet; [pool], [clusters] and [parallelcluster] say which there are"


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What a plan takes for granted instead of what stands in the store."""

    clusters: tuple[ClusterRecord, ...] = ()
    """Further clusters, or others in place of those of the same name."""
    budget: int | None = None
    """Microdollars a day."""
    priorities: tuple[tuple[str, WorksetPriority], ...] = ()


@dataclass(frozen=True, slots=True)
class Outlook:
    """One plan with what it was made from."""

    decisions: tuple[Decision, ...]
    clusters: tuple[ClusterRecord, ...]
    policy: Policy
    complete: bool
    """Whether everything that waits was in the window."""
    now: Instant

    def starts(self) -> list[Decision]:
        """What would start, in order."""
        return [decision for decision in self.decisions if decision.action is Action.START]

    def cluster(self, decision: Decision) -> ClusterRecord:
        """Where a start is to be."""
        return next(cluster for cluster in self.clusters if cluster.name == decision.cluster)

    def claim(self, decision: Decision) -> SlotClaim:
        """What the start of a decision takes, conditional on what the cluster has and the day may cost."""
        cluster = self.cluster(decision)
        needs = decision.needs
        until = None if needs.minutes is None else self.now + micros(needs.minutes * 60)
        return SlotClaim(
            cluster.name,
            cluster.slots,
            Taken(needs.vcpus, needs.memory_mib, needs.cost or 0, day_of(self.now), until, cluster.cost_per_vcpu_hour),
            cluster.vcpus,
            cluster.memory_mib,
            self.policy.budget,
            decision.registered_at,
        )


class Scheduler:
    """Plans over one store. It starts nothing; whoever does commits the claim."""

    def __init__(
        self,
        store: StateStore,
        clock: Clock,
        policy: Policy | None = None,
        *,
        size: int = SIZE,
        creation: Callable[[], str] = lambda: "",
        attendance: Attendance | None = None,
    ) -> None:
        """`creation` says how it stands with making clusters; empty where none are made.

        Without an `attendance` it is not asked whether a monitor has room for what could start.
        """
        self._store, self._clock, self._creation, self._attendance = store, clock, creation, attendance
        self.policy = policy or Policy()
        self._window = Window(store, clock, size)

    def outlook(
        self,
        reach: Collection[str] | None = None,
        assumed: Assumptions | None = None,
        also: Iterable[Waiting] = (),
        only: Sequence[ClusterRecord] | None = None,
    ) -> Outlook:
        """A plan over the window and `also`, on the clusters in `reach` (None: all), or on `only` these.

        Where slots are free and nothing seen fits, the window is further down the next time. Raises NotFound
        and Refused where a priority is assumed of what is not there, or does not wait.
        """
        assumed = assumed or Assumptions()
        known = {cluster.name: cluster for cluster in (self._store.clusters() if only is None else only)}
        known |= {cluster.name: cluster for cluster in assumed.clusters}
        clusters = tuple(cluster for name, cluster in known.items() if reach is None or name in reach)
        now = self._clock.now()
        policy = self._policy(now, assumed)
        seen = {one.workset_id: one for one in [*also, *self._window.read()]}
        for workset_id, priority in assumed.priorities:
            seen[workset_id] = replace(seen.get(workset_id) or self._further_down(workset_id), priority=priority)
        decisions = plan(seen.values(), clusters, policy, now)
        made = Outlook(decisions, clusters, policy, self._window.complete, now)
        if any(has_room(cluster) for cluster in clusters) and not made.starts():
            self._window.rotate()
        return made

    def _further_down(self, workset_id: str) -> Waiting:
        """One that waits where the window does not reach. Raises NotFound, Refused where it does not wait."""
        found = self._store.record(workset_id)
        if not isinstance(found, Workset):
            raise NotFound(workset_id)
        if found.state not in WAITING:
            raise Refused(
                f"{workset_id!r} is {found.state.value}; only what waits can be planned with another priority"
            )
        if found.retry_after is not None and found.retry_after > self._clock.now():
            raise Refused(f"{workset_id!r} is not tried again before {isoformat(found.retry_after)}")
        return waiting_of(row_of(found))

    def _policy(self, now: Instant, assumed: Assumptions) -> Policy:
        budget = self.policy.budget if assumed.budget is None else assumed.budget
        if budget is None:
            return self.policy
        return replace(self.policy, budget=budget, spent=self._store.spent(day_of(now)))

    def why(self, workset_id: str, workset: Workset | None = None) -> dict[str, Any] | None:
        """Why a workset waits, or why it runs where it runs; None where no decision is known of.

        A workset that waits is decided on as the next pass of a monitor would, on all clusters.
        """
        found = workset or self._store.record(workset_id)
        if not isinstance(found, Workset):
            return None
        if found.state in WAITING:
            return self._why_it_waits(found)
        for event in reversed(self._store.history(workset_id)):
            if event.verb is Verb.ACQUIRE:
                decision = (event.detail or {}).get("decision")
                return {**decision, "workset_id": workset_id, "state": found.state.value} if decision else None
        return None

    def unattended(self, made: Outlook, decision: Decision) -> str:
        """Why no monitor takes what could start, or that none is alive; empty where one would, or nobody asks."""
        if self._attendance is None:
            return ""
        if decision.action is not Action.START:
            return self._attendance.nobody()
        return self._attendance.barred(made.cluster(decision))

    def _why_it_waits(self, workset: Workset) -> dict[str, Any]:
        own = waiting_of(row_of(workset))
        made = self.outlook(also=[own])
        ordered = [decision.workset_id for decision in made.decisions]
        decision = made.decisions[ordered.index(workset.workset_id)]
        document = decision_document(decision)
        document["clusters"] = verdict_documents(decision.clusters)
        if creation := self._creation():
            document["creation"] = creation
        document["ahead"] = ordered[max(0, decision.position - 1 - AHEAD) : decision.position - 1]
        if not made.clusters:
            document["pool"] = NO_CLUSTER
        if barred := self.unattended(made, decision):
            document |= {"monitors": barred, "action": Action.WAIT.value, "cluster": None}
            document["estimated_start"] = iso_or_none(_room_at(made, decision))
        if not made.complete and decision.position >= len(ordered):
            document["position"] = f"> {len(ordered) - 1}"
        if workset.retry_after is not None and workset.retry_after > made.now:
            due = workset.retry_after
            document["action"], document["cluster"] = Action.WAIT.value, None
            document["retry_after"] = isoformat(due)
            document["estimated_start"] = isoformat(max(due, decision.estimated_start or due))
        return document


def _room_at(made: Outlook, decision: Decision) -> Instant | None:
    """When a run will have ended for each start up to this one, so that its monitor has room; None: nobody knows."""
    ends = sorted(held.until for cluster in made.clusters for held in cluster.claims.values() if held.until is not None)
    before = sum(one.position < decision.position for one in made.starts())
    return max(ends[before], made.now) if before < len(ends) else None


def has_room(cluster: ClusterRecord) -> bool:
    """Whether a cluster takes work and has a slot free."""
    return cluster.health in USABLE and not cluster.drained and len(cluster.claims) < cluster.slots


def draw(decisions: Sequence[Decision], claimers: int, choose: Callable[[int], int]) -> Iterator[Decision]:
    """The starts of a plan, tier by tier; each time one of the first `claimers` by chance.

    So many monitors with the same plan do not fight over one head, and none passes an urgent one by.
    """
    tiers: dict[int, list[Decision]] = {}
    for decision in decisions:
        if decision.action is Action.START:
            tiers.setdefault(decision.tier, []).append(decision)
    for tier in sorted(tiers):
        heads = tiers[tier]
        while heads:
            yield heads.pop(choose(min(claimers, len(heads))))

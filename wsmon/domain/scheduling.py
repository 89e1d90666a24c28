"""The scheduler: `plan(worksets, clusters, policy, now) -> decisions`, pure and deterministic.

Order: tier, lifted by one for every `max_wait` waited; then estimated cost where cost order is on
(unknown last); then first in first out. Worksets are placed in that order, each on the best
cluster that fits. What has waited past `max_wait` and fits nowhere keeps the cluster that lacks
least free for itself, so that small ones behind it cannot starve it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from wsmon.domain.fitting import Fit, Room, Verdict, lacking, rank, ruled_out, short, verdict
from wsmon.domain.needs import Needs, money
from wsmon.domain.pool import ClusterRecord
from wsmon.domain.queueing import Policy, Waiting, in_order
from wsmon.domain.states import WorksetPriority, WorksetState
from wsmon.domain.times import Instant, micros

DAY = 86_400_000_000
KEPT_SHARE = 4
"""At most one cluster in so many, and at least one, is kept for what has waited too long."""


class Action(StrEnum):
    """What a decision says."""

    START = "start"
    CREATE = "create"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to become of one workset, and why; one verdict for every cluster."""

    workset_id: str
    state: WorksetState
    priority: WorksetPriority
    tier: int
    """After ageing; 0 is urgent, less has waited longer."""
    position: int
    """1 is the head of the order."""
    action: Action
    cluster: str | None
    estimated_start: Instant | None
    """None where nobody knows when anything ends."""
    clusters: tuple[Verdict, ...]
    needs: Needs
    registered_at: Instant | None = None
    """As of the workset that was decided on."""
    makes: str = ""
    """What would be made of it, by its template's name."""


def plan(
    worksets: Iterable[Waiting], clusters: Iterable[ClusterRecord], policy: Policy, now: Instant
) -> tuple[Decision, ...]:
    """A decision for every workset, the most pressing first; nothing is changed."""
    planner = _Planner(sorted(clusters, key=lambda cluster: cluster.name), policy, now)
    ordered = in_order(worksets, policy, now)
    return tuple(planner.decide(n, tier, one) for n, (tier, one) in enumerate(ordered, 1))


@dataclass(slots=True)
class _Sheet:
    """The verdicts of all clusters for worksets of like needs, kept current as rooms fill."""

    needs: Needs
    verdicts: list[Verdict]
    able: list[int]
    """The clusters it could run on if they were empty."""
    fitting: dict[int, tuple[int, int, int, float, str]]
    """Those it fits now, with their rank."""
    ready: dict[int, Instant | None]
    """When each able cluster will have what is lacking, by what runs there now."""
    read: int = 0
    """How much of the log of changed rooms is worked in."""
    said: tuple[Verdict, ...] | None = None
    barred: tuple[Verdict, ...] | None = None


class _Planner:
    """One plan in the making."""

    def __init__(self, clusters: Sequence[ClusterRecord], policy: Policy, now: Instant) -> None:
        self._policy, self._now = policy, now
        self._rooms = [Room.of(cluster) for cluster in clusters]
        self._changed: list[int] = []
        self._sheets: dict[tuple[object, ...], _Sheet] = {}
        self._spent = policy.spent
        self._kept = 0
        self._keep_at_most = max(1, len(clusters) // KEPT_SHARE) if policy.max_wait is not None else 0
        self._patience = micros(policy.max_wait or 0)
        self._new = [Room.of(template) for template in policy.creation.templates] if policy.creation else []

    def decide(self, position: int, tier: int, one: Waiting) -> Decision:
        """The next in order."""
        sheet = self._sheet(one)
        action, cluster, start, makes = Action.WAIT, None, None, ""
        if self._over_budget(one):
            clusters = self._barred(sheet)
            start = self._later(sheet, one, at_least=(self._now // DAY + 1) * DAY)
        elif sheet.fitting:
            clusters = self._said(sheet)
            room = self._rooms[min(sheet.fitting, key=sheet.fitting.__getitem__)]
            action, cluster, start = Action.START, room.record.name, self._now
            self._place(room, one)
        else:
            clusters = self._said(sheet)
            start = self._later(sheet, one)
            if makes := self._creates(one, start):
                action, start = Action.CREATE, self._now + micros(self._lead())
            elif self._kept < self._keep_at_most and self._now - one.since >= self._patience:
                self._keep_room(sheet, one)
        return Decision(
            one.workset_id,
            one.state,
            one.priority,
            tier,
            position,
            action,
            cluster,
            start,
            clusters,
            one.needs,
            one.registered_at,
            makes,
        )

    def _sheet(self, one: Waiting) -> _Sheet:
        needs = one.needs
        key = (
            needs.vcpus,
            needs.memory_mib,
            needs.storage_gib,
            needs.zone,
            needs.zone_required,
            needs.instance_type,
            one.affinity,
        )
        sheet = self._sheets.get(key)
        if sheet is None:
            sheet = self._sheets[key] = self._new_sheet(one)
        elif sheet.read < len(self._changed):
            able = sheet.ready
            for index in set(self._changed[sheet.read :]):
                if index in able:
                    self._judge(sheet, index)
            sheet.said = sheet.barred = None
        sheet.read = len(self._changed)
        return sheet

    def _new_sheet(self, one: Waiting) -> _Sheet:
        sheet = _Sheet(one.needs, [], [], {}, {})
        for index, room in enumerate(self._rooms):
            out = ruled_out(one.needs, one.affinity, room.record, self._now, self._policy.silent_after)
            if out is None:
                sheet.able.append(index)
                sheet.ready[index] = self._ready(one.needs, room)
                out = verdict(one.needs, room)
            sheet.verdicts.append(out)
            if out.score is not None:
                sheet.fitting[index] = rank(one.needs, room, self._now, self._policy.refusal_seconds)
        return sheet

    def _judge(self, sheet: _Sheet, index: int) -> None:
        room = self._rooms[index]
        found = sheet.verdicts[index] = verdict(sheet.needs, room)
        if found.score is not None:
            sheet.fitting[index] = rank(sheet.needs, room, self._now, self._policy.refusal_seconds)
        else:
            sheet.fitting.pop(index, None)
            if short(sheet.needs, room):  # what was placed in this plan takes it, and nobody knows for how long
                sheet.ready[index] = self._ready(sheet.needs, room)

    def _said(self, sheet: _Sheet) -> tuple[Verdict, ...]:
        if sheet.said is None:
            sheet.said = tuple(sheet.verdicts)
        return sheet.said

    def _barred(self, sheet: _Sheet) -> tuple[Verdict, ...]:
        """The verdicts, where those that fit say that the budget is in the way."""
        if sheet.barred is None:
            budget = self._policy.budget or 0
            reason = f"{money(self._spent)} of the day's {money(budget)} are spent, and it would go past them"
            sheet.barred = tuple(
                replace(one, verdict=Fit.BUDGET, reasons=(*one.reasons, reason), score=None)
                if one.score is not None
                else one
                for one in sheet.verdicts
            )
        return sheet.barred

    def _over_budget(self, one: Waiting) -> bool:
        budget = self._policy.budget
        if budget is None or one.priority is WorksetPriority.URGENT:
            return False
        return self._spent >= budget or self._spent + (one.needs.cost or 0) > budget

    def _place(self, room: Room, one: Waiting) -> None:
        room.slots -= 1
        room.vcpus -= one.needs.vcpus
        room.memory_mib -= one.needs.memory_mib
        if one.needs.minutes is not None:
            heapq.heappush(room.ends, self._now + micros(one.needs.minutes * 60))
        self._spent += one.needs.cost or 0
        self._touched(room)
        if one.needs.cost:
            for sheet in self._sheets.values():
                sheet.barred = None

    def _touched(self, room: Room) -> None:
        self._changed.append(self._rooms.index(room))

    def _keep_room(self, sheet: _Sheet, one: Waiting) -> None:
        """Keep the able cluster that lacks least; it only empties from now on, so its turn comes.

        Who lacks no more than a slot needs none kept: the next one that comes free is the head's.
        """
        free = [self._rooms[index] for index in sheet.able if not self._rooms[index].kept_for]
        if not free:
            return
        room = min(free, key=lambda room: (lacking(one.needs, room), room.record.name))
        if short(one.needs, room):
            room.kept_for = one.workset_id
            self._kept += 1
            self._touched(room)

    # when

    def _ready(self, needs: Needs, room: Room) -> Instant | None:
        """When what runs there now will have left enough vCPU and memory; None: nobody knows."""
        record = room.record
        vcpus = needs.vcpus - room.vcpus if record.vcpus else 0
        memory = needs.memory_mib - room.memory_mib if record.memory_mib else 0
        moment = self._now
        known = [held for held in record.claims.values() if held.until is not None]
        for held in sorted(known, key=lambda held: held.until or 0):
            if vcpus <= 0 and memory <= 0:
                break
            vcpus, memory, moment = vcpus - held.vcpus, memory - held.memory_mib, held.until or moment
        return max(moment, self._now) if vcpus <= 0 and memory <= 0 else None

    def _later(self, sheet: _Sheet, one: Waiting, at_least: Instant = 0) -> Instant | None:
        """The earliest start behind all that come before; takes its place among what will run."""
        best: Instant | None = None
        chosen: Room | None = None
        for index, ready in sheet.ready.items():
            room = self._rooms[index]
            if ready is None or (not room.ends and room.slots < 1):
                continue
            moment = ready if room.slots > 0 else max(ready, room.ends[0])
            if best is None or moment < best:
                best, chosen = moment, room
        if best is None or chosen is None:
            return None
        best = max(best, at_least, self._now)
        if chosen.slots < 1:
            heapq.heappop(chosen.ends)
            if one.needs.minutes is not None:
                heapq.heappush(chosen.ends, best + micros(one.needs.minutes * 60))
        return best

    # making a cluster

    def _lead(self) -> float:
        return self._policy.creation.lead_seconds if self._policy.creation else 0.0

    def _creates(self, one: Waiting, start: Instant | None) -> str:
        """The first of what may be made that takes it, sooner than it would start otherwise; empty for none."""
        if start is not None and start <= self._now + micros(self._lead()):
            return ""
        for room in self._new:
            if ruled_out(one.needs, one.affinity, room.record, room.record.updated_at, 0) is not None:
                continue
            if verdict(one.needs, room).score is None:
                continue
            room.slots -= 1
            room.vcpus -= one.needs.vcpus
            room.memory_mib -= one.needs.memory_mib
            return room.record.name
        return ""

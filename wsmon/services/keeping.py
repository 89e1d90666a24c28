"""Clusters made when work waits for one, and taken down when they are idle; by one monitor at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from wsmon.domain.creating import CreationRule, Kind, affordable, barred, name_for
from wsmon.domain.errors import InUse, OutsideError, Refused, StaleWrite
from wsmon.domain.lives import Life, LifeChange, Phase, lived
from wsmon.domain.pool import USABLE, ClusterRecord, Health
from wsmon.domain.queueing import Policy
from wsmon.domain.scheduling import Action
from wsmon.domain.states import WAITING
from wsmon.domain.states import ClusterVerb as V
from wsmon.domain.times import Instant, micros
from wsmon.domain.workset import Lease
from wsmon.ports import AlertRecord, Log, RunState, RunStatus, StateStore
from wsmon.services.building import Builders
from wsmon.services.commands import Commands
from wsmon.services.duties import Duty
from wsmon.services.scheduler import Outlook, Scheduler

DUTY = "clusters"
FORGOTTEN = 2 * 86_400_000_000


class ClusterKeeper:
    """The duty of making and taking down clusters. `step` makes one pass. Raises StoreError alone.

    What is to be done is written down, under the duty, before its command starts: so it counts against
    the caps from then on, whoever goes on with it, and is begun once. A command that no longer
    answers for itself (its monitor's machine is gone) has failed once its time is over, not before.
    """

    def __init__(
        self,
        commands: Commands,
        scheduling: Policy,
        rule: CreationRule,
        duty: Duty,
        builders: Builders,
        log: Log,
        gone: Callable[[str], str] = lambda _: "",
    ) -> None:
        """`gone` tells why it is certain that a cluster and all its instances are; empty where it is not."""
        self._gone = gone
        self._commands, self._rule, self._duty, self._builders, self._log = commands, rule, duty, builders, log
        self._store: StateStore = commands.store
        self._clock = commands.clock
        creation = rule.creation(rule.kinds)
        self._scheduler = Scheduler(self._store, self._clock, replace(scheduling, creation=creation))
        self._idle: dict[str, float] = {}
        """Cluster -> monotonic seconds since when it is seen without work."""
        self._term = 0

    def step(self) -> bool:
        """One pass; whether the duty is this monitor's."""
        if not self._duty.hold() or self._duty.lease is None:
            return False
        if self._duty.lease.token != self._term:
            self._term = self._duty.lease.token
            self._idle.clear()  # what was before, somebody else saw
            self._log.info("cluster duty taken", token=self._term)
        try:
            clusters = {cluster.name: cluster for cluster in self._store.clusters()}
            for life in self._store.lives():
                self._follow(life, clusters.get(life.name))
            self._balance(clusters)
        except StaleWrite as stale:
            self._log.info("changed meanwhile", what=stale.workset_id)
            self._duty.recheck()
        return True

    def close(self) -> None:
        """Give the duty back; a command goes on, and whoever takes the duty finds it."""
        self._duty.give_back()

    @property
    def _lease(self) -> Lease:
        lease = self._duty.lease
        if lease is None:
            raise StaleWrite(DUTY, None)
        return lease

    def _write(self, verb: V, life: Life, why: str = "", *, empty: bool = False, **fields: Any) -> Life:
        """One step of a life, under the duty. Raises StaleWrite, InUse."""
        detail: dict[str, Any] = {name: fields.pop(name) for name in ("exit_code", "log") if name in fields}
        ctx = self._commands.context(why or None)
        change: LifeChange = lived(ctx, verb, life, empty=empty, under=self._lease, detail=detail, **fields)
        self._store.commit_life(change)
        self._log.info(verb.value.replace("_", " "), cluster=life.name, why=why)
        return change.after

    # what goes on already

    def _follow(self, life: Life, cluster: ClusterRecord | None) -> None:
        now = self._clock.now()
        match life.phase:
            case Phase.MADE | Phase.FAILED | Phase.DELETING | Phase.STUCK if why := self._taken_away(
                life, cluster, now
            ):
                self._note_gone(life, why, now)
            case Phase.CREATING:
                self._follow_creation(life, cluster, now)
            case Phase.FAILED:
                self._ask_teardown(life, "its creation failed")
            case Phase.DELETING:
                self._follow_teardown(life, cluster, now)
            case Phase.STUCK if now - life.since > micros(self._rule.cooldown):
                self._ask_teardown(life, "its deletion failed before")
            case Phase.GONE if now - life.since > FORGOTTEN:
                self._store.forget_cluster(life.name)
            case _:
                pass

    def _taken_away(self, life: Life, cluster: ClusterRecord | None, now: Instant) -> str:
        """Why one that nobody reports any more is gone for certain, whoever deleted it; empty where it is not."""
        if cluster is not None and now - cluster.updated_at <= micros(self._rule.quiet):
            return ""
        return self._gone(life.name)

    def _note_gone(self, life: Life, why: str, now: Instant) -> None:
        """It counts no longer, once what ran there is recorded: that holds its slot until then."""
        try:
            self._write(V.TEARDOWN_DONE, life, why, empty=True, phase=Phase.GONE, gone_at=now)
        except InUse:
            self._log.info("gone with work on it", cluster=life.name, why=why)

    def _follow_creation(self, life: Life, cluster: ClusterRecord | None, now: Instant) -> None:
        seen = cluster if cluster is not None and _reported(cluster) else None
        if seen is not None and seen.health in USABLE:
            self._write(V.CREATE_DONE, life, phase=Phase.MADE, note="")
            return
        look = self._builders.look(life)
        late = now - life.since > micros(self._rule.create_within)
        why = _failure(look, what="its command")
        if seen is not None and seen.health == Health.FAILED:
            why = f"its source says that it failed: {seen.note}"
        elif not why and late:
            self._builders.stop(life, force=False)
            why = f"nobody has seen it running within {self._rule.create_within:g} s"
        if self._builders.never_began(life, look):
            self._never_made(life, why, look)
        elif why:
            self._fail(V.CREATE_FAILED, life, why, look, phase=Phase.FAILED, failed=True)

    def _never_made(self, life: Life, why: str, look: RunStatus) -> None:
        """No command ran: there is nothing to take down, and nothing that costs."""
        now = self._clock.now()
        self._fail(V.CREATE_FAILED, life, why, look, phase=Phase.GONE, failed=True, gone_at=now, hourly=0)

    def _follow_teardown(self, life: Life, cluster: ClusterRecord | None, now: Instant) -> None:
        look = self._builders.look(life)
        why, reported = _failure(look, what="its command"), cluster is not None and _reported(cluster)
        ended = look.state is RunState.ENDED
        if ended and not reported:
            # Never seen by any source, so that a command which knows nothing of it may fail as well.
            self._write(V.TEARDOWN_DONE, life, why, phase=Phase.GONE, gone_at=now, **_told(look, life))
        elif ended and not why and cluster is not None and now - cluster.updated_at > micros(self._rule.quiet):
            self._write(V.TEARDOWN_DONE, life, phase=Phase.GONE, gone_at=now, **_told(look, life))
        elif why:
            self._fail(V.TEARDOWN_FAILED, life, why, look, phase=Phase.STUCK)
        elif now - life.since > micros(self._rule.delete_within):
            self._builders.stop(life, force=False)
            why = f"it was not gone within {self._rule.delete_within:g} s"
            self._fail(V.TEARDOWN_FAILED, life, why, look, phase=Phase.STUCK)

    def _fail(self, verb: V, life: Life, why: str, look: RunStatus, **fields: Any) -> None:
        """Write a failure down and raise its alert; the end of the output is its reason too."""
        tail = self._builders.tail(life)
        text = f"{why}; it said: {tail}" if tail else why
        self._write(verb, life, text, note=text, **fields, **_told(look, life))
        kind = "creation failed" if verb is V.CREATE_FAILED else "teardown failed"
        now = self._clock.now()
        said = f"{text}; its output is in {life.run.folder if life.run else 'no folder'}"
        name = f"{kind.replace(' ', '-')}/{life.name}"
        self._store.put_alert(AlertRecord(name, kind, "warning", life.name, said, now, now, cluster=life.name))

    # what is to be done

    def _balance(self, clusters: dict[str, ClusterRecord]) -> None:
        """Make one cluster where work waits for it, else take down what is idle."""
        waits = any(count for state, count in self._store.tallies().items() if state in WAITING)
        lives = self._store.lives()
        outlook = self._scheduler.outlook() if waits else None
        wanted = _wanted(outlook)
        if outlook is not None and not barred(lives, self._rule, self._clock.now()):
            kinds = {kind.template.name: kind for kind in affordable(lives, self._rule, self._clock.now())}
            wanted_ones = (one for one in outlook.decisions if one.action is Action.CREATE and one.makes in kinds)
            if (decision := next(wanted_ones, None)) is not None:
                why = f"{decision.workset_id} waits, and no cluster there is would take it sooner"
                self._ask_creation(f"{why}; {decision.makes} is made", kinds[decision.makes])
                return
        for cluster in clusters.values():
            if self._is_idle(cluster, wanted):
                self._ask_teardown(cluster.life or Life(cluster.name), f"idle for {self._rule.idle:g} s")

    def _is_idle(self, cluster: ClusterRecord, wanted: set[str]) -> bool:
        phase = cluster.life.phase if cluster.life is not None else Phase.NONE
        ours = phase is Phase.MADE or (self._rule.others and phase is Phase.NONE and cluster.kind == "parallelcluster")
        if not ours or cluster.claims or cluster.name in wanted:
            self._idle.pop(cluster.name, None)
            return False
        moment = self._clock.monotonic()
        return moment - self._idle.setdefault(cluster.name, moment) >= self._rule.idle

    def _ask_creation(self, why: str, kind: Kind) -> None:
        now, drawn = self._clock.now(), self._commands.context().change_id
        life = Life(name_for(self._rule, now, drawn))
        try:
            run = self._builders.plan(life)
        except Refused as error:
            self._log.error("no cluster is made", why=str(error))
            return
        fields: dict[str, Any] = {"phase": Phase.CREATING, "asked_at": now, "hourly": kind.hourly, "run": run}
        asked = self._write(V.CREATE_ASKED, life, why, note=f"by {self._commands.actor}: {why}", **fields)
        self._begin(asked, kind.create, V.CREATE_STARTED, V.CREATE_FAILED)

    def _ask_teardown(self, life: Life, why: str) -> None:
        """Close it to new work and write down that it goes, in one; only while nothing is claimed there."""
        self._idle.pop(life.name, None)
        try:
            run = self._builders.plan(life)
            asked = self._write(
                V.TEARDOWN_ASKED,
                life,
                why,
                empty=True,
                phase=Phase.DELETING,
                run=run,
                note=f"by {self._commands.actor}: {why}",
            )
        except InUse:
            self._log.info("not taken down", cluster=life.name, why="work came in at the last moment")
            return
        except Refused as error:
            self._log.error("no cluster is taken down", cluster=life.name, why=str(error))
            return
        self._begin(asked, self._rule.delete, V.TEARDOWN_STARTED, V.TEARDOWN_FAILED)

    def _begin(self, asked: Life, template: tuple[str, ...], started: V, failed: V) -> None:
        """Start what was written down."""
        try:
            self._builders.stop_older(asked)
            self._builders.start(asked, template, self._lease)
        except OutsideError as error:
            self._log.warning("start not confirmed", cluster=asked.name, why=str(error))  # a look will tell
            return
        except Refused as error:
            why, look = f"its command was not started: {error}", RunStatus(RunState.ABSENT)
            if failed is V.CREATE_FAILED:
                self._never_made(asked, why, look)
            else:
                self._fail(failed, asked, why, look, phase=Phase.STUCK)
            return
        self._write(started, asked, log=asked.run.folder if asked.run else "")


def _wanted(outlook: Outlook | None) -> set[str]:
    """Clusters on which something that waits would start."""
    return set() if outlook is None else {str(decision.cluster) for decision in outlook.starts()}


def _reported(cluster: ClusterRecord) -> bool:
    """Whether a source has ever told of it."""
    return cluster.kind != "asked"


def _failure(look: RunStatus, *, what: str) -> str:
    """Why a command failed; empty while it has not."""
    if look.state is RunState.ABSENT:
        return f"{what} never started ({look.note})"
    if look.state is RunState.ENDED and look.exit_code != 0:
        return (
            f"{what} ended with {'nobody having seen how' if look.exit_code is None else f'exit code {look.exit_code}'}"
        )
    return ""


def _told(look: RunStatus, life: Life) -> dict[str, Any]:
    folder = {"log": life.run.folder} if life.run is not None else {}
    return folder if look.exit_code is None else {"exit_code": look.exit_code, **folder}

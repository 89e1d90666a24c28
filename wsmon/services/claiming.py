"""Claiming: from a plan to a lock and a started run."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet

from wsmon.domain.change import SlotClaim
from wsmon.domain.errors import (
    Conflict,
    IllegalTransition,
    LockLost,
    NoCapacity,
    NotDue,
    NotFound,
    OutsideError,
    OverBudget,
    Refused,
    StillAlive,
    StoreError,
)
from wsmon.domain.scheduling import Decision
from wsmon.ports import Clock, Log, StateStore
from wsmon.services.commands import Commands
from wsmon.services.config import MonitorConfig
from wsmon.services.documents import acted_on
from wsmon.services.leases import LeaseKeeper
from wsmon.services.runs import Runs
from wsmon.services.scheduler import Outlook, Scheduler, draw, has_room

MAX_PLANS = 3
MAX_SHUN_SECONDS = 60.0


class Claimer:
    """Takes what the scheduler would start; `room` tells how many more runs the monitor has room for."""

    def __init__(
        self,
        store: StateStore,
        clock: Clock,
        scheduler: Scheduler,
        commands: Commands,
        keeper: LeaseKeeper,
        runs: Runs,
        config: MonitorConfig,
        log: Log,
        room: Callable[[], int],
        lost: Callable[[], None] = lambda: None,
    ) -> None:
        """`lost` hears of each lock that somebody else had or took."""
        self._lost = lost
        self._store, self._clock, self._scheduler, self._log = store, clock, scheduler, log
        self._commands, self._keeper, self._runs, self._config = commands, keeper, runs, config
        self._room = room
        self._shunned: dict[str, tuple[int, float]] = {}
        """cluster -> how many times in a row it could not start anything, and monotonic seconds of the next try."""

    def claim(self, reach: set[str], live_monitors: int, blocked: AbstractSet[str] = frozenset()) -> None:
        """Claim while there is room here and on a cluster in `reach`, most pressing first.

        A cluster that stops answering meanwhile is taken out of `reach`; one that answers and cannot
        start what was claimed is left alone for a while, longer each time. Worksets in `blocked` are passed over.
        """
        reach -= {name for name in set(reach) if self._is_shunned(name) or not self._runs.able(name)}
        for _ in range(MAX_PLANS):
            if self._room() <= 0:
                return
            clusters = [cluster for cluster in self._store.clusters() if cluster.name in reach]
            if not any(has_room(cluster) for cluster in clusters):
                return  # the queue is not even looked at
            if self._act(self._scheduler.outlook(only=clusters), reach, live_monitors, blocked):
                return

    def _is_shunned(self, cluster: str) -> bool:
        return self._clock.monotonic() < self._shunned.get(cluster, (0, 0.0))[1]

    def _shun(self, cluster: str, why: Exception) -> None:
        times = self._shunned.get(cluster, (0, 0.0))[0] + 1
        pause = min(MAX_SHUN_SECONDS, self._config.poll_seconds * 2.0 ** min(times - 1, 10))
        self._shunned[cluster] = (times, self._clock.monotonic() + pause)
        self._log.error("nothing can start", cluster=cluster, why=str(why), next_try_seconds=round(pause, 1))

    def _act(self, outlook: Outlook, reach: set[str], live_monitors: int, blocked: AbstractSet[str]) -> bool:
        """Try what the plan starts; False when a cluster filled meanwhile, so that another plan is wanted."""
        for decision in draw(outlook.decisions, live_monitors, self._commands.chance.choose):
            if self._room() <= 0:
                return True
            if decision.workset_id in blocked or self._runs.attends(decision.workset_id):
                continue  # an older run of it lives, or may
            try:
                self._try(decision, outlook.claim(decision), reach)
            except OverBudget:
                continue  # urgent ones behind it may start all the same
            except NoCapacity:
                return False
            except (Conflict, NotFound):
                self._lost()  # somebody was faster, or the index lagged
        return True

    def _try(self, decision: Decision, claim: SlotClaim, reach: set[str]) -> None:
        """Lock one and start its run. Raises Conflict, NotFound, NoCapacity, StoreError."""
        seconds = self._config.lease_seconds
        deadline = self._clock.boottime() + seconds
        try:
            workset, lease = self._commands.take(
                decision.workset_id,
                holder=self._config.name,
                seconds=seconds,
                claim=claim,
                detail={"decision": acted_on(decision)},
            )
        except (IllegalTransition, NotDue) as error:
            self._log.info("not claimed", workset_id=decision.workset_id, why=str(error))
            return
        self._keeper.hold(lease)
        try:
            self._runs.begin(workset, lease, deadline)
            self._shunned.pop(claim.cluster, None)
        except LockLost as lost:
            self._log.warning("lock lost", workset_id=lost.workset_id, token=lost.token, reason=lost.reason)
            self._lost()
            self._keeper.drop(lost.workset_id)
        except (Refused, OutsideError) as error:
            # A cancel came in between, or the place cannot be used: either way nothing was started.
            self._runs.give_back(workset, lease)
            self._log.info("not started", workset_id=workset.workset_id, why=str(error))
            if isinstance(error, IllegalTransition | StillAlive):
                return
            reach.discard(claim.cluster)  # until it answers the next heartbeat
            if isinstance(error, Refused):
                self._shun(claim.cluster, error)
            raise NoCapacity(claim.cluster, "stopped answering") from error
        except StoreError:
            # Whether the start was written is not known. Nothing was spawned, so let the lock die.
            if workset.workset_id not in self._runs.attended:
                self._keeper.drop(workset.workset_id)
            raise

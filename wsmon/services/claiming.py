"""Claiming: from a plan to a lock and a started run."""

from __future__ import annotations

from collections.abc import Callable

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

    def claim(self, reach: set[str], live_monitors: int) -> None:
        """Claim while there is room here and on a cluster in `reach`, most pressing first.

        A cluster that stops answering meanwhile is taken out of `reach`.
        """
        for _ in range(MAX_PLANS):
            if self._room() <= 0:
                return
            clusters = [cluster for cluster in self._store.clusters() if cluster.name in reach]
            if not any(has_room(cluster) for cluster in clusters):
                return  # the queue is not even looked at
            if self._act(self._scheduler.outlook(only=clusters), reach, live_monitors):
                return

    def _act(self, outlook: Outlook, reach: set[str], live_monitors: int) -> bool:
        """Try what the plan starts; False when a cluster filled meanwhile, so that another plan is wanted."""
        for decision in draw(outlook.decisions, live_monitors, self._commands.chance.choose):
            if self._room() <= 0:
                return True
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
        """Lock one and start its run. Raises Conflict, NotFound, NoCapacity, StoreError, and Refused by the place."""
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
        except LockLost as lost:
            self._log.warning("lock lost", workset_id=lost.workset_id, token=lost.token, reason=lost.reason)
            self._lost()
            self._keeper.drop(lost.workset_id)
        except (Refused, OutsideError) as error:
            # A cancel came in between, or the place cannot be used: either way nothing was started.
            self._runs.give_back(workset.workset_id, lease.token)
            if isinstance(error, OutsideError):
                reach.discard(claim.cluster)  # until it answers the next heartbeat
                raise NoCapacity(claim.cluster, "stopped answering") from error
            if not isinstance(error, IllegalTransition):
                raise
        except StoreError:
            # Whether the start was written is not known. Nothing was spawned, so let the lock die.
            if workset.workset_id not in self._runs.attended:
                self._keeper.drop(workset.workset_id)
            raise

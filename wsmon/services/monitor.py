"""The monitor: claims by priority, runs, renews, records, reaps and adopts."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from wsmon.domain.errors import (
    Conflict,
    NotFound,
    OutsideError,
    Refused,
    SettingsError,
    StoreError,
    WsmonError,
)
from wsmon.domain.queueing import Policy
from wsmon.domain.scheduling import Decision
from wsmon.domain.states import WorksetState
from wsmon.domain.times import micros
from wsmon.domain.workset import RetryPolicy, Row, RunRecord
from wsmon.ports import (
    Clock,
    ClusterSource,
    CommandRunner,
    Log,
    MonitorRecord,
    RunState,
    StartBeside,
    StateStore,
)
from wsmon.services.chance import Chance
from wsmon.services.claiming import Claimer
from wsmon.services.commands import Commands
from wsmon.services.companion import Companion
from wsmon.services.config import MonitorConfig
from wsmon.services.leases import LeaseKeeper, start_thread
from wsmon.services.reaper import Reaper, Unattended
from wsmon.services.recording import Why
from wsmon.services.runs import Problems, Runs
from wsmon.services.scheduler import Scheduler
from wsmon.services.strays import Strays

SILENT_AFTER_POLLS = 3
FORGOTTEN_AFTER_SECONDS = 86400.0
MAX_PAUSE_SECONDS = 60.0


class Monitor:
    """One monitor on one store and one place.

    `step` makes one pass without waiting; `run` makes passes until `stop`. Raises nothing of
    the store's: while it is away runs go on, nothing new starts, and the passes come slower.
    """

    def __init__(
        self,
        store: StateStore,
        clock: Clock,
        runner: CommandRunner,
        source: ClusterSource,
        config: MonitorConfig,
        *,
        policy: RetryPolicy,
        log: Log,
        scheduling: Policy | None = None,
        problems: Problems | None = None,
        chance: Chance | None = None,
        beside: StartBeside = start_thread,
        companions: Sequence[Companion] = (),
        lost: Callable[[], None] = lambda: None,
        gone: Callable[[str], str] = lambda _: "",
        version: str = "",
        writable: bool = True,
    ) -> None:
        """`companions` work beside it while it runs; `problems` tells what forbids a run's start.

        `gone` tells why a cluster is gone with all that ran there, compute nodes included; empty where that is not certain.
        """
        self.config, self._gone = config, gone
        self._companions, self._lost = companions, lost
        self._store, self._clock, self._runner, self._source, self._log = store, clock, runner, source, log
        self.commands = Commands(store, clock, config.name, policy=policy, chance=chance, writable=writable)
        self._scheduler = Scheduler(store, clock, scheduling)
        self._reach: set[str] = set()
        self.keeper = LeaseKeeper(store, clock, log, config.renew_seconds, beside)
        self.runs = Runs(self.commands, clock, runner, self.keeper, config, log, problems, lost, gone)
        self.claimer = Claimer(
            store, clock, self._scheduler, self.commands, self.keeper, self.runs, config, log, self._room, lost
        )
        self._strays = Strays(store, clock, runner, log)
        self._reaper = Reaper(self.commands, clock, log, skew=config.skew_seconds, patience=config.lease_seconds)
        self._record = MonitorRecord(config.name, "", os.getpid(), clock.now(), clock.now(), version)
        self._live_monitors = 1
        self._busy: set[str] = set()
        """Places whose lock was waited for in vain in this pass."""
        self._stopping, self._now = threading.Event(), threading.Event()
        self._outages = 0

    # one pass

    def step(self) -> None:
        """One full pass: heartbeat, place, results, dead locks, unattended runs, claims. Raises StoreError, Refused."""
        self._heartbeat()
        self.runs.watch()
        self._sweep_places()
        in_progress = list(self.commands.rows(WorksetState.IN_PROGRESS))
        self._follow_cancels(in_progress)
        self._busy.clear()
        for found in self._reaper.sweep(in_progress):
            if not self._stopping.is_set():
                self._attend(found)
        self.claimer.claim(self._reach, self._live_monitors, self._strays.blocked())

    def _heartbeat(self) -> None:
        now, place = self._clock.now(), self._runner.place()
        self._record = replace(
            self._record,
            host=place.host,
            place_id=place.place_id,
            heartbeat_at=now,
            holding=len(self.runs.attended),
            most=self.config.max_concurrent,
            pool=self.config.cluster,
            stopping=self._stopping.is_set(),
        )
        self._store.put_monitor(self._record)
        self._reach = set()
        for cluster in self._source.clusters(now):
            self._store.put_cluster(cluster)
            self._reach.add(cluster.name)
        silent = micros(SILENT_AFTER_POLLS * self.config.poll_seconds + self.config.lease_seconds)
        monitors = self._store.monitors()
        self._live_monitors = max(1, sum(now - other.heartbeat_at < silent for other in monitors))
        for other in monitors:
            if now - other.heartbeat_at > micros(FORGOTTEN_AFTER_SECONDS):
                self._store.remove_monitor(other.name)

    def _sweep_places(self) -> None:
        """No run of an older lock goes on here unseen."""
        while self.runs.let_go:
            workset_id, run = self.runs.let_go.pop()
            self._strays.note(workset_id, run)
        self._strays.sweep({attended.run.folder for attended in self.runs.attended.values()})

    def _follow_cancels(self, in_progress: list[Row]) -> None:
        for row in in_progress:
            attended = self.runs.attended.get(row.workset_id)
            if row.cancel_asked and attended is not None and attended.lease.token == row.token:
                self.runs.end(attended, Why.CANCEL)

    def _attend(self, found: Unattended) -> None:
        """Adopt a run whose place is reached from here; say so where it is not."""
        workset, run = found.workset, found.workset.run
        ours = self.runs.attended.get(workset.workset_id)
        if ours is not None and found.dead is not None and ours.lease.token == workset.token:
            return  # our own lock, late but not robbed: its renewal goes on
        if run is None:
            self._reaper.out_of_reach(found, f"it was started by {workset.holder or 'a caller'} without a run of ours")
            return
        look = self._runner.look(workset.workset_id, run)
        if look.state is RunState.UNKNOWN and (why := self._gone(workset.slot or "")):
            self._adopt(found, run, why)
            return
        if look.state is RunState.UNKNOWN:
            self._reaper.out_of_reach(found, f"{look.note}, which this monitor cannot reach")
            return
        if run.place_id not in self._busy and self.runs.able(workset.cluster):
            self._adopt(found, run)

    def _adopt(self, found: Unattended, run: RunRecord, gone: str = "") -> None:
        """Take its lock and attend it; where its cluster is gone, record that it ended so."""
        workset, seconds = found.workset, self.config.lease_seconds
        try:
            adopted, lease = self.commands.adopt(workset, holder=self.config.name, seconds=seconds, dead=found.dead)
        except (Conflict, Refused, NotFound) as error:
            self._log.info("not adopted", workset_id=workset.workset_id, why=str(error))
            return
        if gone:
            try:
                self.runs.end_gone(adopted, lease, gone)
            except (Conflict, Refused, NotFound) as error:  # somebody decided meanwhile
                self._log.info("not recorded", workset_id=workset.workset_id, why=str(error))
            return
        self.keeper.hold(lease)
        try:
            self.runs.adopt(adopted, lease)
        except (Refused, OutsideError) as error:
            # The place is busy, or gone again: nothing was looked at, so the lock is given back for another try.
            # The next one there would wait as long.
            self._log.warning("place busy", workset_id=workset.workset_id, why=str(error))
            self._busy.add(run.place_id)
            self.runs.give_back(adopted, lease)

    # claiming

    def _room(self) -> int:
        return 0 if self._stopping.is_set() else self.config.max_concurrent - len(self.runs.attended)

    def preview(self) -> list[Decision]:
        """What a pass would start now, in order; nothing is changed."""
        stored = {cluster.name: cluster for cluster in self._store.clusters()}
        clusters = [
            replace(own, claims=known.claims, drained=known.drained) if (known := stored.get(own.name)) else own
            for own in self._source.clusters(self._clock.now())
        ]
        return self._scheduler.outlook(only=clusters).starts()[: max(0, self._room())]

    # many passes

    def run(self, *, once: bool = False) -> None:
        """Make passes until `stop`; with `once` a single pass, then wait for what it attends.

        Raises SettingsError where no run is possible, rather than claim and fail everything, and ReadOnly.
        """
        self.commands.allow()
        if not (self.config.command or self.config.steps or self.config.allow_metadata_command):
            raise SettingsError(
                'no command is set: say what a run is, such as command = ["run.sh", "{workset_id}"] under [monitor]'
                " in wsmon.toml, or its steps under [steps]"
            )
        self.keeper.start()
        for companion in self._companions:
            companion.start()
        due = self._clock.monotonic()
        try:
            while not self._now.is_set():
                if self._stopping.is_set() and (self.config.on_stop == "leave" or not self.runs.attended):
                    break
                if self._clock.monotonic() >= due:
                    due = self._clock.monotonic() + self._pass()
                    if once and not self._outages:
                        self._stopping.set()
                        once, self.config = False, replace(self.config, on_stop="wait")
                elif self._look():
                    due = self._clock.monotonic()  # something ended: there is room
                self._wait(due)
        finally:
            self.keeper.stop()
            for companion in self._companions:
                companion.stop()
            if not self._now.is_set():
                self._leave()

    def _pass(self) -> float:
        """One pass; seconds until the next."""
        try:
            self.step()
        except WsmonError as error:
            self._outages += 1
            pause = min(MAX_PAUSE_SECONDS, self.config.poll_seconds * 2.0 ** min(self._outages - 1, 6))
            self._log.error("pass failed", error=str(error), next_try_seconds=round(pause, 1))
            return min(pause, self.config.lease_seconds)
        if self._outages:
            self._log.info("store is back", failed_passes=self._outages)
            self._outages = 0
        return self.config.poll_seconds

    def _look(self) -> bool:
        """Look at the runs between passes; whether one ended."""
        try:
            return self.runs.watch() > 0
        except WsmonError as error:
            self._log.error("result not recorded yet", error=str(error))
            self._clock.sleep(min(1.0, self.config.poll_seconds))
            return False

    def _wait(self, due: float) -> None:
        pause = max(0.0, due - self._clock.monotonic())
        if self.runs.attended:
            pause = min(pause, self.config.look_seconds)
        # While it stops, only a second `stop` cuts the wait short.
        self._clock.wait(self._now if self._stopping.is_set() else self._stopping, pause)

    def _leave(self) -> None:
        """A clean end: locks are given back, runs stay adoptable."""
        self.runs.release_all()
        try:
            self._store.remove_monitor(self.config.name)
        except StoreError as error:
            self._log.warning("not signed off", error=str(error))

    def stop(self) -> None:
        """The first call ends cleanly, as `on_stop` says; the second at once."""
        if self._stopping.is_set():
            self._now.set()
        self._stopping.set()

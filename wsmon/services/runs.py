"""The runs one monitor attends: started or adopted, watched, ended, and their results recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from wsmon.domain.errors import (
    Conflict,
    IllegalTransition,
    InvalidInput,
    LockLost,
    NotFound,
    OutsideError,
    Refused,
    StillAlive,
    WsmonError,
)
from wsmon.domain.states import ErrorCategory
from wsmon.domain.workset import Lease, RunRecord, Workset
from wsmon.ports import Clock, CommandRunner, Log, RunRequest, RunState, RunStatus
from wsmon.services.commands import Commands
from wsmon.services.config import MonitorConfig
from wsmon.services.launching import argv_of, environment
from wsmon.services.leases import LeaseKeeper
from wsmon.services.recording import Attended, Results, Why

KILL_AGAIN_SECONDS = 5.0
STEP_CHARS = 200
Problems = Callable[[Workset], Sequence[str]]
"""What forbids the start of a workset's run; raises OutsideError where that cannot be told."""


class Runs:
    """Holds the attended runs; one thread calls it."""

    def __init__(
        self,
        commands: Commands,
        clock: Clock,
        runner: CommandRunner,
        keeper: LeaseKeeper,
        config: MonitorConfig,
        log: Log,
        problems: Problems | None = None,
        lost: Callable[[], None] = lambda: None,
        gone: Callable[[str], str] = lambda _: "",
    ) -> None:
        """`lost` hears of each lock that was lost while its run was attended; `gone` tells why a cluster is, for certain."""
        self._problems, self._lost, self._gone = problems, lost, gone
        self._commands, self._clock, self._runner = commands, clock, runner
        self._keeper, self._config, self._log = keeper, config, log
        self._results = Results(commands, runner, config, log, self._forget)
        self._unable: dict[str, str] = {}
        """cluster -> why nothing can be started there."""
        self.attended: dict[str, Attended] = {}
        self.let_go: list[tuple[str, RunRecord]] = []
        """Runs that may live, and whose lock is not ours (any more)."""

    # beginning

    def begin(self, workset: Workset, lease: Lease, deadline: float) -> bool:
        """Start the run of a workset just locked; `deadline` is in boot-time seconds.

        All that can fail at the place does so before the start is committed, and uses no attempt.
        False when it came to nothing and that is recorded. Raises LockLost, StoreError, StillAlive,
        OutsideError, and Refused where the place cannot start anything.
        """
        token = lease.token
        if self._forbidden(workset, token):
            return False
        try:
            run = self._runner.plan(workset.workset_id, token, workset.slot)
            argv, pipeline = argv_of(self._config, workset, token, run.folder)
            env = environment(self._config, replace(workset, attempt=workset.attempt + 1), run)
            request = RunRequest(workset, run, argv, deadline, env, pipeline)
            self._runner.prepare(request)
        except (InvalidInput, ValueError) as error:
            self._results.fail(workset, token, ErrorCategory.CONFIGURATION, str(error))
            return False
        except StillAlive as error:
            self.let_go += [(workset.workset_id, older) for older in error.runs]
            raise
        except OSError as error:
            raise Refused(f"the place cannot be used: {error}") from None
        started = self._commands.start(workset, token=token, run=run)
        return self._spawn(Attended(started, lease, run), request)

    def _spawn(self, attended: Attended, request: RunRequest) -> bool:
        """The part of `begin` after the start: whatever goes wrong is the attempt's failure."""
        started, token = attended.workset, attended.lease.token
        self.attended[started.workset_id] = attended
        try:
            self._runner.spawn(request)
        except OutsideError as error:
            # It may have started, or may start yet: only its place can tell.
            attended.unsure = True
            self._log.warning("start not confirmed", workset_id=started.workset_id, why=str(error))
            return True
        except (Refused, OSError) as error:
            self._results.fail(started, token, ErrorCategory.TRANSIENT, f"not started: {error}")
            raise Refused(str(error)) from None
        except ValueError as error:
            self._results.fail(started, token, ErrorCategory.CONFIGURATION, f"cannot be started: {error}")
            return False
        self._log.info("started", workset_id=started.workset_id, attempt=started.attempt, token=token)
        return True

    def able(self, cluster: str | None) -> bool:
        """Whether anything can be started on a cluster; where not, nothing is claimed for it, and no attempt is lost."""
        name, why = cluster or "", ""
        try:
            self._runner.ready(cluster)
        except (Refused, OutsideError) as error:
            why = str(error)
        if why != self._unable.get(name, ""):
            self._log.warning("nothing can start" if why else "runs can start again", cluster=name, why=why)
            self._unable[name] = why
        return not why

    def _forbidden(self, workset: Workset, token: int) -> bool:
        """Whether something is wrong with what it would run on; then that is its failure."""
        if self._problems is None:
            return False
        try:
            problems = self._problems(workset)
        except OutsideError as error:
            self._results.fail(workset, token, ErrorCategory.TRANSIENT, f"not started: {error}")
            return True
        if problems:
            self._results.fail(workset, token, ErrorCategory.DATA, "; ".join(problems))
        return bool(problems)

    def adopt(self, workset: Workset, lease: Lease) -> None:
        """Attend a run that another monitor started; its lock was just taken.

        The place's token is raised first, and only then a look is taken: whatever was about
        to start under an older lock does not start any more.
        """
        assert workset.run is not None
        self._runner.raise_token(workset.workset_id, lease.token, workset.run)
        self.attended[workset.workset_id] = Attended(workset, lease, workset.run)
        self._log.info("adopted", workset_id=workset.workset_id, token=lease.token, run_token=workset.run.run_token)

    def end_gone(self, workset: Workset, lease: Lease, why: str) -> None:
        """Record the end of a run whose cluster is gone with all that ran there; its lock was just taken."""
        assert workset.run is not None
        self._results.over(Attended(workset, lease, workset.run), ErrorCategory.TRANSIENT, why)

    # watching

    def watch(self) -> int:
        """Look at every attended run once; how many ended."""
        for workset_id, token in self._keeper.lost().items():
            self._let_go(workset_id, token)
        before = len(self.attended)
        for attended in list(self.attended.values()):
            try:
                self._watch(attended)
            except LockLost as lost:
                self._let_go(lost.workset_id, attended.lease.token, lost.reason)
            except NotFound:
                self._let_go(attended.workset.workset_id, attended.lease.token)
            except IllegalTransition as error:
                # Only a holder's own verb ends its lock so: a result whose reply never came stands.
                self._forget(attended.workset.workset_id)
                self._log.info("recorded before", workset_id=attended.workset.workset_id, state=error.state)
            except (Conflict, Refused, OutsideError) as error:
                # The others' results wait for nothing of this one.
                self._log.warning("not recorded yet", workset_id=attended.workset.workset_id, why=str(error))
        return before - len(self.attended)

    def _watch(self, attended: Attended) -> None:
        status = self._runner.look(attended.workset.workset_id, attended.run)
        if status.state is RunState.ABSENT and attended.unsure:
            # What is still on its way there is barred first; the next look then tells the truth.
            self._runner.raise_token(attended.workset.workset_id, attended.lease.token + 1, attended.run)
            attended.unsure = False
            return
        self._note_sight(attended, status.note if status.state is RunState.UNKNOWN else "")
        match status.state:
            case RunState.RUNNING:
                attended.unsure = False
                self._step(attended, status)
                self._limit(attended, status)
            case RunState.ENDED:
                self._results.record(attended, status)
            case RunState.ABSENT:
                self._results.over(attended, ErrorCategory.TRANSIENT, f"the run is gone: {status.note}")
            case RunState.UNKNOWN:
                # It may live: its lock is kept, and nothing is recorded, unless all of its cluster is gone.
                if why := self._gone(attended.workset.slot or ""):
                    self._results.over(attended, ErrorCategory.TRANSIENT, why)

    def _note_sight(self, attended: Attended, unseen: str) -> None:
        """Tell of a change in why a run cannot be seen; empty: it can."""
        if unseen != attended.out_of_sight:
            said = "run out of sight" if unseen else "run in sight"
            self._log.warning(said, workset_id=attended.workset.workset_id, why=unseen)
        attended.out_of_sight = unseen

    def _step(self, attended: Attended, status: RunStatus) -> None:
        """Tell of a step that was not told yet."""
        step, workset = status.step, attended.workset
        if step is not None and step != workset.current_step:
            attended.workset = self._commands.progress(workset, token=attended.lease.token, step=step[:STEP_CHARS])

    def _limit(self, attended: Attended, status: RunStatus) -> None:
        timeout = self._config.timeout_seconds
        if attended.why is None and timeout is not None and (status.seconds or 0.0) > timeout:
            self.end(attended, Why.TIMEOUT)
        moment = self._clock.monotonic()
        if attended.why is None:
            return
        if moment - attended.ending_since < self._config.stop_grace_seconds:
            if not attended.told:
                self._tell(attended)
            return
        if attended.killed_at is None or moment - attended.killed_at > KILL_AGAIN_SECONDS:
            attended.killed_at = moment
            self._runner.stop(attended.workset.workset_id, attended.run, force=True)

    def end(self, attended: Attended, why: Why) -> None:
        """Ask a run to end; `watch` follows it up and kills what does not listen."""
        if attended.why is None:
            attended.why, attended.ending_since = why, self._clock.monotonic()
            self._log.info("ending", workset_id=attended.workset.workset_id, why=why.value)
            self._tell(attended)

    def _tell(self, attended: Attended) -> None:
        """The TERM; the grace begins once somebody got it."""
        attended.told = self._runner.stop(attended.workset.workset_id, attended.run, force=False)
        if attended.told:
            attended.ending_since = self._clock.monotonic()

    def _forget(self, workset_id: str) -> None:
        self._keeper.drop(workset_id)
        self.attended.pop(workset_id, None)

    def _let_go(self, workset_id: str, token: int, reason: str = "unknown") -> None:
        """Robbed: the newest lock decides about the run, so it is left as it is."""
        attended = self.attended.get(workset_id)
        if attended is not None and attended.lease.token == token:
            self._forget(workset_id)
            self.let_go.append((workset_id, attended.run))
            self._lost()
            self._log.warning("lock lost", workset_id=workset_id, token=token, reason=reason)

    def attends(self, workset_id: str) -> bool:
        """Whether this monitor attends a run of what a plan would start; it is let go of where its lock is lost.

        The queue's index may still show what was claimed a moment ago, so the record decides.
        """
        attended = self.attended.get(workset_id)
        if attended is None:
            return False
        record, token = self._commands.store.record(workset_id), attended.lease.token
        if not isinstance(record, Workset) or record.token != token or record.holder is None:
            self._let_go(workset_id, token)
        return True

    def give_back(self, workset: Workset, lease: Lease) -> None:
        """End a lock, whatever has become of it meanwhile; one that cannot be ended now will die."""
        self._forget(workset.workset_id)
        try:
            self._commands.release(workset.workset_id, token=lease.token)
        except WsmonError as error:
            self._log.warning("not released", workset_id=workset.workset_id, why=str(error))

    def release_all(self) -> None:
        """End the locks and leave the runs adoptable, as far as the store can be reached."""
        for attended in list(self.attended.values()):
            self.give_back(attended.workset, attended.lease)

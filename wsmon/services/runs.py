"""The runs one monitor attends: started or adopted, watched, ended, and their results recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from wsmon.domain.errors import IllegalTransition, InvalidInput, LockLost, NotFound, OutsideError, Refused, StoreError
from wsmon.domain.outcome import category_of
from wsmon.domain.states import ErrorCategory
from wsmon.domain.workset import Lease, RunRecord, Workset
from wsmon.ports import Clock, CommandRunner, Log, RunRequest, RunState, RunStatus
from wsmon.services.commands import Commands
from wsmon.services.config import MonitorConfig
from wsmon.services.launching import argv_of, environment, metrics_of
from wsmon.services.leases import LeaseKeeper

KILL_AGAIN_SECONDS = 5.0
STEP_CHARS = 200
Problems = Callable[[Workset], Sequence[str]]
"""What forbids the start of a workset's run; raises OutsideError where that cannot be told."""


class Why(StrEnum):
    """Why a run is being ended."""

    TIMEOUT = "timeout"
    CANCEL = "cancel"


@dataclass(slots=True)
class Attended:
    """A run this monitor holds the lock for."""

    workset: Workset
    lease: Lease
    run: RunRecord
    why: Why | None = None
    """Why it is being ended; None while it may run."""
    ending_since: float = 0.0
    """Monotonic seconds of the TERM."""
    killed_at: float | None = None
    unsure: bool = False
    """Whether the place never said that it started it."""


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
    ) -> None:
        self._problems = problems
        self._commands, self._clock, self._runner = commands, clock, runner
        self._keeper, self._config, self._log = keeper, config, log
        self.attended: dict[str, Attended] = {}

    # beginning

    def begin(self, workset: Workset, lease: Lease, deadline: float) -> bool:
        """Start the run of a workset just locked; `deadline` is in boot-time seconds.

        The start is committed before anything is spawned. False when it came to nothing; the
        failure is recorded or the lock is another's by then.
        """
        token = lease.token
        if self._forbidden(workset, token):
            return False
        try:
            run = self._runner.plan(workset.workset_id, token, workset.slot)
            argv, pipeline = argv_of(self._config, workset, token, run.folder)
        except InvalidInput as error:
            self._fail(workset, token, ErrorCategory.CONFIGURATION, str(error))
            return False
        started = self._commands.start(workset, token=token, run=run)
        attended = Attended(started, lease, run)
        self.attended[workset.workset_id] = attended
        try:
            self._runner.spawn(
                RunRequest(started, run, argv, deadline, environment(self._config, started, run), pipeline)
            )
        except OutsideError as error:
            # It may have started, or may start yet: only its place can tell.
            attended.unsure = True
            self._log.warning("start not confirmed", workset_id=workset.workset_id, why=str(error))
            return True
        except Refused as error:
            self._fail(started, token, ErrorCategory.TRANSIENT, f"not started: {error}")
            return False
        self._log.info("started", workset_id=workset.workset_id, attempt=started.attempt, token=token)
        return True

    def _forbidden(self, workset: Workset, token: int) -> bool:
        """Whether something is wrong with what it would run on; then that is its failure."""
        if self._problems is None:
            return False
        try:
            problems = self._problems(workset)
        except OutsideError as error:
            self._fail(workset, token, ErrorCategory.TRANSIENT, f"not looked at: {error}")
            return True
        if problems:
            self._fail(workset, token, ErrorCategory.DATA, "; ".join(problems))
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
        return before - len(self.attended)

    def _watch(self, attended: Attended) -> None:
        status = self._runner.look(attended.workset.workset_id, attended.run)
        if status.state is RunState.ABSENT and attended.unsure:
            # What is still on its way there is barred first; the next look then tells the truth.
            self._runner.raise_token(attended.workset.workset_id, attended.lease.token + 1, attended.run)
            attended.unsure = False
            return
        match status.state:
            case RunState.RUNNING:
                attended.unsure = False
                self._step(attended, status)
                self._limit(attended, status)
            case RunState.ENDED:
                self._record(attended, status)
            case RunState.ABSENT:
                self._over(attended, ErrorCategory.TRANSIENT, f"the run is gone: {status.note}")
            case RunState.UNKNOWN:
                self._log.warning("run out of sight", workset_id=attended.workset.workset_id, why=status.note)

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
        if attended.why is None or moment - attended.ending_since < self._config.stop_grace_seconds:
            return
        if attended.killed_at is None or moment - attended.killed_at > KILL_AGAIN_SECONDS:
            attended.killed_at = moment
            self._runner.stop(attended.workset.workset_id, attended.run, force=True)

    def end(self, attended: Attended, why: Why) -> None:
        """Ask a run to end; `watch` follows it up and kills what does not listen."""
        if attended.why is None:
            attended.why, attended.ending_since = why, self._clock.monotonic()
            self._log.info("ending", workset_id=attended.workset.workset_id, why=why.value)
            self._runner.stop(attended.workset.workset_id, attended.run, force=False)

    # recording

    def _record(self, attended: Attended, status: RunStatus) -> None:
        workset, token = attended.workset, attended.lease.token
        if status.exit_code == 0 and attended.why is not Why.TIMEOUT:
            metrics = metrics_of(workset, status)
            self._commands.complete(workset, token=token, metrics=metrics)
            self._forget(workset.workset_id)
            self._log.info("complete", workset_id=workset.workset_id, seconds=metrics["duration_seconds"])
        elif attended.why is Why.TIMEOUT:
            text = f"it ran longer than {self._config.timeout_seconds:g} s and was ended"
            self._over(attended, ErrorCategory.TRANSIENT, text, status)
        else:
            code = status.exit_code
            parts = [
                f"exit code {code}" if code is not None else "no exit code",
                status.note,
                self._last_line(attended),
            ]
            self._over(
                attended, category_of(code, self._config.exit_categories), "; ".join(filter(None, parts)), status
            )

    def _over(self, attended: Attended, category: ErrorCategory, details: str, status: RunStatus | None = None) -> None:
        """The run ended without success."""
        if attended.why is Why.CANCEL or attended.workset.cancel is not None:
            self._commands.cancelled(attended.workset.workset_id, token=attended.lease.token)
            self._forget(attended.workset.workset_id)
            self._log.info("cancelled", workset_id=attended.workset.workset_id)
        else:
            self._fail(attended.workset, attended.lease.token, category, details, status)

    def _fail(
        self,
        workset: Workset,
        token: int,
        category: ErrorCategory,
        details: str,
        status: RunStatus | None = None,
    ) -> None:
        after = self._commands.fail(
            workset,
            token=token,
            category=category,
            details=details,
            failed_step=status.step if status else None,
            metrics=metrics_of(workset, status) if status else None,
        )
        self._forget(workset.workset_id)
        self._log.warning(
            "failed", workset_id=workset.workset_id, category=category.value, state=after.state.value, details=details
        )

    def _last_line(self, attended: Attended) -> str:
        lines = self._runner.log_tail(attended.run, 2048).strip().splitlines()
        return lines[-1][:500] if lines else ""

    def _forget(self, workset_id: str) -> None:
        self._keeper.drop(workset_id)
        self.attended.pop(workset_id, None)

    def _let_go(self, workset_id: str, token: int, reason: str = "unknown") -> None:
        """Robbed: the newest lock decides about the run, so it is left as it is."""
        attended = self.attended.get(workset_id)
        if attended is not None and attended.lease.token == token:
            self._forget(workset_id)
            self._log.warning("lock lost", workset_id=workset_id, token=token, reason=reason)

    def give_back(self, workset_id: str, token: int) -> None:
        """End a lock under which nothing came about, unless it is lost by now. Raises StoreError."""
        self._keeper.drop(workset_id)
        try:
            self._commands.release(workset_id, token=token)
        except (LockLost, NotFound, Refused) as error:
            self._log.warning("not released", workset_id=workset_id, why=str(error))

    def release_all(self) -> None:
        """End the locks and leave the runs adoptable, as far as the store can be reached."""
        for attended in list(self.attended.values()):
            workset_id = attended.workset.workset_id
            self._keeper.drop(workset_id)
            try:
                self._commands.release(workset_id, token=attended.lease.token)
            except (LockLost, NotFound, StoreError) as error:
                self._log.warning("not released", workset_id=workset_id, why=str(error))
            self.attended.pop(workset_id, None)

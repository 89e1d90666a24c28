"""What became of an attended run, recorded under its lock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from wsmon.domain.outcome import category_of
from wsmon.domain.states import ErrorCategory
from wsmon.domain.workset import Lease, RunRecord, Workset
from wsmon.ports import CommandRunner, Log, RunStatus
from wsmon.services.commands import Commands
from wsmon.services.config import MonitorConfig
from wsmon.services.launching import metrics_of


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
    """Monotonic seconds of the TERM, or of the wish for it while there is nobody to be told."""
    told: bool = False
    """Whether the TERM has reached anyone."""
    killed_at: float | None = None
    unsure: bool = False
    """Whether the place never said that it started it."""
    out_of_sight: str = ""
    """Why it cannot be seen at the moment."""


class Results:
    """Records how runs ended. Each method may raise LockLost, IllegalTransition, Conflict, StoreError: then nothing is recorded."""

    def __init__(
        self, commands: Commands, runner: CommandRunner, config: MonitorConfig, log: Log, forget: Callable[[str], None]
    ) -> None:
        """`forget` is told of every workset whose run is over and recorded."""
        self._commands, self._runner, self._config, self._log = commands, runner, config, log
        self._forget = forget

    def record(self, attended: Attended, status: RunStatus) -> None:
        """A run that has ended: complete, or why not."""
        workset, token = attended.workset, attended.lease.token
        if status.exit_code == 0 and attended.why is not Why.TIMEOUT:
            metrics = metrics_of(workset, status)
            self._commands.complete(workset, token=token, metrics=metrics)
            self._forget(workset.workset_id)
            self._log.info("complete", workset_id=workset.workset_id, seconds=metrics["duration_seconds"])
        elif attended.why is Why.TIMEOUT:
            text = f"it ran longer than {self._config.timeout_seconds:g} s and was ended"
            self.over(attended, ErrorCategory.TRANSIENT, text, status)
        else:
            code = status.exit_code
            parts = [
                f"exit code {code}" if code is not None else "no exit code",
                status.note,
                self._last_line(attended),
            ]
            self.over(attended, category_of(code, self._config.exit_categories), "; ".join(filter(None, parts)), status)

    def over(self, attended: Attended, category: ErrorCategory, details: str, status: RunStatus | None = None) -> None:
        """The run ended without success."""
        if attended.why is Why.CANCEL or attended.workset.cancel is not None:
            self._commands.cancelled(attended.workset.workset_id, token=attended.lease.token)
            self._forget(attended.workset.workset_id)
            self._log.info("cancelled", workset_id=attended.workset.workset_id)
        else:
            self.fail(attended.workset, attended.lease.token, category, details, status)

    def fail(
        self,
        workset: Workset,
        token: int,
        category: ErrorCategory,
        details: str,
        status: RunStatus | None = None,
    ) -> None:
        """A failure, of a run or of its start."""
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

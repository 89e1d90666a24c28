"""Attempts are counted, failures lead where they should, and a result is what became of the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.simulation.effects import Effects
from tests.simulation.kernel import SECOND, Violation
from tests.simulation.model import Stamp, said
from tests.simulation.table import CATEGORIES, RETRYABLE
from wsmon.domain.change import Change
from wsmon.domain.workset import RetryPolicy, Workset

if TYPE_CHECKING:
    from tests.simulation.server import Session


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Checks of one accepted change."""

    policy: RetryPolicy
    effects: Effects
    rash: bool = False
    """Whether operators requeue runs that live, as they may where there is one place."""

    def counts(self, change: Change, before: Workset, after: Workset) -> None:
        verb, policy = change.event.verb.value, self.policy
        if verb == "acquire" and (after.locked_at or 0) < (before.retry_after or 0):
            raise Violation("a retry waits for its moment", said(change))
        attempt, expiries = self._expected(verb, before)
        if (after.attempt, after.expiries) != (attempt, expiries):
            raise Violation("attempts are counted", f"{said(change)}: {after.attempt}, {after.expiries}")
        spent = attempt >= policy.max_attempts
        if verb == "start" and attempt > policy.max_attempts:
            raise Violation("attempts are counted", f"{said(change)}: attempt {attempt}")
        if verb == "expire" and before.cancel is None:
            want = "failed" if spent and expiries == 0 else "ready"
            if after.state.value != want:
                raise Violation("attempts are counted", f"{said(change)}: {after.state} after {expiries} expiries")
        if verb == "fail":
            self._failed(change, before, after, spent=spent)

    def _expected(self, verb: str, before: Workset) -> tuple[int, int]:
        """(attempts, expiries) after a verb."""
        if verb == "start":
            return before.attempt + 1, 0
        if verb == "requeue":
            return 0, 0
        if verb == "fail" and before.state == "locked":
            return before.attempt + 1, before.expiries
        if verb == "expire" and before.cancel is None:
            again = before.expiries + 1 < self.policy.max_expiries
            return (before.attempt, before.expiries + 1) if again else (before.attempt + 1, 0)
        return before.attempt, before.expiries

    def _failed(self, change: Change, before: Workset, after: Workset, *, spent: bool) -> None:
        category = str((change.event.detail or {}).get("category"))
        want = "failed" if spent else "retrying"
        if not RETRYABLE[category]:
            want = "error"
        if before.cancel is not None:
            want = "ignored"
        if after.state.value != want:
            raise Violation("a failure leads where its category says", f"{said(change)}: {category} -> {after.state}")
        if after.retry_after is not None and after.failure is not None:
            delay = (after.retry_after - after.failure.at) / SECOND
            most = min(self.policy.cap, self.policy.base * 2 ** (after.attempt - 1))
            if not most / 2 - 0.01 <= delay <= most + 0.01:
                raise Violation("retries back off", f"{said(change)}: {delay} s")

    def result(self, session: Session, change: Change, before: Workset, taken: Mapping[tuple[str, int], Stamp]) -> None:
        """What is recorded of a run is what became of it, and only once it has ended."""
        verb, run = change.event.verb.value, before.run
        if before.state != "in_progress" or run is None or verb not in {"complete", "fail", "cancelled", "requeue"}:
            return
        effect = self.effects.all.get((before.workset_id, run.run_token))
        if effect is not None and effect.ended is None and not (verb == "requeue" and self.rash):
            raise Violation("no result before the end", f"{said(change)} while the run of token {run.run_token} lives")
        succeeded = effect is not None and effect.told and effect.exit_code == 0
        if verb == "complete" and not succeeded:
            raise Violation("a result is the run's", f"{said(change)}, but the run gave {effect}")
        if effect is None or verb not in {"fail", "cancelled"}:
            return
        lasted = ((effect.ended or 0) - taken[before.workset_id, run.run_token].at) / SECOND
        timed_out = session.timeout is not None and lasted > session.timeout - 1
        if succeeded and not timed_out:
            raise Violation("a result is the run's", f"{said(change)}, but the run succeeded after {lasted} s")
        self._category(change, effect.exit_code if effect.told else None, timed_out=timed_out)

    def _category(self, change: Change, code: int | None, *, timed_out: bool) -> None:
        told = (change.event.detail or {}).get("category")
        shown = None if code is None else 128 - code if code < 0 else code
        want = CATEGORIES.get(shown or 0) or ("transient" if shown is None or shown > 128 else "permanent")
        if change.event.verb == "fail" and told != want and not (timed_out and told == "transient"):
            raise Violation("a failure has the category of its exit code", f"{said(change)}: {told} for {shown}")

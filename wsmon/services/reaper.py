"""Finds locks that are proven dead and runs that nobody attends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from wsmon.domain.alerts import RESOLVED, about
from wsmon.domain.errors import Conflict, IllegalTransition, NotFound
from wsmon.domain.observing import LeaseWatch
from wsmon.domain.states import WorksetState
from wsmon.domain.times import micros
from wsmon.domain.workset import Lease, LeaseMark, Row, Workset, row_of
from wsmon.ports import AlertRecord, Clock, Log
from wsmon.services.commands import Commands


@dataclass(frozen=True, slots=True)
class Unattended:
    """An in-progress workset without a live lock; `dead` is the mark of a lease that still stands."""

    workset: Workset
    dead: LeaseMark | None


class Reaper:
    """One observer of all leases. Each pass takes note of them; a proof needs two looks or the wall clock."""

    def __init__(self, commands: Commands, clock: Clock, log: Log, *, skew: float, patience: float) -> None:
        self._commands, self._clock, self._log = commands, clock, log
        self._watch = LeaseWatch(skew)
        self._patience = patience
        self._waiting: dict[str, float] = {}
        """workset id -> monotonic seconds since which it was seen unattended."""

    def sweep(self, in_progress: Iterable[Row]) -> Iterator[Unattended]:
        """Expire dead locks before a start; yield what is unattended, with the record read consistently."""
        leases = {lease.workset_id: lease for lease in self._commands.store.leases()}
        moment = self._clock.monotonic()
        self._watch.observe(leases.values(), moment)
        now = self._clock.now()
        suspects: dict[str, LeaseMark | None] = {
            row.workset_id: None for row in in_progress if row.workset_id not in leases
        }
        for lease in leases.values():
            mark = self._watch.dead(lease, now, moment)
            if mark is not None:
                suspects[lease.workset_id] = mark
        for workset_id, dead in suspects.items():
            found = self._examine(workset_id, dead)
            if found is not None:
                yield found
        self._forget(suspects, leases)

    def _examine(self, workset_id: str, dead: LeaseMark | None) -> Unattended | None:
        record = self._commands.store.record(workset_id)
        if not isinstance(record, Workset):
            return None
        if record.state is WorksetState.IN_PROGRESS:
            held = record.holder is not None
            if held and (dead is None or dead[0] != record.token):
                return None
            return Unattended(record, dead if held else None)
        if record.state is WorksetState.LOCKED and dead is not None and dead[0] == record.token:
            self._expire(record, dead)
        return None

    def _expire(self, workset: Workset, dead: LeaseMark) -> None:
        try:
            after = self._commands.expire(workset.workset_id, dead=dead)
        except (Conflict, IllegalTransition, NotFound) as error:
            self._log.info("not expired", workset_id=workset.workset_id, why=str(error))
        else:
            self._log.warning(
                "dead lock ended", workset_id=workset.workset_id, holder=workset.holder, state=after.state.value
            )

    def out_of_reach(self, found: Unattended, why: str) -> None:
        """Nobody here can tell what became of its run: alert once it has stood so for the patience."""
        workset = found.workset
        moment = self._clock.monotonic()
        since = self._waiting.setdefault(workset.workset_id, moment)
        if moment - since >= self._patience:
            self._waiting[workset.workset_id] = moment
            now = self._clock.now()
            text = f"in progress without a live lock; {why}; requeue it only when its run is known to be dead"
            name = orphan_fingerprint(workset.workset_id)
            alert = AlertRecord(name, "orphaned", "critical", workset.workset_id, text, now, now)
            self._commands.store.put_alert(about(alert, row_of(workset)))

    def _forget(self, suspects: Mapping[str, LeaseMark | None], leases: Mapping[str, Lease]) -> None:
        """Clear the orphan alerts of what is attended again or over."""
        self._waiting = {key: since for key, since in self._waiting.items() if key in suspects}
        for alert in self._commands.store.alerts():
            if (
                alert.kind == "orphaned"
                and alert.status != RESOLVED
                and alert.subject not in suspects
                and self._attended(alert, leases)
            ):
                self._commands.store.mark_alert(alert.fingerprint, RESOLVED, at=self._clock.now())

    def _attended(self, alert: AlertRecord, leases: Mapping[str, Lease]) -> bool:
        """Whether the alert's condition is over; another observer may know better that a lease is dead."""
        lease = leases.get(alert.subject)
        if lease is not None:
            return lease.expires_at - micros(lease.duration) > alert.last_at
        record = self._commands.store.record(alert.subject)
        return not isinstance(record, Workset) or record.state is not WorksetState.IN_PROGRESS


def orphan_fingerprint(workset_id: str) -> str:
    """Names the orphan alert of a workset."""
    return f"orphaned/{workset_id}"

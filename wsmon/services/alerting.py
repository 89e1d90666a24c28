"""Which conditions of the worksets themselves are alerts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

from wsmon.domain.states import WorksetState
from wsmon.domain.workset import Lease, Row
from wsmon.ports import AlertRecord

CRITICAL, WARNING = "critical", "warning"
TOLD_OF = frozenset({WorksetState.IN_PROGRESS, WorksetState.ERROR, WorksetState.FAILED})
"""Only worksets in these states can be an alert."""


class DerivedAlerts:
    """The alerts of all worksets, derived anew only when something they rest on has changed."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}
        self._seen: object = None
        self._alerts: tuple[AlertRecord, ...] = ()

    def note(self, workset_id: str, row: Row | None) -> None:
        """A workset's row is this now."""
        if row is not None and row.state in TOLD_OF:
            self._rows[workset_id], self._seen = row, None
        elif self._rows.pop(workset_id, None) is not None:
            self._seen = None

    def alerts(
        self, leases: Sequence[Lease], dead: AbstractSet[str], stored: Sequence[AlertRecord]
    ) -> tuple[AlertRecord, ...]:
        """All of them; critical and newest first."""
        seen = (leases, dead, stored)
        if seen != self._seen:
            self._seen, self._alerts = seen, derive(self._rows.values(), leases, dead, stored)
        return self._alerts


def derive(
    rows: Iterable[Row], leases: Sequence[Lease], dead: AbstractSet[str], stored: Iterable[AlertRecord]
) -> tuple[AlertRecord, ...]:
    """Errors, failures, dead locks and unattended runs, with the stored ones; critical and newest first."""
    held = {lease.workset_id for lease in leases}
    found = list(stored)
    told = {alert.subject for alert in found if alert.kind == "orphaned"}
    for row in rows:
        if row.state is WorksetState.IN_PROGRESS:
            if row.workset_id not in held and row.holder is None and row.workset_id not in told:
                found.append(_of(row, "unattended", WARNING, "in progress, and nobody holds its lock"))
        elif row.state is WorksetState.ERROR or row.state is WorksetState.FAILED:
            category = f"{row.category.value}: " if row.category else ""
            found.append(_of(row, row.state.value, WARNING, f"{category}{row.error or ''}"))
    for lease in leases:
        if lease.workset_id in dead and lease.workset_id not in told:
            text = f"the lock of {lease.holder} is dead (token {lease.token})"
            at = lease.expires_at
            found.append(
                AlertRecord(f"dead-lock/{lease.workset_id}", "dead lock", WARNING, lease.workset_id, text, at, at)
            )
    return tuple(sorted(found, key=lambda alert: (alert.severity != CRITICAL, -alert.last_at, alert.fingerprint)))


def _of(row: Row, kind: str, severity: str, text: str) -> AlertRecord:
    return AlertRecord(f"{kind}/{row.workset_id}", kind, severity, row.workset_id, text, row.updated_at, row.updated_at)

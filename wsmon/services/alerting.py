"""Which conditions of the worksets themselves are alerts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

from wsmon.domain.states import WorksetState
from wsmon.domain.workset import Lease, Row
from wsmon.ports import AlertRecord

CRITICAL, WARNING = "critical", "warning"


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

"""Which conditions of the worksets themselves are alerts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

from wsmon.domain.alerts import AlertRecord, SilenceRecord, of_worksets
from wsmon.domain.ruling import Ruling, merged
from wsmon.domain.states import WorksetState
from wsmon.domain.times import Instant
from wsmon.domain.workset import Lease, Row

TOLD_OF = frozenset({WorksetState.IN_PROGRESS, WorksetState.ERROR, WorksetState.FAILED})
"""Only worksets in these states can be an alert."""


class DerivedAlerts:
    """The alerts of all worksets, derived anew only when something they rest on has changed."""

    def __init__(self, ruling: Ruling | None = None) -> None:
        self._ruling = ruling
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
            self._seen, self._alerts = seen, derive(self._rows.values(), leases, dead, stored, self._ruling)
        return self._alerts


def derive(
    rows: Iterable[Row],
    leases: Sequence[Lease],
    dead: AbstractSet[str],
    stored: Iterable[AlertRecord],
    ruling: Ruling | None = None,
) -> tuple[AlertRecord, ...]:
    """What worksets and leases show, with the stored ones, by what is ruled; firing, critical and newest first."""
    return tuple(merged(of_worksets(rows, leases, dead), stored, ruling))


def quiet(alerts: Iterable[AlertRecord], silences: Iterable[SilenceRecord], now: Instant) -> frozenset[str]:
    """The fingerprints of those that a silence keeps quiet now."""
    standing = [silence for silence in silences if silence.starts_at <= now < silence.ends_at]
    if not standing:
        return frozenset()
    return frozenset(a.fingerprint for a in alerts if any(silence.matches(a, now) for silence in standing))

"""Alerts and silences as JSON documents."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict, replace

from wsmon.adapters.sqlite.documents import documents, read_document, write_document
from wsmon.adapters.sqlite.facts import Facts
from wsmon.domain.alerts import RESOLVED, AlertRecord, SilenceRecord
from wsmon.domain.times import Instant

_OUTLIVES = ("first_at", "status", "by", "reason", "changed_at")
"""What a new document of a standing alert leaves as it was."""


class Alerts(Facts):
    """The store's part that keeps what a person should know of."""

    def put_alert(self, alert: AlertRecord) -> None:
        """Raise an alert, or count it once more."""

        def write(connection: sqlite3.Connection) -> None:
            known = _known(connection, alert.fingerprint)
            kept = alert
            if known is not None and known.status != RESOLVED:
                kept = replace(alert, count=known.count + 1, **{name: getattr(known, name) for name in _OUTLIVES})
            write_document(connection, "alert", alert.fingerprint, asdict(kept))

        self._connections.transact(write)

    def mark_alert(self, fingerprint: str, status: str, *, by: str = "", reason: str = "", at: Instant = 0) -> bool:
        """Acknowledge it, or note its end."""

        def write(connection: sqlite3.Connection) -> bool:
            known = _known(connection, fingerprint)
            if known is not None:
                kept = replace(known, status=status, by=by, reason=reason, changed_at=at)
                write_document(connection, "alert", fingerprint, asdict(kept))
            return known is not None

        return self._connections.transact(write)

    def clear_alert(self, fingerprint: str) -> None:
        """Forget it."""
        self._remove("alert", fingerprint)

    def alerts(self, *, consistent: bool = True) -> list[AlertRecord]:
        """All alerts by their first moment."""
        found = self._connections.run(lambda c: [AlertRecord(**d) for d in documents(c, "alert")])
        return sorted(found, key=lambda alert: (alert.first_at, alert.fingerprint))

    def put_silence(self, silence: SilenceRecord) -> None:
        """Keep a silence."""
        self._put("silence", silence.silence_id, asdict(silence))

    def remove_silence(self, silence_id: str) -> None:
        """Forget a silence."""
        self._remove("silence", silence_id)

    def silences(self, *, consistent: bool = True) -> list[SilenceRecord]:
        """All silences by their end."""
        found = self._connections.run(lambda c: [SilenceRecord(**d) for d in documents(c, "silence")])
        return sorted(found, key=lambda silence: (silence.ends_at, silence.silence_id))


def _known(connection: sqlite3.Connection, fingerprint: str) -> AlertRecord | None:
    found = read_document(connection, "alert", fingerprint)
    return AlertRecord(**found) if found is not None else None

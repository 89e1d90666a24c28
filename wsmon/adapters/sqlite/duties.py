"""Duties and the cursors of whoever does them."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from wsmon.adapters import codec
from wsmon.adapters.sqlite.connection import Connections
from wsmon.adapters.sqlite.documents import read_document, write_document
from wsmon.domain.errors import StaleWrite
from wsmon.domain.workset import Lease, LeaseMark


class Duties:
    """The store's part that lets one monitor at a time do a duty."""

    _connections: Connections

    def duty(self, name: str) -> Lease | None:
        """Who does it."""
        return self._connections.run(lambda connection: read_duty(connection, name))

    def put_duty(self, lease: Lease, seen: LeaseMark | None) -> None:
        """Take, renew or give it back. Raises StaleWrite."""

        def write(connection: sqlite3.Connection) -> None:
            stands = read_duty(connection, lease.workset_id)
            if stands == lease:
                return
            if (stands.mark if stands is not None else None) != seen:
                raise StaleWrite(lease.workset_id, None, stands)
            write_document(connection, "duty", lease.workset_id, codec.lease_attributes(lease))

        self._connections.transact(write)

    def cursors(self) -> dict[str, str]:
        """Every cursor by name."""
        return self._connections.run(
            lambda c: dict(c.execute("SELECT name, document FROM facts WHERE kind = 'cursor'").fetchall())
        )

    def put_cursors(self, cursors: Mapping[str, str | None], duty: Lease, number: int) -> None:
        """Write cursors while the duty stands as it is given, and no later write came. Raises StaleWrite."""
        turn = [*duty.mark, number]
        gone = [(name,) for name, text in cursors.items() if text is None]
        kept = [(name, text) for name, text in cursors.items() if text is not None]

        def write(connection: sqlite3.Connection) -> None:
            stands = read_duty(connection, duty.workset_id)
            if stands is None or stands.mark != duty.mark or turn < _turn(connection, duty.workset_id):
                raise StaleWrite(duty.workset_id, None, stands)
            write_document(connection, "cursor turn", duty.workset_id, turn)
            connection.executemany("INSERT OR REPLACE INTO facts VALUES ('cursor', ?, ?)", kept)
            connection.executemany("DELETE FROM facts WHERE kind = 'cursor' AND name = ?", gone)

        self._connections.transact(write)


def _turn(connection: sqlite3.Connection, name: str) -> list[int]:
    """Token, renewal and number of the last write of cursors under a duty."""
    return read_document(connection, "cursor turn", name) or []


def read_duty(connection: sqlite3.Connection, name: str) -> Lease | None:
    """Who does it, as it stands."""
    found = read_document(connection, "duty", name)
    return codec.lease_from(found) if found is not None else None

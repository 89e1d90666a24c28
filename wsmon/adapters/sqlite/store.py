"""The StateStore port on one SQLite file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from wsmon.adapters import codec, cursors
from wsmon.adapters.sqlite import schema, writing
from wsmon.adapters.sqlite.alerts import Alerts
from wsmon.adapters.sqlite.connection import Connections, LateConnections, MemoryConnections
from wsmon.adapters.sqlite.duties import Duties
from wsmon.domain.change import Change, Event
from wsmon.domain.errors import StaleWrite
from wsmon.domain.states import WAITING, WorksetPriority, WorksetState
from wsmon.domain.times import Instant
from wsmon.domain.workset import Lease, Tombstone, Workset
from wsmon.ports import FeedPage, OutboxPage, RowPage, StoreInfo

_ALL_TIERS = tuple(priority.tier for priority in WorksetPriority)


class SqliteStore(Alerts, Duties):
    """Durable, for several processes of one machine; makes itself.

    Writers take turns, so an event's number orders the feed and a feed cursor never misses one.
    """

    def __init__(self, path: Path | None, *, make: bool = True, late: bool = False) -> None:
        """`path` None keeps everything in memory, for one process and as long as the object lives.

        A file that is missing is made at the first use; `late`: at the first change, and reads as empty until then;
        without `make`: it stays so, and is StoreUnusable.
        """
        self._connections = _connections(path, make=make, late=late)
        self.info = StoreInfo("sqlite", ":memory:" if path is None else str(self._connections.path))

    def init(self) -> list[str]:
        """Make the file where it is missing; says what it did."""
        existed = self._connections.path.exists()
        self.store_id()
        self.check()
        return [f"the store {self.info.name} {'is ready' if existed else 'was made'}"]

    def check(self) -> None:
        """Raises StoreUnusable unless the file is a store of ours."""
        self._connections.run(lambda connection: connection.execute("SELECT n FROM tallies LIMIT 1").fetchone())

    def store_id(self) -> str:
        """Drawn at the file's making."""
        return self._connections.transact(schema.store_id)

    def stamp(self) -> object | None:
        """This thread's connection, what others wrote as SQLite counts it, and what it wrote itself."""

        def read(connection: sqlite3.Connection) -> object:
            return connection, connection.execute("PRAGMA data_version").fetchone()[0], connection.total_changes

        return self._connections.run(read)

    # worksets

    def record(self, workset_id: str) -> Workset | Tombstone | None:
        """What stands under the id."""
        return self._connections.run(lambda connection: writing.read_record(connection, workset_id))

    def records(self, workset_ids: Sequence[str]) -> dict[str, Workset]:
        """The worksets of some ids; absent, purged and unreadable ones are left out."""
        places = ", ".join("?" * len(workset_ids))
        sql = f"SELECT workset_id, record FROM worksets WHERE workset_id IN ({places})"  # noqa: S608  (marks only)
        found = self._connections.run(lambda connection: connection.execute(sql, list(workset_ids)).fetchall())
        return codec.worksets_from(found)

    def commit(self, change: Change) -> None:
        """Write the change as a whole. Raises StaleWrite, NoCapacity."""
        self._connections.transact(lambda connection: writing.apply(connection, change))

    def register_many(self, changes: Sequence[Change]) -> dict[str, Workset | Tombstone]:
        """Write registrations; what stands already under some of the ids is given back."""

        def write(connection: sqlite3.Connection) -> dict[str, Workset | Tombstone]:
            taken = {}
            for change in changes:
                try:
                    writing.apply(connection, change)
                except StaleWrite as stale:
                    if stale.current is None:
                        raise
                    taken[change.workset_id] = stale.current
            return taken

        return self._connections.transact(write)

    def page(
        self,
        state: WorksetState,
        *,
        priority: WorksetPriority | None = None,
        cursor: str | None = None,
        limit: int = 200,
        newest_first: bool = False,
        due: Instant | None = None,
    ) -> RowPage:
        """Rows in one state in queue order; see the port."""
        tiered = state in WAITING
        # Beyond the waiting states the tiers are one queue: a pass over all of them is merged by moment.
        groups = [(priority.tier,)] if priority is not None else [(t,) for t in _ALL_TIERS] if tiered else [_ALL_TIERS]
        if newest_first:
            groups.reverse()
        mark = _mark(cursor)
        if mark is not None and tiered and priority is None:
            groups = groups[[group[0] for group in groups].index(mark[0]) :]
        found: list[tuple[int, int, str, str]] = []
        for group in groups:
            start = mark if mark is not None and (not tiered or mark[0] in group) else None
            found += self._slice(state, group, start, limit + 1 - len(found), newest_first=newest_first, due=due)
            if len(found) > limit:
                break
        kept = found[:limit]
        more = json.dumps(kept[-1][:3]) if len(found) > limit and kept else None
        rows, malformed = codec.rows_from((workset_id, text) for _, _, workset_id, text in kept)
        return RowPage(rows, more, malformed)

    def _slice(
        self,
        state: WorksetState,
        tiers: tuple[int, ...],
        after: tuple[int, int, str] | None,
        limit: int,
        *,
        newest_first: bool,
        due: Instant | None,
    ) -> list[tuple[int, int, str, str]]:
        """Up to `limit` (tier, moment, id, row) of some tiers, each read from its own index range."""
        compare, direction = ("<", "DESC") if newest_first else (">", "ASC")
        where, values = "state = ? AND tier = ?", []
        if after is not None:
            where += f" AND (moment, workset_id) {compare} (?, ?)"
            values += [after[1], after[2]]
        if due is not None:
            where += " AND moment <= ?"
            values.append(due)
        sql = (  # every part is a literal of ours; values are bound
            f"SELECT tier, moment, workset_id, row FROM worksets WHERE {where}"  # noqa: S608
            f" ORDER BY moment {direction}, workset_id {direction} LIMIT ?"
        )

        def read(connection: sqlite3.Connection) -> list[tuple[int, int, str, str]]:
            found: list[tuple[int, int, str, str]] = []
            for tier in tiers:
                found += connection.execute(sql, (state.value, tier, *values, limit)).fetchall()
            return found

        found = self._connections.run(read)
        if len(tiers) > 1:
            found.sort(key=lambda item: (item[1], item[2]), reverse=newest_first)
        return found[:limit]

    def tallies(self) -> dict[WorksetState, int]:
        """How many worksets stand in each state."""
        found = self._connections.run(lambda c: c.execute("SELECT state, n FROM tallies").fetchall())
        counts = {WorksetState(state): n for state, n in found}
        return {state: counts.get(state, 0) for state in WorksetState}

    # leases

    def renew(self, lease: Lease) -> None:
        """Replace the lease if its token is still there. Raises StaleWrite."""

        def write(connection: sqlite3.Connection) -> None:
            stands = writing.read_lease(connection, lease.workset_id)
            if stands == lease:
                return
            if stands is None or stands.mark != (lease.token, lease.renewal - 1):
                raise StaleWrite(lease.workset_id, None, stands)
            writing.write_lease(connection, lease)

        self._connections.transact(write)

    def lease(self, workset_id: str) -> Lease | None:
        """The lease."""
        return self._connections.run(lambda connection: writing.read_lease(connection, workset_id))

    def leases(self, *, consistent: bool = True) -> list[Lease]:
        """All leases by id."""
        found = self._connections.run(lambda c: c.execute("SELECT lease FROM leases ORDER BY workset_id").fetchall())
        return [codec.lease_from(json.loads(text)) for (text,) in found]

    # events

    def feed_start(self, since: Instant | None = None) -> str:
        """A cursor that stands now, or at `since`."""
        sql, values = "SELECT coalesce(max(number), 0) FROM events", ()
        if since is not None:
            sql, values = "SELECT coalesce(min(number) - 1, -1) FROM events WHERE at >= ? AND number > 0", (since,)  # type: ignore[assignment]
        (number,) = self._connections.run(lambda c: c.execute(sql, values).fetchone())
        return self.feed_start() if number < 0 else str(number)

    def feed(self, cursor: str, limit: int = 1000) -> FeedPage:
        """Events after the cursor, in the order they were written."""
        after = cursors.number(cursor)
        found = self._connections.run(
            lambda c: c.execute(
                "SELECT number, event FROM events WHERE number > ? ORDER BY number LIMIT ?", (after, limit)
            ).fetchall()
        )
        last = str(found[-1][0]) if found else cursor
        return FeedPage([_event(text) for _, text in found], last, len(found) == limit, [str(n) for n, _ in found])

    def between(self, since: Instant, until: Instant) -> Iterator[Event]:
        """Events of a span."""
        cursor, more = self.feed_start(since), True
        while more:
            page = self.feed(cursor)
            yield from (event for event in page.events if since <= event.at < until)
            cursor, more = page.cursor, page.more

    def history(self, workset_id: str, after_seq: int = 0, limit: int | None = None) -> list[Event]:
        """A workset's events in order."""
        found = self._connections.run(
            lambda c: c.execute(
                "SELECT event FROM events WHERE workset_id = ? AND seq > ? ORDER BY seq LIMIT ?",
                (workset_id, after_seq, -1 if limit is None else limit),
            ).fetchall()
        )
        return [_event(text) for (text,) in found]

    def undelivered(self, limit: int = 100, after: str | None = None) -> OutboxPage:
        """Events not yet marked delivered, in the order they were written."""
        found = self._connections.run(
            lambda c: c.execute(
                "SELECT number, workset_id, seq, event FROM events WHERE undelivered = 1 AND number > ?"
                " ORDER BY number LIMIT ?",
                (int(after or 0), limit),
            ).fetchall()
        )
        last = str(found[-1][0]) if found else after or "0"
        return codec.outbox_page(((w, seq, text) for _, w, seq, text in found), last, more=len(found) == limit)

    def undelivered_of(self, workset_id: str) -> OutboxPage:
        """A workset's events not yet marked delivered."""

        def read(connection: sqlite3.Connection) -> OutboxPage:
            (last,) = connection.execute(
                "SELECT coalesce(max(seq), 0) FROM events WHERE workset_id = ?", (workset_id,)
            ).fetchone()
            found = connection.execute(
                "SELECT workset_id, seq, event FROM events WHERE workset_id = ? AND undelivered = 1 ORDER BY seq",
                (workset_id,),
            ).fetchall()
            return codec.outbox_page(found, str(last), more=False)

        return self._connections.run(read)

    def mark_delivered(self, events: Sequence[tuple[str, int]]) -> None:
        """Take events off the outbox."""
        self._connections.transact(
            lambda c: c.executemany("UPDATE events SET undelivered = NULL WHERE workset_id = ? AND seq = ?", events)
        )

    def close(self) -> None:
        """Close the file."""
        self._connections.close()


def _mark(cursor: str | None) -> tuple[int, int, str] | None:
    """The place a page cursor stands at: tier, moment, id."""
    if cursor is None:
        return None
    tier, moment, workset_id = cursors.parts(cursor, int, int, str)
    if tier not in {known.tier for known in WorksetPriority}:
        raise cursors.unknown("page", cursor)
    return int(tier), int(moment), str(workset_id)


def _event(text: str) -> Event:
    return codec.event_from(json.loads(text))


def _connections(path: Path | None, *, make: bool, late: bool) -> Connections:
    if path is None:
        return MemoryConnections()
    return LateConnections(path) if make and late else Connections(path, make=make)

"""What the store's own rows must show after every write: one event a change, tallies that count, slots that are held."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.simulation.kernel import Violation
from tests.simulation.table import TERMINAL, TIERS
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.change import Change
from wsmon.domain.workset import Tombstone, Workset

if TYPE_CHECKING:
    from tests.simulation.world import World


class Ledger:
    """Reads the tables with statements of its own."""

    def __init__(self, store: SqliteStore, world: World) -> None:
        self._store, self._world = store, world
        self._spent: Counter[str] = Counter()

    @contextmanager
    def one_transaction(self) -> Iterator[None]:
        """Whatever is written meanwhile is written whole: a process that dies in between leaves nothing half."""
        connection: sqlite3.Connection = self._store._connections._one  # type: ignore[attr-defined]
        said: list[str] = []
        connection.set_trace_callback(said.append)
        try:
            yield
        finally:
            connection.set_trace_callback(None)
        words = [text.split(maxsplit=1)[0] for text in said]
        written = [n for n, word in enumerate(words) if word in {"INSERT", "UPDATE", "DELETE"}]
        if not written:
            return
        ends = [n for n, word in enumerate(words) if word == "COMMIT"]
        if len(ends) != 1 or written[0] < words.index("BEGIN") or written[-1] > ends[0]:
            raise Violation("each change is one transaction", " ".join(words))

    def written(self, change: Change) -> None:
        """Check what one change touched, and the totals."""
        name, after = change.workset_id, change.after
        record, events = self._store.record(name), self._store.history(name, after.rev - 1)
        if record != after or events != [change.event]:
            raise Violation("what is written is what was decided", f"{name}: {record} for {after}; {events}")
        self._store._connections.run(lambda connection: self._check(connection, change))

    def _check(self, connection: sqlite3.Connection, change: Change) -> None:
        name, after = change.workset_id, change.after
        count, last = connection.execute(
            "SELECT count(*), max(seq) FROM events WHERE workset_id = ?", (name,)
        ).fetchone()
        if count != last or last != after.rev:
            raise Violation("each change has one event", f"{name} at rev {after.rev} has {count} events up to {last}")
        self._queue(connection, after)
        self._lease(connection, change, after)
        self._totals(connection)
        self._spend(connection, change)

    def _queue(self, connection: sqlite3.Connection, after: Workset | Tombstone) -> None:
        found = connection.execute(
            "SELECT rev, state, tier, moment FROM worksets WHERE workset_id = ?", (after.workset_id,)
        ).fetchone()
        want = (after.rev, None, None, None)
        if isinstance(after, Workset):
            want = (after.rev, after.state.value, TIERS[after.priority.value], _moment(after))  # type: ignore[assignment]
        if found != want:
            raise Violation("the queue index shows the record", f"{after.workset_id}: {found} for {want}")

    def _lease(self, connection: sqlite3.Connection, change: Change, after: Workset | Tombstone) -> None:
        found = connection.execute("SELECT lease FROM leases WHERE workset_id = ?", (after.workset_id,)).fetchone()
        lease = json.loads(found[0]) if found else None
        holder = after.holder if isinstance(after, Workset) else None
        if (lease is None) != (holder is None):
            raise Violation("a lease exists exactly while there is a holder", f"{after.workset_id}: {lease}, {holder}")
        if lease is not None and (lease["token"], lease["holder"]) != (after.token, holder):
            raise Violation("a lease's token is its record's", f"{after.workset_id}: {lease}, token {after.token}")
        claims = connection.execute(
            "SELECT cluster, token, vcpus FROM claims WHERE workset_id = ?", (after.workset_id,)
        ).fetchall()
        slot = after.slot if isinstance(after, Workset) else None
        if [cluster for cluster, *_ in claims] != ([slot] if slot else []):
            raise Violation("a slot is held exactly while held", f"{after.workset_id}: {claims}, slot {slot}")
        if slot and isinstance(after, Workset):
            want = (slot, after.token, int(after.requirements.get("vcpus", 0)))
            if claims[0] != want:
                raise Violation("a slot is held under the lock's token", f"{after.workset_id}: {claims}, not {want}")

    def _totals(self, connection: sqlite3.Connection) -> None:
        counted = dict(
            connection.execute("SELECT state, count(*) FROM worksets WHERE state IS NOT NULL GROUP BY state").fetchall()
        )
        tallied = {s: n for s, n in connection.execute("SELECT state, n FROM tallies").fetchall() if n}
        if counted != tallied:
            raise Violation("tallies equal a count", f"tallied {tallied}, counted {counted}")
        slots, vcpus = self._world.slots, self._world.vcpus
        sums = connection.execute("SELECT cluster, count(*), sum(vcpus) FROM claims GROUP BY cluster").fetchall()
        for cluster, taken, used in sums:
            if taken > slots[cluster]:
                raise Violation("slots are never over", f"{cluster}: {taken} of {slots[cluster]}")
            if vcpus and used > vcpus:
                raise Violation("vCPUs are never over", f"{cluster}: {used} of {vcpus}")

    def _spend(self, connection: sqlite3.Connection, change: Change) -> None:
        """A claim books its estimate; given back before a start it costs nothing, later what it was booked at."""
        before = change.before if isinstance(change.before, Workset) else None
        after = change.after if isinstance(change.after, Workset) else None
        if before and before.taken and before.state == "locked" and not (after and after.taken == before.taken):
            self._spent[before.taken.day] -= before.taken.cost
        if change.claim is not None and after and after.taken:
            cost = after.metadata.get("estimated_cost_usd", 0)
            if after.taken.cost != round(cost * 1_000_000):
                raise Violation("a claim books its estimate", f"{after.workset_id}: {after.taken} for {cost}")
            self._spent[after.taken.day] += after.taken.cost
            budget = self._world.scheduling.budget
            if budget is not None and after.priority != "urgent" and self._spent[after.taken.day] > budget:
                raise Violation("the budget is passed by urgent ones alone", f"{after.workset_id}: {self._spent}")
        booked = dict(connection.execute("SELECT day, amount FROM spend").fetchall())
        if {day: n for day, n in booked.items() if n} != {day: n for day, n in self._spent.items() if n}:
            raise Violation("the day's spend is what was claimed", f"booked {booked}, claimed {dict(self._spent)}")

    def fits(self, change: Change) -> bool:
        """Whether what it claims is free, and in the budget."""
        claim = change.claim
        assert claim is not None
        taken, used = self._store._connections.run(
            lambda connection: connection.execute(
                "SELECT count(*), coalesce(sum(vcpus), 0) FROM claims WHERE cluster = ? AND workset_id <> ?",
                (claim.cluster, change.workset_id),
            ).fetchone()
        )
        wanted, spent = claim.takes.vcpus, self._spent[claim.takes.day]
        after = spent + change.spends.get(claim.takes.day, 0)
        in_budget = claim.budget is None or (spent < claim.budget and after <= claim.budget)
        return taken < claim.slots and not (claim.vcpus and wanted and used + wanted > claim.vcpus) and in_budget

    def spent_today(self) -> int:
        """Microdollars claimed on the last day anything was."""
        return self._spent[max(self._spent, default="")]

    def delivered(self) -> tuple[int, int]:
        """(events, of them undelivered)."""
        sql = "SELECT count(*), coalesce(sum(undelivered), 0) FROM events"
        total, waiting = self._store._connections.run(lambda connection: connection.execute(sql).fetchone())
        return total, waiting


def _moment(record: Workset) -> int | None:
    state = record.state.value
    if state in TERMINAL:
        return record.ended_at
    return {
        "ready": record.queued_at,
        "retrying": record.retry_after,
        "locked": record.locked_at,
        "in_progress": record.started_at,
    }.get(state, record.updated_at)

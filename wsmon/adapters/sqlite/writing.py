"""One change, or many registrations, within a transaction that is already open."""

from __future__ import annotations

import json
import sqlite3

from wsmon.adapters import codec
from wsmon.adapters.resolving import stands
from wsmon.adapters.sqlite.documents import read_document, write_document
from wsmon.domain.change import Change, Event, SlotClaim
from wsmon.domain.errors import InUse, NoCapacity, OverBudget, StaleWrite
from wsmon.domain.lives import Life, LifeChange
from wsmon.domain.states import WorksetState
from wsmon.domain.workset import Lease, Tombstone, Workset, queue_moment, row_of


def read_record(connection: sqlite3.Connection, workset_id: str) -> Workset | Tombstone | None:
    """What stands under the id."""
    found = connection.execute("SELECT record FROM worksets WHERE workset_id = ?", (workset_id,)).fetchone()
    return codec.readable(workset_id, found[0]) if found else None


def read_lease(connection: sqlite3.Connection, workset_id: str) -> Lease | None:
    """The lease that stands."""
    found = connection.execute("SELECT lease FROM leases WHERE workset_id = ?", (workset_id,)).fetchone()
    return codec.lease_from(json.loads(found[0])) if found else None


def apply(connection: sqlite3.Connection, change: Change) -> None:
    """Write the change; nothing to do when it stands already. Raises StaleWrite, NoCapacity."""
    if not _is_due(connection, change):
        return
    _take(connection, change)
    write_record(connection, change.after)
    for event in change.past:
        _write_past(connection, event)
    write_event(connection, change.event)
    for state, delta in change.tally.items():
        add_tally(connection, state, delta)
    if change.lease is not None:
        write_lease(connection, change.lease)
    elif change.ends_lease:
        connection.execute("DELETE FROM leases WHERE workset_id = ?", (change.workset_id,))


def _is_due(connection: sqlite3.Connection, change: Change) -> bool:
    """Whether the change is to be written; False when it stands already. Raises StaleWrite."""
    found = connection.execute("SELECT rev FROM worksets WHERE workset_id = ?", (change.workset_id,)).fetchone()
    rev = found[0] if found else None
    expected = change.before.rev if change.before is not None else None
    stale = rev != expected
    if stale and stands(change, rev, lambda workset_id, seq: _change_id_at(connection, workset_id, seq)):
        return False
    if not stale and change.lease_seen is not None:
        lease = read_lease(connection, change.workset_id)
        stale = lease is None or lease.mark != change.lease_seen
    if stale:
        raise StaleWrite(
            change.workset_id, read_record(connection, change.workset_id), read_lease(connection, change.workset_id)
        )
    return True


def _change_id_at(connection: sqlite3.Connection, workset_id: str, seq: int) -> str | None:
    found = connection.execute(
        "SELECT change_id FROM events WHERE workset_id = ? AND seq = ?", (workset_id, seq)
    ).fetchone()
    return found[0] if found else None


def _take(connection: sqlite3.Connection, change: Change) -> None:
    """What the change gives back and takes of clusters and of the day's dollars."""
    for hold in change.holds:
        key = (hold.cluster, change.workset_id)
        if hold.held is None:
            connection.execute("DELETE FROM claims WHERE cluster = ? AND workset_id = ?", key)
            continue
        if change.claim is not None:
            _check_room(connection, change.claim, change.workset_id)
        held = hold.held
        values = (*key, held.token, held.vcpus, held.memory_mib, held.until)
        connection.execute("INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?, ?, ?)", values)
    claim = change.claim
    if claim is not None and claim.budget is not None:
        _check_budget(connection, claim, change.spends.get(claim.takes.day, 0))
    for day, amount in change.spends.items():
        connection.execute(
            "INSERT INTO spend VALUES (?, ?) ON CONFLICT (day) DO UPDATE SET amount = amount + excluded.amount",
            (day, amount),
        )


def _check_room(connection: sqlite3.Connection, claim: SlotClaim, workset_id: str) -> None:
    slots, vcpus, memory = connection.execute(
        "SELECT count(*), coalesce(sum(vcpus), 0), coalesce(sum(memory_mib), 0) FROM claims"
        " WHERE cluster = ? AND workset_id <> ?",
        (claim.cluster, workset_id),
    ).fetchone()
    if slots >= claim.slots:
        raise NoCapacity(claim.cluster)
    closed = read_life(connection, claim.cluster).closed
    if closed and not _holds(connection, claim.cluster, workset_id):
        raise NoCapacity(claim.cluster, f"no room for anything new: {closed}")
    if claim.vcpus and claim.takes.vcpus and vcpus + claim.takes.vcpus > claim.vcpus:
        raise NoCapacity(claim.cluster, "too few free vCPUs")
    if claim.memory_mib and claim.takes.memory_mib and memory + claim.takes.memory_mib > claim.memory_mib:
        raise NoCapacity(claim.cluster, "too little free memory")


def _holds(connection: sqlite3.Connection, cluster: str, workset_id: str) -> bool:
    sql = "SELECT 1 FROM claims WHERE cluster = ? AND workset_id = ?"
    return connection.execute(sql, (cluster, workset_id)).fetchone() is not None


def read_life(connection: sqlite3.Connection, cluster: str) -> Life:
    """What was decided about a cluster; rev 0 where nothing was."""
    found = read_document(connection, "life", cluster)
    return codec.life_from(found) if found is not None else Life(cluster)


def apply_life(connection: sqlite3.Connection, change: LifeChange) -> None:
    """Write a life and its event; nothing to do when they stand already. Raises StaleWrite, InUse."""
    name, rev = change.after.name, read_life(connection, change.after.name).rev
    if rev != change.before.rev:
        if stands(change, rev, lambda entity, seq: _change_id_at(connection, entity, seq)):
            return
        raise StaleWrite(change.workset_id, None)
    if change.empty:
        (count,) = connection.execute("SELECT count(*) FROM claims WHERE cluster = ?", (name,)).fetchone()
        if count:
            raise InUse(name, count)
    write_document(connection, "life", name, codec.life_attributes(change.after))
    write_event(connection, change.event)


def _check_budget(connection: sqlite3.Connection, claim: SlotClaim, amount: int) -> None:
    spent = read_spend(connection, claim.takes.day)
    if claim.budget is not None and (spent >= claim.budget or spent + amount > claim.budget):
        raise OverBudget(claim.cluster, claim.takes.day)


def read_spend(connection: sqlite3.Connection, day: str) -> int:
    """What is booked on a day."""
    found = connection.execute("SELECT amount FROM spend WHERE day = ?", (day,)).fetchone()
    return int(found[0]) if found else 0


def write_record(connection: sqlite3.Connection, record: Workset | Tombstone) -> None:
    """Put the record and what its index needs; a tombstone is in no queue."""
    text = codec.dumps(codec.record_attributes(record))
    if isinstance(record, Workset):
        index = (record.state.value, record.priority.tier, queue_moment(record), codec.row_text(row_of(record)))
    else:
        index = (None, None, None, None)  # type: ignore[assignment]
    connection.execute(
        "INSERT OR REPLACE INTO worksets (workset_id, rev, state, tier, moment, row, record)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (record.workset_id, record.rev, *index, text),
    )


def write_event(connection: sqlite3.Connection, event: Event) -> None:
    """Append the event, undelivered."""
    text = codec.dumps(codec.event_attributes(event))
    connection.execute(
        "INSERT INTO events (workset_id, seq, at, change_id, undelivered, event) VALUES (?, ?, ?, ?, 1, ?)",
        (event.workset_id, event.seq, event.at, event.change_id, text),
    )


def _write_past(connection: sqlite3.Connection, event: Event) -> None:
    """Append an event to the history alone: its number is below where every feed begins."""
    text = codec.dumps(codec.event_attributes(event))
    connection.execute(
        "INSERT INTO events (number, workset_id, seq, at, change_id, event)"
        " SELECT min(coalesce(min(number), 0), 0) - 1, ?, ?, ?, ?, ? FROM events",
        (event.workset_id, event.seq, event.at, event.change_id, text),
    )


def write_lease(connection: sqlite3.Connection, lease: Lease) -> None:
    """Put the lease in place of what stands there."""
    text = codec.dumps(codec.lease_attributes(lease))
    connection.execute(
        "INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?)", (lease.workset_id, lease.token, lease.renewal, text)
    )


def add_tally(connection: sqlite3.Connection, state: WorksetState, delta: int) -> None:
    """Change the count of a state."""
    connection.execute("UPDATE tallies SET n = n + ? WHERE state = ?", (delta, state.value))

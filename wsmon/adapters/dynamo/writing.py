"""One change as one TransactWriteItems call, and what its refusal means."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from botocore.exceptions import ClientError

from wsmon.adapters import codec
from wsmon.adapters.codec import dumps
from wsmon.adapters.dynamo import expressions as ex
from wsmon.adapters.dynamo import keys
from wsmon.adapters.dynamo.client import Connection, condition_failed
from wsmon.domain.change import Change, Event, Hold
from wsmon.domain.errors import InvalidInput
from wsmon.domain.states import WorksetState
from wsmon.domain.workset import Lease, Tombstone, Workset, row_of

BULK = 80
"""Worksets of one tally shard and their events in a transaction: 40 with an event each, and the tally, are 81 of 100 items."""
BULK_BYTES = 3_000_000
"""Of their items, with room for the events: a transaction holds 4 MB."""
MAX_ITEM_BYTES = 390_000  # DynamoDB's limit is 400 KB with names and overhead
Failed = dict[str, dict[str, Any] | None]
"""The parts whose condition failed, by name, each with the item that stands there (None: none does)."""
WORKSET, LEASE, SLOT, SPEND = "workset", "lease", "slot", "spend"


def record_item(record: Workset | Tombstone | None) -> codec.Attributes:
    """A record's attributes with those of the queue index. Raises InvalidInput over the item limit."""
    if record is None:
        return {}
    attributes = codec.record_attributes(record)
    if isinstance(record, Workset):
        partition, place = keys.queue_place(record)
        attributes |= {"queue_pk": partition, "queue_sk": place, "row": codec.row_text(row_of(record))}
    size = item_bytes(attributes)
    if size > MAX_ITEM_BYTES:
        raise InvalidInput(
            f"workset {record.workset_id!r} is {size:,} bytes with all its fields; at most {MAX_ITEM_BYTES:,} are allowed"
        )
    return attributes


def item_bytes(attributes: codec.Attributes) -> int:
    """How large an item with these attributes is."""
    return sum(len(name) + len(str(value).encode()) for name, value in attributes.items())


def packs(changes: Sequence[Change]) -> Iterator[list[Change]]:
    """The registrations in packs that a transaction can hold. Raises InvalidInput for one that no item can."""
    pack: list[Change] = []
    size = items = 0
    for change in changes:
        added = item_bytes(record_item(change.after))
        added += sum(item_bytes(codec.event_attributes(event)) for event in change.past)
        more = 1 + len(change.events)
        if pack and (items + more > BULK or size + added > BULK_BYTES):
            yield pack
            pack, size, items = [], 0, 0
        pack.append(change)
        size, items = size + added, items + more
    if pack:
        yield pack


def standing(error: ClientError, changes: Sequence[Change]) -> dict[str, Workset | Tombstone]:
    """What stands already under some ids of refused registrations (each a workset and its events)."""
    reasons, at = error.response.get("CancellationReasons", []), 0
    found: dict[str, Workset | Tombstone] = {}
    for change in changes:
        if reasons[at : at + 1] and reasons[at].get("Item"):
            found[change.workset_id] = codec.record_from(ex.plain(reasons[at]["Item"]))
        at += 1 + len(change.events)
    return found


def put_record(table: str, change: Change) -> dict[str, Any]:
    """The workset's part: only what changed, at the rev that was seen."""
    parts = ex.update(record_item(change.before), record_item(change.after))
    condition = ex.NOT_THERE
    if change.before is not None:
        condition = ex.AT_REV
        parts["ExpressionAttributeNames"]["#rev"] = "rev"
        parts["ExpressionAttributeValues"][":seen_rev"] = ex.wire(change.before.rev)
    return {
        "Update": {
            "TableName": table,
            "Key": ex.wire_item({"pk": keys.workset_key(change.workset_id), "sk": keys.STATE}),
            "ConditionExpression": condition,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            **parts,
        }
    }


def put_event(table: str, event: Event, *, past: bool = False) -> dict[str, Any]:
    """The event's part, undelivered; one of the past is in the history alone."""
    sort = keys.feed_sort(event)
    places = {"pk": keys.workset_key(event.workset_id), "sk": keys.event_key(event.seq)}
    if not past:
        places |= {
            "feed_pk": keys.feed_partition(event.at),
            "feed_sk": sort,
            "outbox_pk": keys.OUTBOX,
            "outbox_sk": sort,
        }
    item = ex.wire_item({**codec.event_attributes(event), **places})
    return {"Put": {"TableName": table, "Item": item, "ConditionExpression": ex.NOT_THERE}}


def event_parts(table: str, change: Change) -> list[dict[str, Any]]:
    """The parts of all its events."""
    return [put_event(table, event, past=event is not change.event) for event in change.events]


def add_tally(table: str, shard: int, deltas: dict[WorksetState, int]) -> dict[str, Any]:
    """The tally's part."""
    names = {f"#s{index}": state.value for index, state in enumerate(deltas)}
    values = {f":d{index}": ex.wire(delta) for index, delta in enumerate(deltas.values())}
    return {
        "Update": {
            "TableName": table,
            "Key": ex.wire_item({"pk": keys.tally_key(shard), "sk": keys.STATE}),
            "UpdateExpression": "ADD " + ", ".join(f"#s{index} :d{index}" for index in range(len(deltas))),
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        }
    }


def lease_item(lease: Lease) -> ex.Item:
    """A lease's item; the sort key says whose, because all leases are read often and paid by the byte."""
    attributes = codec.lease_attributes(lease)
    del attributes["workset_id"]
    return ex.wire_item({**attributes, "pk": keys.LEASES, "sk": lease.workset_id})


def lease_condition(mark: tuple[int, int]) -> dict[str, Any]:
    """Only while the lease shows this (token, renewal)."""
    return {
        "ConditionExpression": ex.LEASE_UNCHANGED,
        "ExpressionAttributeNames": {"#token": "token", "#renewal": "renewal"},
        "ExpressionAttributeValues": {":seen_token": ex.wire(mark[0]), ":seen_renewal": ex.wire(mark[1])},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def put_lease(table: str, change: Change) -> dict[str, Any]:
    """The lease's part: it begins, or it ends."""
    condition = lease_condition(change.lease_seen) if change.lease_seen is not None else {}
    if change.lease is not None:
        return {"Put": {"TableName": table, "Item": lease_item(change.lease), **condition}}
    key = ex.wire_item({"pk": keys.LEASES, "sk": change.workset_id})
    return {"Delete": {"TableName": table, "Key": key, **condition}}


def hold_part(table: str, change: Change, hold: Hold) -> dict[str, Any]:
    """A claim taken, handed on under a new token, or given back; with it what all claims there use."""
    held = hold.held
    names, values = {"#id": change.workset_id}, ex.wire_item({":vcpus": hold.vcpus, ":memory": hold.memory_mib})
    expression = "REMOVE held.#id ADD vcpus :vcpus, memory_mib :memory"
    part: dict[str, Any] = {}
    if held is not None:
        expression = "SET held.#id = :held ADD vcpus :vcpus, memory_mib :memory"
        values[":held"] = {"S": dumps([held.token, held.vcpus, held.memory_mib, held.until])}
        claim = change.claim
        if claim is not None:
            conditions = [ex.SLOT_FREE]
            values[":slots"] = ex.wire(claim.slots)
            if claim.vcpus and hold.vcpus > 0:
                conditions.append(ex.VCPUS_FREE)
                values[":vcpus_room"] = ex.wire(claim.vcpus - hold.vcpus)
            if claim.memory_mib and hold.memory_mib > 0:
                conditions.append(ex.MEMORY_FREE)
                values[":memory_room"] = ex.wire(claim.memory_mib - hold.memory_mib)
            part["ConditionExpression"] = " AND ".join(conditions)
            part["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    key = ex.wire_item({"pk": keys.CLAIMS, "sk": hold.cluster})
    part |= {"UpdateExpression": expression, "ExpressionAttributeNames": names, "ExpressionAttributeValues": values}
    return {"Update": {"TableName": table, "Key": key, **part}}


def spend_parts(table: str, change: Change) -> list[dict[str, Any]]:
    """What is booked on each day; a claim's own day within the budget, where one is set."""
    spends, claim = dict(change.spends), change.claim
    bounded = claim.takes.day if claim is not None and claim.budget is not None else ""
    if bounded:
        spends.setdefault(bounded, 0)
    parts = []
    for day, amount in spends.items():
        values: dict[str, str | int] = {":amount": amount}
        condition = {}
        if day == bounded and claim is not None and claim.budget is not None:
            values |= {":budget": claim.budget, ":room": claim.budget - amount}
            condition = {"ConditionExpression": ex.WITHIN_BUDGET}
        update = {
            "TableName": table,
            "Key": ex.wire_item({"pk": keys.SPEND, "sk": day}),
            "UpdateExpression": "ADD amount :amount",
            "ExpressionAttributeValues": ex.wire_item(values),
            **condition,
        }
        parts.append({"Update": update})
    return parts


def transaction(table: str, change: Change) -> list[tuple[str, dict[str, Any]]]:
    """Every part of a change with its name, in the order the reasons come back."""
    parts = [(WORKSET, put_record(table, change)), *(("event", part) for part in event_parts(table, change))]
    if change.tally:
        parts.append(("tally", add_tally(table, keys.tally_shard(change.workset_id), change.tally)))
    if change.lease is not None or change.ends_lease:
        parts.append((LEASE, put_lease(table, change)))
    parts += [(SLOT, hold_part(table, change, hold)) for hold in change.holds]
    parts += [(SPEND, part) for part in spend_parts(table, change)]
    return parts


def transact(
    connection: Connection,
    change_id: str,
    parts: Sequence[tuple[str, dict[str, Any]]],
    otherwise: Callable[[Failed], None],
) -> None:
    """Write named parts in one transaction; `otherwise` says what it means where conditions failed."""
    request = {"TransactItems": [part for _, part in parts], "ClientRequestToken": change_id}

    def work() -> None:
        try:
            connection.send("transact_write_items", ReturnConsumedCapacity="TOTAL", **request)
        except ClientError as error:
            if not condition_failed(error):
                raise
            otherwise(refused(error, [name for name, _ in parts]))

    connection.call(work)


def refused(error: ClientError, names: list[str]) -> Failed:
    """What failed, of the parts of these names."""
    found: Failed = {}
    for name, reason in zip(names, error.response.get("CancellationReasons", []), strict=False):
        if reason.get("Code") == "ConditionalCheckFailed":
            found[name] = ex.plain(reason["Item"]) if reason.get("Item") else None
    return found

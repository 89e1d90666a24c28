"""One change as one TransactWriteItems call, and what its refusal means."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from wsmon.adapters import codec
from wsmon.adapters.dynamo import expressions as ex
from wsmon.adapters.dynamo import keys
from wsmon.domain.change import Change, Event
from wsmon.domain.errors import InvalidInput
from wsmon.domain.states import WorksetState
from wsmon.domain.workset import Lease, Tombstone, Workset, row_of

MAX_ITEM_BYTES = 390_000  # DynamoDB's limit is 400 KB with names and overhead
WORKSET, LEASE, SLOT = "workset", "lease", "slot"


def record_item(record: Workset | Tombstone | None) -> codec.Attributes:
    """A record's attributes with those of the queue index. Raises InvalidInput over the item limit."""
    if record is None:
        return {}
    attributes = codec.record_attributes(record)
    if isinstance(record, Workset):
        partition, place = keys.queue_place(record)
        attributes |= {"queue_pk": partition, "queue_sk": place, "row": codec.row_text(row_of(record))}
    size = sum(len(name) + len(str(value).encode()) for name, value in attributes.items())
    if size > MAX_ITEM_BYTES:
        raise InvalidInput(
            f"workset {record.workset_id!r} is {size:,} bytes with all its fields; at most {MAX_ITEM_BYTES:,} are allowed"
        )
    return attributes


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


def put_event(table: str, event: Event) -> dict[str, Any]:
    """The event's part, undelivered."""
    sort = keys.feed_sort(event)
    places = {
        "pk": keys.workset_key(event.workset_id),
        "sk": keys.event_key(event.seq),
        "feed_pk": keys.feed_partition(event.at),
        "feed_sk": sort,
        "outbox_pk": keys.OUTBOX,
        "outbox_sk": sort,
    }
    item = ex.wire_item({**codec.event_attributes(event), **places})
    return {"Put": {"TableName": table, "Item": item, "ConditionExpression": ex.NOT_THERE}}


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


def _slot(table: str, cluster: str, workset_id: str, **parts: Any) -> dict[str, Any]:
    return {
        "Update": {
            "TableName": table,
            "Key": ex.wire_item({"pk": keys.CLAIMS, "sk": cluster}),
            "ExpressionAttributeNames": {"#id": workset_id},
            **parts,
        }
    }


def slot_parts(table: str, change: Change) -> list[dict[str, Any]]:
    """What the change frees and takes; an adoption hands its slot on under the new token."""
    parts = []
    workset_id, freed = change.workset_id, change.slot_freed
    if freed is not None:
        parts.append(_slot(table, freed, workset_id, UpdateExpression="REMOVE held.#id"))
    slot = change.after.slot if isinstance(change.after, Workset) else None
    if slot is not None and change.lease is not None:
        taking: dict[str, Any] = {
            "UpdateExpression": "SET held.#id = :token",
            "ExpressionAttributeValues": {":token": ex.wire(change.lease.token)},
        }
        if change.claim is not None:
            taking["ConditionExpression"] = ex.SLOT_FREE
            taking["ExpressionAttributeValues"][":slots"] = ex.wire(change.claim.slots)
        parts.append(_slot(table, slot, workset_id, **taking))
    return parts


def transaction(table: str, change: Change) -> list[tuple[str, dict[str, Any]]]:
    """Every part of a change with its name, in the order the reasons come back."""
    parts = [(WORKSET, put_record(table, change)), ("event", put_event(table, change.event))]
    if change.tally:
        parts.append(("tally", add_tally(table, keys.tally_shard(change.workset_id), change.tally)))
    if change.lease is not None or change.ends_lease:
        parts.append((LEASE, put_lease(table, change)))
    parts += [(SLOT, part) for part in slot_parts(table, change)]
    return parts


def refused(error: ClientError, names: list[str]) -> dict[str, dict[str, Any] | None]:
    """The parts whose condition failed, each with the item that stands there (None: none does)."""
    found: dict[str, dict[str, Any] | None] = {}
    for name, reason in zip(names, error.response.get("CancellationReasons", []), strict=False):
        if reason.get("Code") == "ConditionalCheckFailed":
            found[name] = ex.plain(reason["Item"]) if reason.get("Item") else None
    return found

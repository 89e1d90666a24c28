"""What was decided about clusters: their lives, each step with its event."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from wsmon.adapters.codec import dumps, life_attributes, life_from
from wsmon.adapters.dynamo import expressions as ex
from wsmon.adapters.dynamo import keys, writing
from wsmon.adapters.dynamo.reading import Reading
from wsmon.adapters.resolving import stands
from wsmon.domain.errors import InUse, StaleWrite
from wsmon.domain.lives import Life, LifeChange

LIFE, CLAIMS = "life", "claims"


class Living(Reading):
    """The store's part that keeps lives. A life stands on the cluster's own item, beside what was reported."""

    def life(self, cluster: str) -> Life:
        """What was decided about a cluster, read consistently."""
        return life_of(self._item(keys.CLUSTERS, cluster) or {"sk": cluster}) or Life(cluster)

    def lives(self) -> list[Life]:
        """What was decided about every cluster."""
        found = (life_of(item) for item in self._partition(keys.CLUSTERS, consistent=True))
        return [life for life in found if life is not None]

    def commit_life(self, change: LifeChange) -> None:
        """Write a life and its event in one transaction. Raises StaleWrite, InUse."""
        parts = _transaction(self._connection.table, change)
        writing.transact(
            self._connection, change.event.change_id, parts, lambda refused: self._life_refused(change, refused)
        )

    def _life_refused(self, change: LifeChange, refused: writing.Failed) -> None:
        """Return where the change stands all the same; raise what stands in its way where not."""
        if stands(change, self.life(change.after.name).rev, self._change_id_at):
            return
        if set(refused) == {CLAIMS}:
            raise InUse(change.after.name, len((refused[CLAIMS] or {}).get("held", {})))
        raise StaleWrite(change.workset_id, None)

    def forget_cluster(self, cluster: str) -> None:
        """Forget its facts, its life and the place of its claims; its events stay."""
        for partition in (keys.CLUSTERS, keys.CLAIMS):
            key = ex.wire_item({"pk": partition, "sk": cluster})
            send = partial(self._connection.send, "delete_item", TableName=self._connection.table, Key=key)
            self._connection.call(send)


def life_of(item: Mapping[str, Any]) -> Life | None:
    """The life on a cluster's item; a drain of the time before there were lives is one without a rev."""
    if "life" in item:
        return life_from(json.loads(item["life"]))
    return Life(item["sk"], drained=item["drained"]) if item.get("drained") else None


def _transaction(table: str, change: LifeChange) -> list[tuple[str, dict[str, Any]]]:
    """Every part with its name, in the order the reasons come back."""
    parts = [(LIFE, _put_life(table, change)), ("event", writing.put_event(table, change.event))]
    if change.empty or bool(change.before.closed) != bool(change.after.closed):
        parts.append((CLAIMS, _close(table, change)))
    duty = change.under
    if duty is not None:
        key = ex.wire_item({"pk": keys.DUTIES, "sk": duty.workset_id})
        parts.append(
            ("duty", {"ConditionCheck": {"TableName": table, "Key": key, **writing.lease_condition(duty.mark)}})
        )
    return parts


def _put_life(table: str, change: LifeChange) -> dict[str, Any]:
    values: dict[str, str | int] = {":life": dumps(life_attributes(change.after)), ":rev": change.after.rev}
    if change.before.rev:
        values[":seen_rev"] = change.before.rev
    return {
        "Update": {
            "TableName": table,
            "Key": ex.wire_item({"pk": keys.CLUSTERS, "sk": change.after.name}),
            "UpdateExpression": "SET #life = :life, #rev = :rev REMOVE drained",
            "ConditionExpression": ex.AT_REV if change.before.rev else ex.NO_LIFE,
            "ExpressionAttributeNames": {"#life": "life", "#rev": "rev"},
            "ExpressionAttributeValues": ex.wire_item(values),
        }
    }


def _close(table: str, change: LifeChange) -> dict[str, Any]:
    """Where the claims are, so that no claim gets in beside this change; the item is made where it is missing."""
    why = change.after.closed
    part: dict[str, Any] = {"UpdateExpression": "SET held = if_not_exists(held, :none)"}
    values: dict[str, Any] = {":none": {}}
    if why:
        part["UpdateExpression"] += ", closed = :why"
        values[":why"] = why
    else:
        part["UpdateExpression"] += " REMOVE closed"
    if change.empty:
        part |= {"ConditionExpression": ex.NOTHING_HELD, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        values[":zero"] = 0
    key = ex.wire_item({"pk": keys.CLAIMS, "sk": change.after.name})
    return {"Update": {"TableName": table, "Key": key, "ExpressionAttributeValues": ex.wire_item(values), **part}}

"""Duties and the cursors of whoever does them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from wsmon.adapters import codec
from wsmon.adapters.dynamo import expressions as ex
from wsmon.adapters.dynamo import keys, writing
from wsmon.adapters.dynamo.client import condition_failed
from wsmon.adapters.dynamo.reading import Reading
from wsmon.domain.errors import StaleWrite
from wsmon.domain.workset import Lease, LeaseMark


class Duties(Reading):
    """The store's part that lets one monitor at a time do a duty."""

    def duty(self, name: str) -> Lease | None:
        """Who does it, read consistently."""
        item = self._item(keys.DUTIES, name)
        return codec.lease_from(item) if item else None

    def put_duty(self, lease: Lease, seen: LeaseMark | None) -> None:
        """Take, renew or give it back. Raises StaleWrite."""
        condition = {"ConditionExpression": ex.NOT_THERE} if seen is None else writing.lease_condition(seen)
        item = ex.wire_item({**codec.lease_attributes(lease), "pk": keys.DUTIES, "sk": lease.workset_id})

        def work() -> None:
            try:
                self._connection.send("put_item", TableName=self._connection.table, Item=item, **condition)
            except ClientError as error:
                if not condition_failed(error):
                    raise
                stands = self.duty(lease.workset_id)
                if stands != lease:  # else an earlier try was applied, and its reply lost
                    raise StaleWrite(lease.workset_id, None, stands) from None

        self._connection.call(work)

    def cursors(self) -> dict[str, str]:
        """Every cursor by name, read consistently."""
        return {item["sk"]: item["document"] for item in self._partition(keys.CURSORS, consistent=True)}

    def put_cursors(self, cursors: Mapping[str, str | None], duty: Lease, number: int) -> None:
        """Write cursors in one transaction, while the duty stands as given and no later write came. Raises StaleWrite."""
        table = self._connection.table
        parts: list[dict[str, Any]] = [_in_turn(table, duty, number)]
        for name, text in cursors.items():
            key = {"pk": keys.CURSORS, "sk": name}
            if text is None:
                parts.append({"Delete": {"TableName": table, "Key": ex.wire_item(key)}})
            else:
                parts.append({"Put": {"TableName": table, "Item": ex.wire_item({**key, "document": text})}})

        def work() -> None:
            try:
                self._connection.send("transact_write_items", TransactItems=parts)
            except ClientError as error:
                if not condition_failed(error):
                    raise
                raise StaleWrite(duty.workset_id, None, self.duty(duty.workset_id)) from None

        self._connection.call(work)


def _in_turn(table: str, duty: Lease, number: int) -> dict[str, Any]:
    """The number of the last write stands on the duty's item; a renewal puts that anew, and begins them anew."""
    token, renewal = duty.mark
    return {
        "Update": {
            "TableName": table,
            "Key": ex.wire_item({"pk": keys.DUTIES, "sk": duty.workset_id}),
            "UpdateExpression": "SET #number = :number",
            "ConditionExpression": (
                "#token = :token AND #renewal = :renewal AND (attribute_not_exists(#number) OR #number <= :number)"
            ),
            "ExpressionAttributeNames": {"#token": "token", "#renewal": "renewal", "#number": "cursors_number"},
            "ExpressionAttributeValues": {
                ":token": ex.wire(token),
                ":renewal": ex.wire(renewal),
                ":number": ex.wire(number),
            },
        }
    }

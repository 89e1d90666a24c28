"""The id of a table, kept in the table."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from wsmon.adapters.arn import account_of
from wsmon.adapters.dynamo import expressions as ex
from wsmon.adapters.dynamo import keys, schema
from wsmon.adapters.dynamo.client import condition_failed
from wsmon.adapters.dynamo.reading import Reading
from wsmon.domain.errors import StoreUnusable

STORE = "STORE"


class Identity(Reading):
    """Which store this is.

    The id stands beside the ARN of the table it was drawn for: a table restored from a backup
    brings the first one's id along, and gets one of its own.
    """

    def store_id(self) -> str:
        """Drawn at the first call on a table."""
        table = schema.describe(self._connection)
        if table is None:
            raise StoreUnusable(f"table {self._connection.table!r} does not exist there; make it with `wsmon init`")
        arn = str(table.get("TableArn", self._connection.table))
        while True:
            item = self._item(keys.META, STORE)
            if item is not None and item["arn"] == arn:
                return str(item["id"])
            self._draw(arn, item)

    def account(self) -> str:
        """The AWS account the table belongs to; empty where its ARN does not tell."""
        return account_of(str((schema.describe(self._connection) or {}).get("TableArn", "")))

    def _draw(self, arn: str, seen: dict[str, Any] | None) -> None:
        """Put a new id in the place of what was seen; whoever was faster has drawn it."""
        condition: dict[str, Any] = {"ConditionExpression": ex.NOT_THERE}
        if seen is not None:
            condition = {
                "ConditionExpression": "#id = :id",
                "ExpressionAttributeNames": {"#id": "id"},
                "ExpressionAttributeValues": {":id": ex.wire(seen["id"])},
            }
        item = ex.wire_item({"pk": keys.META, "sk": STORE, "id": uuid4().hex, "arn": arn})

        def work() -> None:
            try:
                self._connection.send("put_item", TableName=self._connection.table, Item=item, **condition)
            except ClientError as error:
                if not condition_failed(error):
                    raise

        self._connection.call(work)

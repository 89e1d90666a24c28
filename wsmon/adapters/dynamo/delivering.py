"""Events off the outbox: 25 to a call, at the price of single updates."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from wsmon.adapters.dynamo import expressions as ex
from wsmon.adapters.dynamo import keys
from wsmon.adapters.dynamo.client import condition_failed
from wsmon.adapters.dynamo.facts import Facts

BATCH = 25
"""BatchExecuteStatement takes so many. A transaction takes 100, at twice the units; BatchWriteItem only whole items."""
_ABSENT = "ConditionalCheckFailed"
_REFUSED = frozenset(
    {"AccessDeniedException", "AccessDenied", "UnknownOperationException", "ValidationException", "ValidationError"}
)
"""PartiQL is not for these credentials, or not known there; what else is wrong a single update tells."""
Key = tuple[str, int]


class Delivering(Facts):
    """The store's part that takes events off the outbox."""

    _singly = False
    """Whether this endpoint, or these credentials, know no PartiQL."""

    def mark_delivered(self, events: Sequence[Key]) -> None:
        """Take events off the outbox; each by itself, so that a call that fails half-way is made again for the rest."""
        left = list(dict.fromkeys(events))
        while left and not self._singly:
            rest, left = left[:BATCH], left[BATCH:]
            left += self._connection.call(partial(self._together, rest))
        for key in left:
            self._connection.call(partial(self._one, key))

    def _together(self, rest: list[Key]) -> list[Key]:
        """Take these off; gives those that have to be taken off one by one. What was done leaves `rest`."""
        try:
            reply = self._connection.send(
                "batch_execute_statement",
                Statements=[self._statement(key) for key in rest],
                ReturnConsumedCapacity="TOTAL",
            )
        except ClientError as error:
            return self._without(error, rest)
        failed = [
            (key, said["Error"])
            for key, said in zip(rest, reply["Responses"], strict=True)
            if said.get("Error", {}).get("Code", _ABSENT) != _ABSENT
        ]
        rest[:] = [key for key, _ in failed]
        if not failed:
            return []
        # As a cancelled transaction says it: what may pass is tried again, the rest is explained.
        parsed: Any = {"Error": failed[0][1], "CancellationReasons": [said for _, said in failed]}
        return self._without(ClientError(parsed, "BatchExecuteStatement"), rest)

    def _without(self, error: ClientError, rest: list[Key]) -> list[Key]:
        if error.response.get("Error", {}).get("Code") not in _REFUSED:
            raise error
        self._singly = True
        return rest

    def _statement(self, key: Key) -> Any:
        workset_id, seq = key
        return {
            # The index is sparse: without its first key the item is not in it.
            "Statement": f'UPDATE "{self._connection.table}" REMOVE outbox_pk WHERE pk = ? AND sk = ?',
            "Parameters": [{"S": keys.workset_key(workset_id)}, {"S": keys.event_key(seq)}],
        }

    def _one(self, key: Key) -> None:
        workset_id, seq = key
        try:
            self._connection.send(
                "update_item",
                TableName=self._connection.table,
                Key=ex.wire_item({"pk": keys.workset_key(workset_id), "sk": keys.event_key(seq)}),
                UpdateExpression="REMOVE outbox_pk",
                ConditionExpression="attribute_exists(pk)",
            )
        except ClientError as error:
            if not condition_failed(error):
                raise

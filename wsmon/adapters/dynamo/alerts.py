"""Alerts, each with what was said to it beside it, and silences."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from botocore.exceptions import ClientError

from wsmon.adapters.codec import dumps
from wsmon.adapters.dynamo import expressions as ex
from wsmon.adapters.dynamo import keys
from wsmon.adapters.dynamo.client import condition_failed
from wsmon.adapters.dynamo.facts import Facts
from wsmon.domain.alerts import RESOLVED, AlertRecord, SilenceRecord
from wsmon.domain.times import Instant

_BESIDE = ("first_at", "count", "status", "by", "reason", "changed_at")
"""What lies beside the document, because it outlives a new one."""


class Alerts(Facts):
    """The store's part that keeps what a person should know of."""

    def put_alert(self, alert: AlertRecord) -> None:
        """Raise an alert, count it once more, or begin anew one that had ended."""
        document = {name: value for name, value in asdict(alert).items() if name not in _BESIDE}
        values: dict[str, str | int] = {
            ":document": dumps(document),
            ":first": alert.first_at,
            ":n": alert.count,
            ":resolved": RESOLVED,
        }

        def work() -> None:
            parameters = self._at(alert.fingerprint)
            try:
                self._connection.send(
                    "update_item",
                    UpdateExpression="SET document = :document, first_at = if_not_exists(first_at, :first) ADD #n :n",
                    ConditionExpression="attribute_not_exists(#standing) OR #standing <> :resolved",
                    ExpressionAttributeNames={"#n": "n", "#standing": "standing"},
                    ExpressionAttributeValues=ex.wire_item(values),
                    **parameters,
                )
            except ClientError as error:
                if not condition_failed(error):
                    raise
                fresh: dict[str, str | int] = {
                    "document": dumps(document),
                    "first_at": alert.first_at,
                    "n": alert.count,
                }
                item = {**parameters["Key"], **ex.wire_item(fresh)}
                self._connection.send("put_item", TableName=self._connection.table, Item=item)

        self._connection.call(work)

    def mark_alert(self, fingerprint: str, status: str, *, by: str = "", reason: str = "", at: Instant = 0) -> bool:
        """Acknowledge it, or note its end."""
        said = dumps({"by": by, "reason": reason, "changed_at": at})

        def work() -> bool:
            try:
                self._connection.send(
                    "update_item",
                    UpdateExpression="SET #standing = :status, said = :said",
                    ConditionExpression="attribute_exists(pk)",
                    ExpressionAttributeNames={"#standing": "standing"},
                    ExpressionAttributeValues=ex.wire_item({":status": status, ":said": said}),
                    **self._at(fingerprint),
                )
            except ClientError as error:
                if not condition_failed(error):
                    raise
                return False
            return True

        return bool(self._connection.call(work))

    def _at(self, fingerprint: str) -> dict[str, Any]:
        return {
            "TableName": self._connection.table,
            "Key": ex.wire_item({"pk": keys.ALERTS, "sk": fingerprint}),
        }

    def clear_alert(self, fingerprint: str) -> None:
        """Forget it."""
        self._remove(keys.ALERTS, fingerprint)

    def alerts(self, *, consistent: bool = True) -> list[AlertRecord]:
        """All alerts by their first moment."""
        found = [_alert(item) for item in self._partition(keys.ALERTS, consistent)]
        return sorted(found, key=lambda alert: (alert.first_at, alert.fingerprint))

    def put_silence(self, silence: SilenceRecord) -> None:
        """Keep a silence."""
        self._put(keys.SILENCES, silence.silence_id, asdict(silence))

    def remove_silence(self, silence_id: str) -> None:
        """Forget a silence."""
        self._remove(keys.SILENCES, silence_id)

    def silences(self, *, consistent: bool = True) -> list[SilenceRecord]:
        """All silences by their end."""
        found = [SilenceRecord(**document) for document in self._documents(keys.SILENCES, consistent)]
        return sorted(found, key=lambda silence: (silence.ends_at, silence.silence_id))


def _alert(item: dict[str, Any]) -> AlertRecord:
    beside = {"first_at": item["first_at"], "count": item["n"]}
    if "standing" in item:
        beside |= {"status": item["standing"], **json.loads(item["said"])}
    return AlertRecord(**{**json.loads(item["document"]), **beside})

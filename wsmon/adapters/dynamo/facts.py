"""Clusters with their claims, monitors and alerts."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from botocore.exceptions import ClientError

from wsmon.adapters.codec import cluster_document, cluster_from, dumps
from wsmon.adapters.dynamo import expressions as ex
from wsmon.adapters.dynamo import keys
from wsmon.adapters.dynamo.client import condition_failed
from wsmon.adapters.dynamo.living import Living, life_of
from wsmon.domain.pool import ClusterRecord, Held
from wsmon.ports import MonitorRecord, TokenRecord


class Facts(Living):
    """The store's part that is not about worksets."""

    _claims_made: set[str]
    """Clusters whose claims' item is known to be there."""

    def put_cluster(self, cluster: ClusterRecord) -> None:
        """Create or update a cluster's facts, and make room for its claims."""
        self._set(keys.CLUSTERS, cluster.name, "document", dumps(cluster_document(cluster)))
        if cluster.name not in self._claims_made:
            self._ensure_claims(cluster.name)
            self._claims_made.add(cluster.name)

    def _ensure_claims(self, cluster: str) -> bool:
        """Make the claims' item; True when it was missing."""

        def work() -> bool:
            try:
                self._connection.send(
                    "put_item",
                    TableName=self._connection.table,
                    Item=ex.wire_item({"pk": keys.CLAIMS, "sk": cluster, "held": {}}),
                    ConditionExpression=ex.NOT_THERE,
                )
            except ClientError as error:
                if not condition_failed(error):
                    raise
                return False
            return True

        return bool(self._connection.call(work))

    def clusters(self, *, consistent: bool = True) -> list[ClusterRecord]:
        """The pool by name, with its claims."""
        claims = {item["sk"]: item["held"] for item in self._partition(keys.CLAIMS, consistent)}
        found = []
        for item in self._partition(keys.CLUSTERS, consistent):
            held = {workset_id: _held(text) for workset_id, text in claims.get(item["sk"], {}).items()}
            document = json.loads(item["document"]) if "document" in item else None
            found.append(cluster_from(document, held, life_of(item)))
        return [cluster for cluster in found if cluster is not None]

    def spent(self, day: str) -> int:
        """Microdollars booked on a UTC day."""
        item = self._item(keys.SPEND, day)
        return int(item["amount"]) if item else 0

    def put_monitor(self, monitor: MonitorRecord) -> None:
        """Record a heartbeat."""
        self._put(keys.MONITORS, monitor.name, asdict(monitor))

    def remove_monitor(self, name: str) -> None:
        """A monitor is no longer expected."""
        self._remove(keys.MONITORS, name)

    def monitors(self, *, consistent: bool = True) -> list[MonitorRecord]:
        """All monitors by name."""
        return [MonitorRecord(**document) for document in self._documents(keys.MONITORS, consistent)]

    def put_token(self, token: TokenRecord) -> None:
        """Keep a token."""
        self._put(keys.TOKENS, token.token_id, asdict(token))

    def remove_token(self, token_id: str) -> None:
        """Forget a token."""
        self._remove(keys.TOKENS, token_id)

    def tokens(self) -> list[TokenRecord]:
        """All tokens by name."""
        found = [TokenRecord(**document) for document in self._documents(keys.TOKENS)]
        return sorted(found, key=lambda token: (token.name, token.token_id))

    def _set(self, pk: str, name: str, attribute: str, value: str) -> None:
        """Set one attribute of an item and leave its others as they are."""
        self._connection.call(
            lambda: self._connection.send(
                "update_item",
                TableName=self._connection.table,
                Key=ex.wire_item({"pk": pk, "sk": name}),
                UpdateExpression="SET #name = :value",
                ExpressionAttributeNames={"#name": attribute},
                ExpressionAttributeValues=ex.wire_item({":value": value}),
            )
        )

    def _put(self, pk: str, name: str, document: dict[str, object]) -> None:
        item = ex.wire_item({"pk": pk, "sk": name, "document": dumps(document)})
        self._connection.call(lambda: self._connection.send("put_item", TableName=self._connection.table, Item=item))

    def _remove(self, pk: str, name: str) -> None:
        key = ex.wire_item({"pk": pk, "sk": name})
        self._connection.call(lambda: self._connection.send("delete_item", TableName=self._connection.table, Key=key))

    def _documents(self, pk: str, consistent: bool = True) -> list[dict[str, Any]]:
        return [json.loads(item["document"]) for item in self._partition(pk, consistent)]


def _held(value: str | int) -> Held:
    """One claim; a bare token is of the time when claims were slots alone."""
    return Held(value) if isinstance(value, int) else Held(*json.loads(value))

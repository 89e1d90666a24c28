"""The table: made, waited for, and checked."""

from __future__ import annotations

import time
from dataclasses import fields
from typing import Any

from botocore.exceptions import ClientError

from wsmon.adapters.dynamo.client import Connection
from wsmon.adapters.dynamo.keys import FEED_INDEX, INDEXES, QUEUE_INDEX
from wsmon.domain.change import Event
from wsmon.domain.errors import StoreUnreachable, StoreUnusable

ACTIVE_WITHIN_SECONDS = 300.0


def _key(prefix: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": f"{prefix}pk", "KeyType": "HASH"},
        {"AttributeName": f"{prefix}sk", "KeyType": "RANGE"},
    ]


def definition(table: str) -> dict[str, Any]:
    """The parameters of CreateTable."""
    prefixes = ["", *(f"{prefix}_" for prefix in INDEXES.values())]
    return {
        "TableName": table,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": _key(""),
        "AttributeDefinitions": [
            {"AttributeName": f"{prefix}{part}", "AttributeType": "S"} for prefix in prefixes for part in ("pk", "sk")
        ],
        "GlobalSecondaryIndexes": [
            {"IndexName": name, "KeySchema": _key(f"{prefix}_"), "Projection": _projection(name)}
            for name, prefix in INDEXES.items()
        ],
    }


def _projection(index: str) -> dict[str, Any]:
    """The feed goes without the outbox's key: else a delivery would write its entry anew."""
    if index == QUEUE_INDEX:
        return {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["row"]}
    if index == FEED_INDEX:
        return {"ProjectionType": "INCLUDE", "NonKeyAttributes": [field.name for field in fields(Event)]}
    return {"ProjectionType": "ALL"}


def describe(connection: Connection) -> dict[str, Any] | None:
    """The table's description, or None where there is none."""

    def work() -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = connection.send("describe_table", TableName=connection.table)["Table"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return None
            raise
        return found

    answer: dict[str, Any] | None = connection.call(work)
    return answer


def init(connection: Connection) -> list[str]:
    """Make what is missing and wait until it can be used; says what it did."""
    done = []
    found = describe(connection)
    if found is None:
        connection.call(lambda: _create(connection))
        done.append(f"table {connection.table} was made")
    else:
        check_shape(connection, found)
        done.append(f"table {connection.table} is there")
    _wait(connection)
    done.append("point-in-time recovery is on" if _backups(connection) else "point-in-time recovery: unknown here")
    return done


def _create(connection: Connection) -> None:
    try:
        connection.send("create_table", **definition(connection.table))
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceInUseException":  # somebody else makes it right now
            raise


def _wait(connection: Connection) -> None:
    until, pause = time.monotonic() + ACTIVE_WITHIN_SECONDS, 0.05
    while True:
        found = describe(connection)
        if found is not None:
            parts = [found, *found.get("GlobalSecondaryIndexes", [])]
            if all(part.get("TableStatus", part.get("IndexStatus", "ACTIVE")) == "ACTIVE" for part in parts):
                check_shape(connection, found)
                return
        if time.monotonic() > until:
            raise StoreUnreachable(f"table {connection.table!r} did not become active; look at it and run init again")
        time.sleep(pause)
        pause = min(5.0, pause * 2)


def _backups(connection: Connection) -> bool:
    """Turn point-in-time recovery on; False where the endpoint does not know it."""

    def work() -> bool:
        try:
            connection.send(
                "update_continuous_backups",
                TableName=connection.table,
                PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in {"UnknownOperationException", "ValidationException", "NotImplementedException"}:
                return False
            raise
        return True

    return bool(connection.call(work))


def check(connection: Connection) -> None:
    """Raises StoreUnusable unless the table is there, active and of our shape."""
    found = describe(connection)
    if found is None:
        raise StoreUnusable(f"table {connection.table!r} does not exist there; make it with `wsmon init`")
    check_shape(connection, found)


def check_shape(connection: Connection, found: dict[str, Any]) -> None:
    """Raises StoreUnusable naming each key or index that is not as it must be."""
    keys = [part["AttributeName"] for part in found["KeySchema"]]
    if keys == ["workset_id"]:
        raise StoreUnusable(
            f"table {connection.table!r} has the predecessor's shape (key workset_id); make a new table with"
            f" `wsmon init` and take the old one over with `wsmon import table --from {connection.table}`"
        )
    problems = [] if keys == ["pk", "sk"] else [f"its key is {', '.join(keys)} and not pk, sk"]
    indexes = {index["IndexName"]: index for index in found.get("GlobalSecondaryIndexes", [])}
    for name, prefix in INDEXES.items():
        if name not in indexes:
            problems.append(f"index {name} is missing")
        elif [part["AttributeName"] for part in indexes[name]["KeySchema"]] != [f"{prefix}_pk", f"{prefix}_sk"]:
            problems.append(f"index {name} has other keys than {prefix}_pk, {prefix}_sk")
    if problems:
        raise StoreUnusable(
            f"table {connection.table!r} is not one of wsmon's: {'; '.join(problems)}; choose another table name"
        )

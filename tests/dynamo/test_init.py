"""`init`: the table as designed, twice, beside another one, and never over somebody else's."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from tests.dynamo.conftest import Wire, error_reply
from wsmon.adapters.dynamo import DynamoStore, schema
from wsmon.adapters.dynamo.keys import INDEXES
from wsmon.domain.errors import StoreUnusable


def describe() -> Any:
    return boto3.client("dynamodb", region_name="us-east-1").describe_table(TableName="worksets")["Table"]


def test_the_table_is_as_designed_and_init_may_run_again(store: DynamoStore) -> None:
    table = describe()
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["pk", "sk"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert {index["IndexName"] for index in table["GlobalSecondaryIndexes"]} == set(INDEXES)
    assert len(INDEXES) == 3
    queue = next(i for i in table["GlobalSecondaryIndexes"] if i["IndexName"] == "queue")
    assert queue["Projection"] == {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["row"]}
    assert store.init() == ["table worksets is there", "point-in-time recovery is on"]
    assert describe()["CreationDateTime"] == table["CreationDateTime"]


def test_point_in_time_recovery_is_turned_on(store: DynamoStore) -> None:
    client = boto3.client("dynamodb", region_name="us-east-1")
    backups = client.describe_continuous_backups(TableName="worksets")["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


@pytest.mark.parametrize("code", ["UnknownOperationException", "ValidationException"])
def test_an_endpoint_without_recovery_is_tolerated(store: DynamoStore, wire: Wire, code: str) -> None:
    wire.before += [lambda: None] * 2  # the table is described twice first
    wire.fail(error_reply(code))
    assert store.init()[-1] == "point-in-time recovery: unknown here"
    assert wire.calls == ["DescribeTable", "DescribeTable", "UpdateContinuousBackups"]


def test_two_at_once_both_end_well(store: DynamoStore, wire: Wire) -> None:
    # Between this one's look and its call the other made the table.
    wire.fail(error_reply("ResourceNotFoundException"))
    assert store.init()[0] == "table worksets was made"
    assert "CreateTable" in wire.calls


def test_init_waits_until_the_indexes_are_active(
    store: DynamoStore, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = schema.describe
    answers = ["CREATING", "CREATING", "ACTIVE"]

    def slow(connection: Any) -> Any:
        found = real(connection)
        if found is not None and answers:
            found["GlobalSecondaryIndexes"][1]["IndexStatus"] = answers.pop(0)
        return found

    monkeypatch.setattr(schema, "describe", slow)
    store.init()
    assert answers == []


def make(**changes: Any) -> None:
    parameters = schema.definition("worksets") | changes
    boto3.client("dynamodb", region_name="us-east-1").create_table(**parameters)


def test_the_predecessors_table_is_refused_naming_the_way_over(aws: None) -> None:
    make(
        KeySchema=[{"AttributeName": "workset_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "workset_id", "AttributeType": "S"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "old",
                "KeySchema": [{"AttributeName": "workset_id", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    store = DynamoStore("worksets", region="us-east-1")
    for way in (store.init, store.check):
        with pytest.raises(StoreUnusable, match="wsmon import table --from worksets"):
            way()


def test_a_table_without_an_index_is_refused_naming_it(aws: None) -> None:
    indexes = [i for i in schema.definition("worksets")["GlobalSecondaryIndexes"] if i["IndexName"] != "queue"]
    names = {key["AttributeName"] for index in indexes for key in index["KeySchema"]} | {"pk", "sk"}
    make(
        GlobalSecondaryIndexes=indexes,
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in sorted(names)],
    )
    with pytest.raises(StoreUnusable, match=r"index queue is missing.*choose another table name"):
        DynamoStore("worksets", region="us-east-1").init()


def test_no_table_says_how_to_make_one(aws: None) -> None:
    store = DynamoStore("elsewhere", region="us-east-1")
    with pytest.raises(StoreUnusable, match="wsmon init"):
        store.check()
    with pytest.raises(StoreUnusable, match="wsmon init"):
        store.record("w")

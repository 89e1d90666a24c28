"""Events off the outbox in batches, over a wire that fails and for credentials that may not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from tests.dynamo.conftest import URL, Wire, _Body, error_reply
from wsmon.adapters.dynamo import DynamoStore, delivering
from wsmon.domain.spec import WorksetSpec
from wsmon.services.commands import Commands

BATCH, SINGLE = "BatchExecuteStatement", "UpdateItem"


@pytest.fixture
def many(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Eight events, of which four make a batch."""
    monkeypatch.setattr(delivering, "BATCH", 4)
    for _, refused in commands.register_many(WorksetSpec(f"w{n}", "bucket", "prefix") for n in range(7)):
        assert not refused
    return [(event.workset_id, event.seq) for event in commands.store.undelivered().events]


def said(*codes: str) -> AWSResponse:
    """A reply with what became of each statement; an empty code: done."""
    responses = [
        {"TableName": "worksets", **({"Error": {"Code": code, "Message": "x"}} if code else {})} for code in codes
    ]
    raw: Any = _Body(json.dumps({"Responses": responses}).encode())
    headers: Any = {"content-type": "application/x-amz-json-1.0", "x-amzn-requestid": "1"}
    return AWSResponse(URL, 200, headers, raw)


def waiting(store: DynamoStore) -> list[tuple[str, int]]:
    return [(event.workset_id, event.seq) for event in store.undelivered().events]


def test_a_batch_is_one_call(store: DynamoStore, wire: Wire, many: list[tuple[str, int]]) -> None:
    wire.calls.clear()
    store.mark_delivered([*many, *many[:3]])
    assert wire.calls == [BATCH] * 2
    assert waiting(store) == []


def test_what_was_throttled_is_tried_again_and_nothing_else(
    store: DynamoStore, wire: Wire, many: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[list[str]] = []
    send = store._connection.send

    def noted(operation: str, **parameters: Any) -> Any:
        sent.append([one["Parameters"][0]["S"] for one in parameters["Statements"]])
        return send(operation, **parameters)

    monkeypatch.setattr(store._connection, "send", noted)
    wire.fail(said("", "ThrottlingError", "ConditionalCheckFailed", "TransactionConflict"))
    store.mark_delivered(many[:4])
    first, second = sent
    assert len(first) == 4
    assert second == [first[1], first[3]]


def test_a_lost_reply_is_made_up_for(store: DynamoStore, wire: Wire, many: list[tuple[str, int]]) -> None:
    wire.only = BATCH
    wire.lose_reply()
    wire.lose_request()
    store.mark_delivered(many)
    assert waiting(store) == []


@pytest.mark.parametrize("code", ["AccessDeniedException", "UnknownOperationException", "ValidationException"])
def test_where_there_is_no_partiql_they_go_one_by_one(
    store: DynamoStore, wire: Wire, many: list[tuple[str, int]], code: str
) -> None:
    wire.only = BATCH
    wire.fail(error_reply(code))
    wire.calls.clear()
    store.mark_delivered(many[:6])
    assert wire.calls == [BATCH, *[SINGLE] * 6]
    store.mark_delivered(many[6:])
    assert wire.calls.count(BATCH) == 1, "it is not asked again"
    assert waiting(store) == []


def test_a_refused_statement_is_done_by_itself(store: DynamoStore, wire: Wire, many: list[tuple[str, int]]) -> None:
    wire.fail(said("", *["AccessDenied"] * 3))
    wire.calls.clear()
    store.mark_delivered(many)
    assert wire.calls == [BATCH, *[SINGLE] * 7]

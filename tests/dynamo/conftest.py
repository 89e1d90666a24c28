"""A DynamoDB table in this process, and a wire that can be told to fail."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from moto import mock_aws

from wsmon.adapters.clock import SystemClock
from wsmon.adapters.dynamo import DynamoStore
from wsmon.domain.spec import WorksetSpec
from wsmon.services.commands import Commands

URL = "https://dynamodb.us-east-1.amazonaws.com/"


class _Body:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self._body


def error_reply(code: str, status: int = 400, reasons: list[str] | None = None) -> AWSResponse:
    """What DynamoDB would send for an error, with the reasons of a cancelled transaction."""
    body: dict[str, Any] = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "said so"}
    if reasons is not None:
        body["CancellationReasons"] = [{"Code": reason} for reason in reasons]
    raw: Any = _Body(json.dumps(body).encode())
    headers: Any = {"content-type": "application/x-amz-json-1.0"}
    return AWSResponse(URL, status, headers, raw)


@dataclass
class Wire:
    """Between boto3 and the endpoint: counts the calls, and fails the next ones as told."""

    store: DynamoStore
    only: str = ""
    """Fail calls of this operation only."""
    calls: list[str] = field(default_factory=list)
    before: list[Callable[[], AWSResponse | None]] = field(default_factory=list)
    """One is used up by each request: it may answer in the endpoint's place, or raise."""
    after: list[Callable[[], None]] = field(default_factory=list)
    """One is used up by each reply: it may raise, and the reply is lost."""

    def attach(self) -> None:
        events: Any = self.store._connection.client().meta.events
        events.register_first("before-send.dynamodb", self._before)
        events.register_first("after-call.dynamodb", self._after)

    def _before(self, request: Any, **_: object) -> AWSResponse | None:
        self.calls.append(request.headers["X-Amz-Target"].decode().split(".")[1])
        return self.before.pop(0)() if self.before and self.calls[-1].startswith(self.only) else None

    def _after(self, model: Any, **_: object) -> None:
        if self.after and model.name.startswith(self.only):
            self.after.pop(0)()

    def fail(self, *replies: AWSResponse) -> None:
        """Answer the next requests with these."""
        self.before += [lambda reply=reply: reply for reply in replies]  # type: ignore[misc]

    def lose_request(self) -> None:
        def lost() -> None:
            raise EndpointConnectionError(endpoint_url=URL)

        self.before.append(lost)

    def lose_reply(self) -> None:
        def lost() -> None:
            raise ReadTimeoutError(endpoint_url=URL)

        self.after.append(lost)


@pytest.fixture
def aws() -> Iterator[None]:
    with mock_aws():
        yield


@pytest.fixture
def store(aws: None) -> Iterator[DynamoStore]:
    made = DynamoStore("worksets", region="us-east-1")
    made.init()
    yield made
    made.close()


@pytest.fixture
def wire(store: DynamoStore) -> Wire:
    made = Wire(store)
    made.attach()
    return made


@pytest.fixture
def commands(store: DynamoStore) -> Commands:
    made = Commands(store, SystemClock(), "tester")
    made.register(WorksetSpec("w", "bucket", "prefix"))
    return made

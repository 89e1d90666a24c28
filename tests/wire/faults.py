"""What a wire can do to a request, and a seeded plan of when it does."""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Fault(StrEnum):
    """One thing that goes wrong with one request."""

    CUT_BEFORE = "cut before the request was forwarded"
    CUT_REQUEST = "cut in the middle of the request"
    DROP_REPLY = "reply dropped after the write"
    CUT_REPLY = "cut in the middle of the reply"
    SILENT = "never answered"
    LATE = "given up on, and applied later"
    TWICE = "delivered twice"
    DELAY = "delayed before it was forwarded"
    DELAY_REPLY = "reply delayed"
    THROTTLED = "ThrottlingException"
    THROUGHPUT = "ProvisionedThroughputExceededException"
    CONFLICT = "TransactionConflict"
    INTERNAL = "InternalServerError"
    UNAVAILABLE = "503"


ALL = tuple(Fault)
REPLIES = {
    Fault.THROTTLED: (400, "ThrottlingException", "Rate of requests exceeds the allowed throughput."),
    Fault.THROUGHPUT: (
        400,
        "ProvisionedThroughputExceededException",
        "The level of configured provisioned throughput for the table was exceeded.",
    ),
    Fault.CONFLICT: (400, "TransactionCanceledException", "Transaction cancelled [TransactionConflict]"),
    Fault.INTERNAL: (500, "InternalServerError", "The request processing has failed because of an unknown error."),
}
"""Faults that answer in the peer's place: status, code, message."""


@dataclass
class Plan:
    """Which fault meets which request: a function of the seed and the request's number alone.

    Of `rate` of the requests something becomes; `first` are used up before, one a request of
    `only`, so that a test can aim. A plan that is `calm` lets everything through.
    """

    seed: int = 0
    rate: float = 0.0
    kinds: Sequence[Fault] = ALL
    longest: float = 0.2
    """Seconds of the longest delay."""
    only: str = ""
    """What the operation's name starts with."""
    first: list[Fault] = field(default_factory=list)
    calm: bool = False
    forgetful: bool = False
    """The peer never sees the client's request token, as if it had forgotten it: its own memory of a
    request applied before helps nobody, and wsmon must know from what stands there."""

    def fault(self, number: int, operation: str) -> Fault | None:
        """What becomes of request `number`."""
        if self.calm or not operation.startswith(self.only):
            return None
        if self.first:
            return self.first.pop(0)
        draw = random.Random(f"{self.seed}/{number}")
        if draw.random() >= self.rate:
            return None
        found = draw.choice(self.kinds)
        return Fault.THROTTLED if found is Fault.CONFLICT and not operation.startswith("Transact") else found

    def pause(self, number: int) -> float:
        """Seconds a delayed request waits."""
        return random.Random(f"{self.seed}/{number}/pause").uniform(0, self.longest)


def reply(fault: Fault, body: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an answer in the peer's place, as DynamoDB sends them.

    A 503 comes from whatever stands before DynamoDB, so it is a page and not JSON.
    """
    if fault is Fault.UNAVAILABLE:
        return 503, {"content-type": "text/html"}, b"<html><body><b>Http/1.1 Service Unavailable</b></body></html>"
    status, code, message = REPLIES[fault]
    document: dict[str, object] = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": message}
    if fault is Fault.CONFLICT:
        reasons: list[dict[str, str]] = [{"Code": "None"} for _ in json.loads(body)["TransactItems"]]
        reasons[0] = {"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
        document = {"__type": document["__type"], "Message": message, "CancellationReasons": reasons}
    answer = json.dumps(document).encode()
    headers = {"content-type": "application/x-amz-json-1.0", "x-amz-crc32": str(zlib.crc32(answer))}
    return status, headers, answer

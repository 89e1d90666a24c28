"""A wire that loses, throttles and conflicts: each change is applied once, or not at all, and told so."""

from __future__ import annotations

import pytest
from botocore.exceptions import ReadTimeoutError

from tests.dynamo.conftest import URL, Wire, error_reply
from wsmon.adapters.dynamo import DynamoStore, client
from wsmon.domain.change import SlotClaim
from wsmon.domain.errors import StaleWrite, StoreUnreachable, StoreUnusable
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import WorksetPriority, WorksetState
from wsmon.domain.workset import RunRecord
from wsmon.services.commands import Commands

WRITE = "TransactWriteItems"
RUN = RunRecord(1, "place", "host", "boot", "/runs/w/1")


@pytest.mark.parametrize("losses", [1, 3])
def test_a_lost_reply_is_no_second_change(commands: Commands, wire: Wire, losses: int) -> None:
    wire.only = WRITE
    for _ in range(losses):
        wire.lose_reply()
    after = commands.set_priority("w", WorksetPriority.URGENT)
    assert wire.calls.count(WRITE) == losses + 1
    assert commands.get("w") == after
    assert [event.seq for event in commands.store.history("w")] == [1, 2]


def test_a_lost_reply_and_a_newer_change_behind_it(commands: Commands, wire: Wire) -> None:
    """The change went in, its reply was lost, somebody changed the workset again: it still counts as done."""
    wire.only = WRITE
    rival = Commands(DynamoStore("worksets", region="us-east-1"), commands.clock, "rival")

    def overtaken() -> None:
        rival.set_priority("w", WorksetPriority.LOW)
        raise ReadTimeoutError(endpoint_url=URL)

    wire.after.append(overtaken)
    commands.set_priority("w", WorksetPriority.URGENT)
    assert [event.actor for event in commands.store.history("w")] == ["tester", "tester", "rival"]
    assert commands.get("w").priority is WorksetPriority.LOW


def test_a_lost_request_is_sent_again(commands: Commands, wire: Wire) -> None:
    wire.only = WRITE
    wire.lose_request()
    commands.set_priority("w", WorksetPriority.URGENT)
    assert len(commands.store.history("w")) == 2


@pytest.mark.parametrize(
    "reply",
    [
        error_reply("TransactionCanceledException", reasons=["None", "None", "TransactionConflict"]),
        error_reply("TransactionCanceledException", reasons=["ThrottlingError", "None", "None"]),
        error_reply("TransactionInProgressException"),
        error_reply("ProvisionedThroughputExceededException"),
        error_reply("ThrottlingException"),
        error_reply("InternalServerError", 500),
        error_reply("", 503),
    ],
    ids=["conflict", "cancelled-throttled", "in-progress", "throughput", "throttled", "internal", "503"],
)
def test_what_passes_is_tried_again(commands: Commands, wire: Wire, reply: object) -> None:
    wire.only = WRITE
    wire.fail(reply, reply)  # type: ignore[arg-type]
    commands.set_priority("w", WorksetPriority.URGENT)
    assert wire.calls.count(WRITE) == 3
    assert len(commands.store.history("w")) == 2


def test_trying_again_has_a_bound(commands: Commands, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    wire.only = WRITE
    monkeypatch.setattr(client, "MAX_ATTEMPTS", 4)
    wire.fail(*[error_reply("ThrottlingException")] * 50)
    with pytest.raises(StoreUnreachable, match="still ThrottlingException after several tries"):
        commands.set_priority("w", WorksetPriority.URGENT)
    assert wire.calls.count(WRITE) == 4


def test_a_conflict_carries_the_winner(store: DynamoStore, commands: Commands, wire: Wire) -> None:
    seen = commands.get("w")
    commands.set_priority("w", WorksetPriority.LOW)
    wire.calls.clear()
    with pytest.raises(StaleWrite) as caught:
        commands.ignore("w", seen=seen.rev)
    assert caught.value.current == commands.get("w")


def test_a_lost_reply_of_a_renewal(store: DynamoStore, commands: Commands, wire: Wire) -> None:
    lease = commands.acquire("w", holder="m1", seconds=60)
    wire.lose_reply()
    after = lease.renewed(commands.clock.now())
    store.renew(after)
    assert store.lease("w") == after
    with pytest.raises(StaleWrite):
        store.renew(lease.renewed(commands.clock.now() + 1))


def test_a_lost_reply_of_a_bulk_registration(store: DynamoStore, commands: Commands, wire: Wire) -> None:
    wire.lose_reply()
    told = list(commands.register_many(WorksetSpec(f"b{n}", "b", "p") for n in range(60)))
    assert sum(done for done, _ in told) == 60
    assert not any(refused for _, refused in told)
    assert store.tallies()[WorksetState.READY] == 61


def test_a_lifecycle_is_four_calls_beside_the_queue_page(commands: Commands, wire: Wire) -> None:
    """Read, acquire, start, complete; the first claim of a cluster also makes its item."""
    store = commands.store
    first = commands.acquire("w", holder="m1", seconds=60, claim=SlotClaim("c", 2))
    commands.release("w", token=first.token)
    wire.calls.clear()
    workset, lease = commands.take("w", holder="m1", seconds=60, claim=SlotClaim("c", 2))
    workset = commands.start(workset, token=lease.token, run=RUN)
    commands.complete(workset, token=lease.token, metrics={})
    assert wire.calls == ["GetItem", WRITE, WRITE, WRITE]
    assert store.tallies()[WorksetState.COMPLETE] == 1


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("UnrecognizedClientException", "check the profile"),
        ("InvalidSignatureException", "clock"),
        ("AccessDeniedException", "IAM policy"),
        ("ValidationException", "said so"),
    ],
)
def test_what_does_not_pass_is_a_sentence_at_once(commands: Commands, wire: Wire, code: str, says: str) -> None:
    wire.fail(error_reply(code))
    with pytest.raises(StoreUnusable, match=says) as caught:
        commands.get("w")
    assert "worksets" in str(caught.value)
    # What the endpoint does not understand may be another program's table: its shape is looked at once.
    assert wire.calls == ["GetItem", "DescribeTable"][: 2 if code == "ValidationException" else 1]


def test_expired_credentials_are_taken_anew(store: DynamoStore, commands: Commands, wire: Wire) -> None:
    wire.fail(error_reply("ExpiredTokenException"))
    with pytest.raises(StoreUnreachable, match="log in again"):
        commands.get("w")
    before = store._connection._client
    commands.get("w")  # a new client, with what the credential chain says now
    assert before is None


def test_no_credentials_region_or_profile_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(StoreUnusable, match=r"no AWS region; give --region"):
        DynamoStore("t").check()
    with pytest.raises(StoreUnusable, match="no AWS credentials; set AWS_PROFILE"):
        DynamoStore("t", region="us-east-1").check()
    with pytest.raises(StoreUnusable, match="no AWS profile 'nobody'"):
        DynamoStore("t", region="us-east-1", profile="nobody").check()


def test_nobody_at_the_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MAX_ATTEMPTS", 2)
    store = DynamoStore("t", region="us-east-1", endpoint_url="http://127.0.0.1:9")
    with pytest.raises(StoreUnreachable, match=r"does not answer .*check network and endpoint"):
        store.check()

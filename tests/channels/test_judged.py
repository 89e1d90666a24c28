"""Every channel through refusing, resetting, hanging, 429 and 500 by turns, and the relay killed five times over."""

from __future__ import annotations

import itertools
import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests import peers
from tests.channels.graphql import Linear
from tests.channels.receiver import Answer, Receiver, Request
from tests.services.world import SilentLog
from wsmon.adapters import http
from wsmon.adapters.clock import SystemClock
from wsmon.adapters.courier import ThreadCourier
from wsmon.adapters.linear import LinearChannel
from wsmon.adapters.pagerduty import PagerDutyChannel
from wsmon.adapters.slack import SlackChannel
from wsmon.adapters.sns import SnsChannel
from wsmon.adapters.sqlite import SqliteStore
from wsmon.adapters.webhook import WebhookChannel
from wsmon.domain.alerts import Rules
from wsmon.domain.grouping import GroupRule, Route
from wsmon.domain.messages import MAX_LISTED
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import ErrorCategory
from wsmon.ports import Channel, StateStore
from wsmon.services import desk
from wsmon.services.commands import Commands
from wsmon.services.plans import ChannelPlan, RelayConfig
from wsmon.services.relay import Relay
from wsmon.services.watching import Watcher

FAILURES = int(os.environ.get("WSMON_NOTIFY_FAILURES", "40"))
KILLS = 5
FAULTS: tuple[str | int, ...] = ("reset", 500, 429, "hang", 503)
ERRORS = Route(event_types=("error",))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Backoffs and timeouts of a fraction, so that an hour of outage takes seconds."""
    monkeypatch.setattr(http, "TIMEOUT_SECONDS", 0.3)
    monkeypatch.setattr(desk, "FIRST_BACKOFF", 0.02)
    monkeypatch.setattr(desk, "LONGEST_BACKOFF", 0.2)


class Field:
    """A store that worksets fail in, receivers that fail as well, and relays that die."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.store: StateStore = SqliteStore(folder / "w.db")
        self.store.init()
        stack.callback(self.store.close)
        self.draw, self.clock = random.Random(7), SystemClock()
        self.commands = Commands(self.store, self.clock, "tester")
        self.linear = Linear()
        answers: dict[str, Callable[[Request], Answer]] = {
            "hook": lambda _: (200, {}, b""),
            "slack": lambda _: (200, {}, b"ok"),
            "pager": lambda _: (202, {}, b"{}"),
            "linear": self.linear,
        }
        self.receivers = {name: stack.enter_context(Receiver(answer=answer)) for name, answer in answers.items()}
        self.names = (f"w{n:03}" for n in itertools.count())

    def channels(self) -> list[Channel]:
        url = {name: receiver.url for name, receiver in self.receivers.items()}
        return [
            WebhookChannel("hook", url["hook"], "secret"),
            SlackChannel("slack", url["slack"]),
            PagerDutyChannel("pager", "key", url["pager"]),
            LinearChannel("linear", "lin_key", "team", url=url["linear"]),
        ]

    def relay(self, life: int, channels: list[Channel]) -> Relay:
        plans = [ChannelPlan(channel, ERRORS, per_minute=60_000) for channel in channels]
        rule = GroupRule(wait=0.1, interval=0.1)
        config = RelayConfig(f"m{life}", duty_seconds=0.5, skew_seconds=0.1, poll_seconds=0.05, rule=rule)
        watcher = Watcher(self.store, self.clock, Rules(), skew=1.0)
        return Relay(
            self.store,
            self.clock,
            ThreadCourier(),
            plans,
            config,
            log=SilentLog(),
            jitter=self.draw.random,
            watcher=watcher,
        )

    def fail(self, count: int) -> None:
        for name in itertools.islice(self.names, count):
            self.commands.register(WorksetSpec(name, "b"))
            token = self.commands.acquire(name, holder="m", seconds=60).token
            self.commands.fail(name, token=token, category=ErrorCategory.DATA, details=f"{name} broke")

    def run(self, relay: Relay, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.store.undelivered(1).events:
            time.sleep(min(0.02, relay.step()))


@pytest.fixture
def field(tmp_path: Path) -> Iterator[Field]:
    with ExitStack() as stack:
        yield Field(tmp_path, stack)


def test_every_failure_is_told_or_counted_by_every_channel_and_once_where_it_can_tell(field: Field) -> None:
    channels = field.channels()
    for life in range(KILLS):
        for receiver in field.receivers.values():
            receiver.faults = [field.draw.choice(FAULTS) for _ in range(4)]
            receiver.late = field.draw.random() < 0.5  # what came in counts, though its reply was a fault
        relay = field.relay(life, channels)
        field.fail(FAILURES // KILLS)
        field.run(relay, 0.3 + field.draw.random())
        # Killed: nothing is given back, what is on its way goes on, and the duty must die first.
        time.sleep(0.7)
    for receiver in field.receivers.values():
        receiver.faults = []
    field.run(field.relay(KILLS, channels), 60)
    assert not field.store.undelivered(10).events
    expected = {f"w{n:03}:3" for n in range(FAILURES // KILLS * KILLS)}
    hook = {r.headers["webhook-id"]: r.json for r in field.receivers["hook"].taken}
    told = Counter(event["event_id"] for body in hook.values() for event in body["events"])
    assert set(told) <= expected
    assert len(told) == sum(min(body["count"], MAX_LISTED) for body in hook.values()), "listed, or counted beyond that"
    assert set(told.values()) == {1}, "by its id each message counts once"
    assert sum(body["count"] for body in hook.values()) == len(expected)
    slack = {r.json["blocks"][2]["elements"][0]["text"]: r.json["text"] for r in field.receivers["slack"].taken}
    assert sum(_count(text) for text in slack.values()) == len(expected)
    pages = {r.json["payload"]["custom_details"]["message"]: r.json for r in field.receivers["pager"].taken}
    assert sum(page["payload"]["custom_details"]["count"] for page in pages.values()) == len(expected)
    assert len({page["dedup_key"] for page in pages.values()}) == 1, "one incident"
    assert len(field.linear.issues) == 1
    bodies = [issue["description"] for issue in field.linear.issues.values()]
    bodies += [comment["body"] for comment in field.linear.comments.values()]
    assert sum(int(body.split(", ")[2].split()[0]) for body in bodies) == len(expected), "and nothing twice"


def _count(title: str) -> int:
    return int(title.partition(" x ")[0]) if " x " in title else 1


@pytest.mark.soak
def test_sns_through_a_wire_that_fails(field: Field) -> None:
    """A FIFO topic keeps each message once; ministack stands in for SNS behind a receiver that passes on."""
    peers.credentials()
    url = peers.url("ministack")
    sns = boto3.client("sns", region_name="us-east-1", endpoint_url=url)
    sqs = boto3.client("sqs", region_name="us-east-1", endpoint_url=url)
    topic = sns.create_topic(Name="judged.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    queue = sqs.create_queue(QueueName="judged.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def passed_on(request: Any) -> Any:
        kept = {k: v for k, v in request.headers.items() if k not in {"host", "content-length"}}
        reply = http.post(url + request.path, request.body, kept)
        return reply.status, {"content-type": "text/xml"}, reply.text.encode()

    with Receiver(answer=passed_on) as wire:
        channel = SnsChannel("sns", topic, endpoint_url=wire.url)
        for life in range(KILLS):
            wire.faults, wire.late = ["reset", 500, 429, 503], bool(life % 2)
            field.fail(FAILURES // KILLS)
            field.run(field.relay(life, [channel]), 1.0)
            time.sleep(0.7)
        wire.faults = []
        field.run(field.relay(KILLS, [channel]), 60)
    assert not field.store.undelivered(10).events
    count = 0
    while found := sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1, MaxNumberOfMessages=10).get("Messages"):
        for one in found:
            count += _count(json.loads(one["Body"])["Subject"])
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=one["ReceiptHandle"])
    assert count == FAILURES // KILLS * KILLS

"""Every channel through refusing, resetting, hanging, 429 and 500 by turns, and the relay's monitor killed (-9) five times."""

from __future__ import annotations

import itertools
import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests import peers
from tests.channels.graphql import Linear
from tests.channels.mortal import Monitors, monitors
from tests.channels.receiver import Answer, Receiver, Request
from tests.waiting import wait_for
from wsmon.adapters import http
from wsmon.adapters.clock import SystemClock
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.messages import MAX_LISTED
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import ErrorCategory
from wsmon.ports import StateStore
from wsmon.services.commands import Commands

FAILURES = int(os.environ.get("WSMON_NOTIFY_FAILURES", "40"))
KILLS = 5
FAULTS: tuple[str | int, ...] = ("reset", 500, 429, "hang", 503)
SETTINGS = """
[monitor]
command = ["true"]
poll_seconds = 0.1
lease_seconds = 0.5
renew_seconds = 0.2
skew_seconds = 0.1
[alerts]
group_wait_seconds = 0.1
group_interval_seconds = 0.1
"""
EACH = 'event_types = ["error"]\nmax_per_minute = 60000\n'


class Field:
    """A store that worksets fail in, receivers that fail as well, and monitors that are killed."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self._stack = folder, stack
        self.store: StateStore = SqliteStore(folder / "w.db")
        self.store.init()
        stack.callback(self.store.close)
        self.draw = random.Random(7)
        self.commands = Commands(self.store, SystemClock(), "tester")
        self.names = (f"w{n:03}" for n in itertools.count())

    def monitors(self, channels: Mapping[str, str]) -> Monitors:
        """Monitors that know these channels: name -> its lines."""
        tables = [f"[channels.{name}]\n{lines}\n{EACH}" for name, lines in channels.items()]
        config = self.folder / "wsmon.toml"
        config.write_text(SETTINGS + "".join(tables))
        argv = ["--store", f"sqlite:{self.folder / 'w.db'}", "monitor", "--config", str(config)]
        return self._stack.enter_context(monitors(argv, self.folder / "log"))

    def fail(self, count: int) -> None:
        for name in itertools.islice(self.names, count):
            # Tied to nowhere, so that the monitors only tell of it.
            self.commands.register(WorksetSpec(name, "b", affinity="nowhere"))
            token = self.commands.acquire(name, holder="m", seconds=60).token
            self.commands.fail(name, token=token, category=ErrorCategory.DATA, details=f"{name} broke")

    def live(self, found: Monitors, receivers: Iterable[Receiver], seconds: float) -> None:
        """One life: failures come while it tells of them through faults, until it is killed."""
        receivers = list(receivers)
        before = sum(receiver.seen for receiver in receivers)
        with self.draw.choice(receivers).refusing():
            found.start()
            self.fail(FAILURES // KILLS)
            time.sleep(0.3)
        wait_for(lambda: sum(receiver.seen for receiver in receivers) > before, 30)
        time.sleep(seconds)
        assert found.alive()
        found.kill()

    def finish(self, found: Monitors) -> None:
        """A last life, without faults, until everything is told."""
        found.start()
        wait_for(lambda: not self.store.undelivered(1).events, 120, pause=0.1)
        found.kill()


@pytest.fixture
def field(tmp_path: Path) -> Iterator[Field]:
    with ExitStack() as stack:
        yield Field(tmp_path, stack)


def test_every_failure_is_told_or_counted_by_every_channel_and_once_where_it_can_tell(field: Field) -> None:
    linear = Linear()
    answers: dict[str, Callable[[Request], Answer]] = {
        "hook": lambda _: (200, {}, b""),
        "slack": lambda _: (200, {}, b"ok"),
        "pager": lambda _: (202, {}, b"{}"),
        "linear": linear,
    }
    with ExitStack() as stack:
        receivers = {name: stack.enter_context(Receiver(answer=answer)) for name, answer in answers.items()}
        url = {name: receiver.url for name, receiver in receivers.items()}
        found = field.monitors(
            {
                "hook": f'type = "webhook"\nurl = "{url["hook"]}"\nsecret = "secret"',
                "slack": f'type = "slack"\nurl = "{url["slack"]}"',
                "pager": f'type = "pagerduty"\nrouting_key = "key"\nurl = "{url["pager"]}"',
                "linear": f'type = "linear"\napi_key = "lin_key"\nteam_id = "team"\nurl = "{url["linear"]}"',
            }
        )
        for _ in range(KILLS):
            for receiver in receivers.values():
                receiver.faults = [field.draw.choice(FAULTS) for _ in range(4)]
                receiver.late = field.draw.random() < 0.5  # what came in counts, though its reply was a fault
            field.live(found, receivers.values(), field.draw.random())
        for receiver in receivers.values():
            receiver.faults = []
        field.finish(found)
    expected = {f"w{n:03}:3" for n in range(FAILURES // KILLS * KILLS)}
    hook = {r.headers["webhook-id"]: r.json for r in receivers["hook"].taken}
    told = Counter(event["event_id"] for body in hook.values() for event in body["events"])
    assert set(told) <= expected
    assert len(told) == sum(min(body["count"], MAX_LISTED) for body in hook.values()), "listed, or counted beyond that"
    assert set(told.values()) == {1}, "by its id each message counts once"
    assert sum(body["count"] for body in hook.values()) == len(expected)
    slack = {r.json["blocks"][2]["elements"][0]["text"]: r.json["text"] for r in receivers["slack"].taken}
    assert sum(_count(text) for text in slack.values()) == len(expected)
    pages = {r.json["payload"]["custom_details"]["message"]: r.json for r in receivers["pager"].taken}
    assert sum(page["payload"]["custom_details"]["count"] for page in pages.values()) == len(expected)
    assert len({page["dedup_key"] for page in pages.values()}) == 1, "one incident"
    assert len(linear.issues) == 1
    bodies = [issue["description"] for issue in linear.issues.values()]
    bodies += [comment["body"] for comment in linear.comments.values()]
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
        found = field.monitors({"sns": f'type = "sns"\ntopic_arn = "{topic}"\nendpoint_url = "{wire.url}"'})
        for life in range(KILLS):
            wire.faults, wire.late = ["reset", 500, 429, 503], bool(life % 2)
            field.live(found, [wire], field.draw.random())
        wire.faults = []
        field.finish(found)
    count = 0
    while found := sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1, MaxNumberOfMessages=10).get("Messages"):
        for one in found:
            count += _count(json.loads(one["Body"])["Subject"])
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=one["ReceiptHandle"])
    assert count == FAILURES // KILLS * KILLS

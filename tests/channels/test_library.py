"""The predecessor's names over wsmon's channels."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests import peers
from tests.channels.graphql import Linear
from tests.channels.receiver import Receiver
from wsmon.adapters import linear
from wsmon.domain.visible import harmless
from wsmon.workset_notifications import (
    LinearNotificationChannel,
    NotificationChannel,
    NotificationEvent,
    NotificationManager,
    SNSNotificationChannel,
)

EVENT = NotificationEvent("ws-1", "error", "error", "it broke", {"line": 4}, "urgent", "c1", "bad sample")


class Own(NotificationChannel):
    def __init__(self, answer: bool | Exception) -> None:
        self.answer, self.told = answer, []  # type: ignore[var-annotated]

    def send(self, event: NotificationEvent) -> bool:
        self.told.append(event)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_the_manager_counts_who_delivered() -> None:
    manager = NotificationManager()
    channels = [Own(True), Own(False), Own(RuntimeError("x")), Own(True)]
    for channel in channels:
        manager.add_channel(channel)
    assert manager.notify(EVENT) == 2
    assert all(channel.told == [EVENT] for channel in channels)


def test_an_id_cannot_write_lines_into_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with Receiver(answer=lambda _: (401, {}, b"no\x1b[31m")) as receiver:
        manager, channel = NotificationManager(), LinearNotificationChannel("lin_key", "team")
        channel.channel = linear.LinearChannel("linear", "lin_key", "team", url=receiver.url)
        manager.add_channel(channel)
        assert manager.notify(replace(EVENT, workset_id="ws-1\nINFO all is well")) == 0
    (line,) = caplog.messages
    assert "was not delivered" in line
    assert harmless(line)


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({}, 1),
        ({"event_types": ["error"], "states": ["error"], "priorities": ["urgent"]}, 1),
        ({"event_types": ["completion"]}, 0),
        ({"states": ["complete"]}, 0),
        ({"priorities": ["normal"]}, 0),
    ],
)
def test_filters(filters: dict[str, Any], count: int) -> None:
    manager = NotificationManager()
    manager.add_channel(Own(True))
    manager.set_filters(**filters)
    assert manager.notify(EVENT) == count
    manager.set_filters(event_types=[], states=[], priorities=[])
    assert manager.notify(EVENT) == 1


def test_sns_publishes_with_the_attributes(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[dict[str, Any]] = []

    class Session:
        def __init__(self, **given: Any) -> None:
            assert given == {"region_name": "us-west-2"}

        def client(self, name: str) -> Any:
            assert name == "sns"
            return self

        def publish(self, **given: Any) -> dict[str, str]:
            sent.append(given)
            return {"MessageId": "1"}

    monkeypatch.setattr("wsmon.workset_notifications.boto3.Session", Session)
    assert SNSNotificationChannel("arn:aws:sns:us-west-2:1:t", "us-west-2").send(EVENT) is True
    values = {name: value["StringValue"] for name, value in sent[0]["MessageAttributes"].items()}
    assert (
        values.items() >= {"workset_id": "ws-1", "event_type": "error", "state": "error", "priority": "urgent"}.items()
    )
    for text in ("it broke", "bad sample", '"line": 4'):
        assert text in sent[0]["Message"]


def test_linear_makes_issues_for_errors_and_completions_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Linear()
    with Receiver(answer=api) as receiver:
        monkeypatch.setattr(linear, "URL", receiver.url)
        channel = LinearNotificationChannel("lin_key", "team", "project")
        monkeypatch.setattr(channel.channel, "_url", receiver.url)
        assert channel.send(NotificationEvent("ws-1", "state_change", "ready", "m")) is True
        assert not api.issues
        assert channel.send(EVENT) is True
        (issue,) = api.issues.values()
        assert (issue["projectId"], issue["priority"]) == ("project", 1)
        receiver.faults = [500]
        assert channel.send(EVENT) is False


def test_the_example_of_the_page_on_migrating_tells_both_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    """The predecessor's own notification example, its import replaced: SNS on a server, and an issue in Linear."""
    page = (Path(__file__).parent.parent.parent / "docs/migrating.md").read_text(encoding="utf-8")
    example = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", peers.url("ministack"))
    aws: dict[str, Any] = {"region_name": "us-east-1", "endpoint_url": peers.url("ministack")}
    sns, sqs = boto3.client("sns", **aws), boto3.client("sqs", **aws)
    topic = sns.create_topic(Name="worksets")["TopicArn"]
    queue = sqs.create_queue(QueueName="worksets-told")["QueueUrl"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:000000000000:worksets-told")
    api = Linear()
    with Receiver(answer=api) as receiver:
        monkeypatch.setitem(linear.LinearChannel.__init__.__kwdefaults__, "url", receiver.url)  # type: ignore[arg-type]
        names: dict[str, Any] = {}
        exec(example, names)
        assert names["delivered"] == 2
        (issue,) = api.issues.values()
        assert "ws-001" in issue["title"]
        (told,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
        assert "no such sample in line 4" in json.loads(told["Body"])["Message"]
        quiet = NotificationEvent("ws-001", "state_change", "in_progress", "Pipeline started")
        assert names["manager"].notify(quiet) == 0

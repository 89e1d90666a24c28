"""SNS: the parameters against botocore's own model, and delivery through ministack to a queue and over HTTP."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from tests import peers
from tests.channels.build import HOSTILE, message, notice
from tests.channels.receiver import Receiver
from tests.waiting import wait_for
from wsmon.adapters.sns import MAX_BYTES, SnsChannel, attributes, parameters, subject
from wsmon.domain.errors import ChannelDown, ChannelRefused

ARN = "arn:aws:sns:us-east-1:000000000000:alerts"


def aws(service: str) -> Any:
    peers.credentials()
    return boto3.client(service, region_name="us-east-1", endpoint_url=peers.url("ministack"))  # type: ignore[call-overload]


@pytest.mark.parametrize("text", [HOSTILE, "", "\n", "é" * 300, "x" * 300, "a\r\nb"])
def test_a_subject_is_always_one_sns_takes(text: str) -> None:
    made = subject(text)
    assert 0 < len(made) < 100
    assert all(" " <= c <= "~" for c in made)
    assert made == made.strip()


def test_a_message_too_long_is_cut_clearly_attributes_included() -> None:
    big = [notice(n, subject=f"w{n}-" + "🧬" * 200, text="世" * 2000) for n in range(1, 101)]
    request = parameters(ARN, message(*big))
    size = len(request["Message"].encode()) + sum(
        len(name) + len(v["DataType"]) + len(v["StringValue"].encode())
        for name, v in request["MessageAttributes"].items()
    )
    assert MAX_BYTES - 10 < size <= MAX_BYTES
    assert request["Message"].endswith("[cut: the rest was too long]")


def test_attributes_name_one_workset_or_all() -> None:
    one = attributes(message(notice(1)))
    assert {name: v["StringValue"] for name, v in one.items()} == {
        "workset_id": "w1",
        "event_type": "error",
        "state": "error",
        "priority": "normal",
        "severity": "warning",
        "status": "firing",
    }
    many = attributes(message(notice(1), notice(2)))["workset_id"]
    assert (many["DataType"], json.loads(many["StringValue"])) == ("String.Array", ["w1", "w2"])


@pytest.mark.parametrize(("code", "error"), [("InvalidParameter", ChannelRefused), ("AuthorizationError", ChannelDown)])
def test_errors_and_parameters_by_botocores_model(code: str, error: type[Exception]) -> None:
    peers.credentials()
    client = boto3.client("sns", region_name="us-east-1")
    channel = SnsChannel("s", ARN + ".fifo", client=client)
    with Stubber(client) as stub:
        stub.add_response("publish", {"MessageId": "m1"}, parameters(channel.topic_arn, message(notice(text=HOSTILE))))
        assert channel.send(message(notice(text=HOSTILE))) == "message m1"
        stub.add_client_error("publish", code)
        with pytest.raises(error):
            channel.send(message())


def test_a_queue_and_an_http_subscriber_get_it() -> None:
    sns, sqs = aws("sns"), aws("sqs")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    queue = sqs.create_queue(QueueName="alerts")["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    only = {"FilterPolicy": json.dumps({"workset_id": ["w2"]})}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn, Attributes=only)
    with Receiver() as receiver:
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=receiver.url)
        wait_for(lambda: receiver.taken)
        if "SubscribeURL" in receiver.taken[0].json:
            sns.confirm_subscription(TopicArn=topic, Token=receiver.taken[0].json["Token"])
        channel = SnsChannel("sns", topic, endpoint_url=peers.url("ministack"))
        channel.send(message(notice(1)))
        channel.send(message(notice(2), notice(3)))
        wait_for(lambda: len([r for r in receiver.taken if "Subject" in r.json]) == 2)
    found = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=2, MaxNumberOfMessages=10)["Messages"]
    (body,) = (json.loads(one["Body"]) for one in found)
    assert body["Subject"] == "2 x error (data)", "the subscription's filter kept the other out"


def test_a_fifo_topic_takes_a_message_once() -> None:
    sns, sqs = aws("sns"), aws("sqs")
    topic = sns.create_topic(Name="a.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    queue = sqs.create_queue(QueueName="a.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
    channel = SnsChannel("sns", topic, endpoint_url=peers.url("ministack"))
    for sent in (message(notice(1)), message(notice(1)), message(notice(2))):
        channel.send(sent)
    found = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=2, MaxNumberOfMessages=10)["Messages"]
    assert [json.loads(one["Body"])["Subject"] for one in found] == ["w1: error (data)", "w2: error (data)"]


def test_an_endpoint_that_is_not_there_is_a_channel_that_is_down() -> None:
    peers.credentials()
    port = peers.free_port()
    with pytest.raises(ChannelDown):
        SnsChannel("s", ARN, endpoint_url=f"http://127.0.0.1:{port}").send(message())

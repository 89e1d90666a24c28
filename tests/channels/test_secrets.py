"""No secret comes back: an answer may repeat what it was asked, and answers are printed, logged and stored."""

from __future__ import annotations

import pytest

from tests.channels.build import message
from tests.channels.receiver import Answer, Receiver, Request
from wsmon.adapters.courier import carry
from wsmon.adapters.http import parts_of, without
from wsmon.adapters.linear import LinearChannel
from wsmon.adapters.pagerduty import PagerDutyChannel
from wsmon.adapters.slack import SlackChannel
from wsmon.adapters.webhook import WebhookChannel
from wsmon.ports import Channel

SECRET = "s3cret-s3cret-s3cret"


def channels(url: str) -> list[Channel]:
    return [
        WebhookChannel("path", f"{url}/services/T000/{SECRET}"),
        WebhookChannel("query", f"{url}/x?a=1&token={SECRET}"),
        WebhookChannel("signed", f"{url}/x", SECRET),
        SlackChannel("slack", f"{url}/services/T000/B000/{SECRET}"),
        PagerDutyChannel("pager", SECRET, f"{url}/v2/enqueue"),
        LinearChannel("linear", SECRET, "team", url=f"{url}/graphql"),
    ]


def echo(request: Request) -> Answer:
    said = f"Cannot POST {request.path} {request.headers.get('authorization')} {SECRET} "
    return 404, {}, said.encode() + request.body


@pytest.mark.parametrize("number", range(6))
def test_what_an_answer_repeats_of_a_secret_is_left_out(number: int) -> None:
    with Receiver(answer=echo) as receiver:
        sent = carry(channels(receiver.url)[number], message())
    assert "Cannot POST" in str(sent.error)
    assert "s3cret" not in str(sent.error)


def test_words_of_an_address_are_no_secrets() -> None:
    parts = parts_of("https://u:password-password@h/api/webhooks/12345/tok%2Ben-tok%2Ben?wait=true")
    assert without("no api, no webhooks; tok+en-tok+en, password-password", parts) == "no api, no webhooks; ***, ***"

"""Slack, PagerDuty and Apprise: what they are sent, and that text from outside stays text."""

from __future__ import annotations

from typing import Any

import apprise
import pytest

from tests.channels.build import HOSTILE, message, notice
from tests.channels.receiver import Receiver
from wsmon.adapters.apprise_ import AppriseChannel
from wsmon.adapters.pagerduty import PagerDutyChannel
from wsmon.adapters.slack import SlackChannel
from wsmon.domain.errors import ChannelDown, ChannelRefused
from wsmon.domain.notices import Status


def test_slack_gets_a_header_and_the_lines_within_its_limits() -> None:
    with Receiver(answer=lambda _: (200, {}, b"ok")) as receiver:
        assert SlackChannel("s", receiver.url).send(message(*(notice(n) for n in range(1, 151)))) == "HTTP 200 ok"
        SlackChannel("s", receiver.url).send(message(notice(subject=HOSTILE, text=HOSTILE)))
    first, second = (request.json for request in receiver.taken)
    assert first["text"] == "150 x error (data)"
    assert "and 130 more" in first["blocks"][1]["text"]["text"]
    header, section = second["blocks"][0]["text"], second["blocks"][1]["text"]
    assert header["type"] == "plain_text"
    assert len(header["text"]) <= 150
    assert len(section["text"]) <= 3000
    for text in (section["text"], second["text"]):
        assert "<" not in text, "no mention, no link"
        assert "\x1b" not in text


def test_slack_says_what_it_refuses() -> None:
    with Receiver(answer=lambda _: (400, {}, b"invalid_payload")) as receiver, pytest.raises(ChannelRefused):
        SlackChannel("s", receiver.url).send(message())
    with Receiver(answer=lambda _: (403, {}, b"action_prohibited")) as receiver, pytest.raises(ChannelDown):
        SlackChannel("s", receiver.url).send(message())


@pytest.mark.parametrize(
    ("status", "firing", "untaken", "action"),
    [
        (Status.FIRING, 1, 1, "trigger"),
        (Status.ACKNOWLEDGED, 2, 1, "trigger"),
        (Status.ACKNOWLEDGED, 2, 0, "acknowledge"),
        (Status.RESOLVED, 1, 1, "trigger"),
        (Status.RESOLVED, 1, 0, "acknowledge"),
        (Status.RESOLVED, 0, 0, "resolve"),
    ],
)
def test_pagerduty_opens_acknowledges_and_resolves_by_one_key(
    status: Status, firing: int, untaken: int, action: str
) -> None:
    with Receiver(answer=lambda _: (202, {}, b'{"status":"success"}')) as receiver:
        pager = PagerDutyChannel("p", "key", receiver.url)
        begun = message()
        pager.send(begun)
        pager.send(message(notice(status=status, seq=9, text=HOSTILE), firing=firing, untaken=untaken))
    first, second = (request.json for request in receiver.taken)
    assert first["dedup_key"] == second["dedup_key"]
    assert second["event_action"] == action
    assert first["payload"]["severity"] == "warning"
    assert first["payload"]["summary"] == "w1: error (data)"
    assert {"source", "timestamp", "component", "group", "class", "custom_details"} < set(first["payload"])
    assert ("payload" in second) == (action == "trigger")


def test_apprise_is_told_and_its_failure_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, Any]] = []
    answers = [True, False]

    def notify(_: Any, **given: Any) -> bool:
        told.append(given)
        return answers.pop(0)

    monkeypatch.setattr(apprise.Apprise, "notify", notify)
    mail = AppriseChannel("mail", "json://localhost")
    assert mail.send(message()) == "delivered"
    with pytest.raises(ChannelDown):
        mail.send(message(notice(status=Status.RESOLVED)))
    assert (told[0]["title"], told[0]["notify_type"]) == ("w1: error (data)", "warning")
    assert told[1]["notify_type"] == "success"
    with pytest.raises(ChannelDown, match="address"):
        AppriseChannel("mail", "nonsense").send(message())

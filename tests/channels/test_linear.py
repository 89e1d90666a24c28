"""Linear: one issue a group whatever is lost on the way, comments for what follows, and its errors."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.channels.build import HOSTILE, message, notice
from tests.channels.graphql import Linear
from tests.channels.receiver import Receiver
from wsmon.adapters.linear import LinearChannel
from wsmon.domain.errors import ChannelDown, ChannelRefused
from wsmon.domain.notices import Status


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(answer=Linear()) as made:
        yield made


def channel(receiver: Receiver) -> LinearChannel:
    return LinearChannel("linear", "lin_key", "team", done_state_id="done", open_state_id="open", url=receiver.url)


def linear(receiver: Receiver) -> Linear:
    assert isinstance(receiver.answer, Linear)
    return receiver.answer


def test_an_issue_then_comments_and_the_end_moves_it(receiver: Receiver) -> None:
    begun = message(*(notice(n) for n in range(1, 4)))
    assert channel(receiver).send(begun) == "issue OPS-1"
    more = message(notice(9))
    assert channel(receiver).send(more) == "comment on OPS-1"
    ended = notice(
        1, status=Status.RESOLVED, event_type="state_change", state="ready", category="", notice_id="w1:5", seq=5
    )
    channel(receiver).send(message(ended, firing=2))
    (issue,) = linear(receiver).issues.values()
    assert issue["stateId"] == "open"
    channel(receiver).send(replace(message(replace(ended, notice_id="w2:5", seq=6)), firing=0))
    (issue,) = linear(receiver).issues.values()
    assert (issue["title"], issue["priority"], issue["stateId"]) == ("3 x error (data)", 2, "done")
    assert "w2: error data normal pool: w2 broke" in issue["description"]
    assert len(linear(receiver).comments) == 3


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_lost_replies_make_nothing_twice(receiver: Receiver, lost: int) -> None:
    """Each request is applied, and the reply to one of them never comes."""
    receiver.late = True
    for sent in (message(notice(1)), message(notice(2))):
        receiver.faults = [*["none"] * lost, "reset"]
        for _ in range(3):
            with contextlib.suppress(ChannelDown):
                channel(receiver).send(sent)
    assert len(linear(receiver).issues) == 1
    assert len(linear(receiver).comments) == 1


def test_errors_in_a_200_are_failures_and_limits_are_obeyed(receiver: Receiver) -> None:
    linear(receiver).limited = 1
    with pytest.raises(ChannelDown, match="RATELIMITED") as down:
        channel(receiver).send(message())
    assert (down.value.retry_after or 0) > 1000
    receiver.answer = lambda _: (
        200,
        {},
        b'{"errors": [{"message": "no", "extensions": {"code": "AUTHENTICATION_ERROR"}}]}',
    )
    with pytest.raises(ChannelDown, match="AUTHENTICATION"):
        channel(receiver).send(message())
    key = b'{"errors": [{"message": "no", "extensions": {"type": "authentication error", "code": "%s", "userError": true}}]}'
    for status, code in ((401, b"AUTHENTICATION_ERROR"), (400, b"AUTHENTICATION_ERROR"), (200, b"FORBIDDEN")):
        receiver.answer = lambda _, status=status, code=code: (status, {}, key % code)  # type: ignore[misc]
        with pytest.raises(ChannelDown, match=code.decode()):
            channel(receiver).send(message())
    receiver.answer = lambda _: (200, {}, b'{"errors": [{"message": "bad", "extensions": {"code": "INVALID_INPUT"}}]}')
    with pytest.raises(ChannelRefused):
        channel(receiver).send(message())
    receiver.answer = lambda _: (200, {}, b"<html>")
    with pytest.raises(ChannelDown):
        channel(receiver).send(message())


def test_an_end_without_an_issue_makes_none(receiver: Receiver) -> None:
    assert "no issue" in channel(receiver).send(message(notice(status=Status.RESOLVED)))
    assert not linear(receiver).issues


def test_text_from_outside_stays_in_its_block(receiver: Receiver) -> None:
    channel(receiver).send(message(notice(text="```\n# big\n" + HOSTILE)))
    (issue,) = linear(receiver).issues.values()
    fence = issue["description"].split("\n", 1)[0]
    assert issue["description"].count(fence) == 2
    assert "\x1b" not in issue["description"]

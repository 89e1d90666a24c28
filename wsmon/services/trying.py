"""A marked test message to a channel, outside of any outbox."""

from __future__ import annotations

import uuid

from wsmon.domain.messages import Message
from wsmon.domain.notices import Notice, Severity, Status
from wsmon.domain.times import Instant


def test_message(now: Instant, who: str) -> Message:
    """A message that says that it is a test, and of whom."""
    name = uuid.uuid4().hex
    notice = Notice(
        notice_id=f"test:{name[:12]}",
        subject="wsmon-test",
        seq=0,
        at=now,
        event_type="test",
        kind="test",
        state="test",
        severity=Severity.WARNING,
        status=Status.FIRING,
        fingerprint=f"test/{name}",
        actor=who,
        text=f"a test by {who}; nothing is wrong",
    )
    return Message(
        message_id=name,
        incident=name,
        title="test message of wsmon",
        status=Status.FIRING,
        severity=Severity.WARNING,
        notices=(notice,),
        count=1,
        first_at=now,
        last_at=now,
        firing=0,
        test=True,
    )

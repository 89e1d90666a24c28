"""Notifications as the Daylily package had them, over the channels of wsmon.

>>> manager = NotificationManager()
>>> manager.set_filters(event_types=["error"])
>>> manager.notify(NotificationEvent("ws-1", "completion", "complete", "done"))
0
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from wsmon.adapters.linear import LinearChannel
from wsmon.adapters.sns import SnsChannel
from wsmon.domain.errors import ChannelError
from wsmon.domain.grouping import Route
from wsmon.domain.messages import Message
from wsmon.domain.notices import TEXT_CHARS, Notice, Severity, Status
from wsmon.domain.visible import visible
from wsmon.ports import Channel

__all__ = [
    "LinearNotificationChannel",
    "NotificationChannel",
    "NotificationEvent",
    "NotificationManager",
    "SNSNotificationChannel",
]
LOGGER = logging.getLogger("wsmon.workset_notifications")
_ISSUES_FOR = frozenset({"error", "completion"})


@dataclass
class NotificationEvent:
    """Something that happened to a workset."""

    workset_id: str
    event_type: str
    """`state_change`, `error`, `completion`, `timeout` or a caller's own."""
    state: str
    message: str
    details: dict[str, Any] | None = None
    priority: str = "normal"
    cluster_name: str | None = None
    error_details: str | None = None


class NotificationChannel(ABC):
    """A way to tell somebody; callers may bring their own."""

    @abstractmethod
    def send(self, event: NotificationEvent) -> bool:
        """Whether the event was delivered."""


class _Over(NotificationChannel):
    """A channel of wsmon under the old name."""

    channel: Channel

    def send(self, event: NotificationEvent) -> bool:
        """Whether the event was delivered; why not goes to the log."""
        try:
            self.channel.send(_message(event))
        except ChannelError as error:
            name = visible(str(event.workset_id))
            LOGGER.warning("%s: %s was not delivered: %s", type(self).__name__, name, visible(str(error)))
            return False
        return True


class SNSNotificationChannel(_Over):
    """Amazon SNS."""

    def __init__(self, topic_arn: str, region: str, profile: str | None = None) -> None:
        self.topic_arn = topic_arn
        chosen: dict[str, Any] = {"profile_name": profile} if profile else {}
        session = boto3.Session(region_name=region, **chosen)
        self.sns = session.client("sns")
        self.channel = SnsChannel("sns", topic_arn, client=self.sns)


class LinearNotificationChannel(_Over):
    """Issues in Linear, for errors and completions; other events count as delivered."""

    def __init__(self, api_key: str, team_id: str, project_id: str | None = None) -> None:
        self.api_key, self.team_id, self.project_id = api_key, team_id, project_id
        self.channel = LinearChannel("linear", api_key, team_id, project_id=project_id)

    def send(self, event: NotificationEvent) -> bool:
        """Whether there is an issue or a comment, or none was wanted."""
        return event.event_type not in _ISSUES_FOR or super().send(event)


class NotificationManager:
    """Channels behind one filter."""

    def __init__(self) -> None:
        self.channels: list[NotificationChannel] = []
        self.filters: dict[str, list[str]] = {"event_types": [], "states": [], "priorities": []}

    def add_channel(self, channel: NotificationChannel) -> None:
        """Tell this one too."""
        self.channels.append(channel)

    def set_filters(
        self,
        event_types: list[str] | None = None,
        states: list[str] | None = None,
        priorities: list[str] | None = None,
    ) -> None:
        """Only events that fit every list that is not empty; None leaves a list as it is."""
        chosen = {"event_types": event_types, "states": states, "priorities": priorities}
        self.filters |= {name: list(values) for name, values in chosen.items() if values is not None}

    def notify(self, event: NotificationEvent) -> int:
        """Tell every channel; how many delivered. A channel that raises counts as one that did not."""
        filters = {name: tuple(values) for name, values in self.filters.items()}
        route = Route(filters["event_types"], filters["states"], filters["priorities"])
        if not route.wants(_notice(event)):
            return 0
        return sum(self._tell(channel, event) for channel in self.channels)

    def _tell(self, channel: NotificationChannel, event: NotificationEvent) -> bool:
        try:
            return bool(channel.send(event))
        except Exception:
            LOGGER.exception("%s failed", type(channel).__name__)
            return False


def _notice(event: NotificationEvent) -> Notice:
    broken = event.event_type == "error"
    severity = Severity.WARNING if broken else Severity.INFO
    if event.priority == "urgent":
        severity = Severity.CRITICAL
    return Notice(
        notice_id=uuid.uuid4().hex,
        subject=event.workset_id,
        seq=0,
        at=time.time_ns() // 1000,
        event_type=event.event_type,
        kind=event.event_type,
        state=event.state,
        severity=severity,
        status=Status.FIRING if broken else Status.INFO,
        fingerprint=f"{event.event_type}/{event.workset_id}",
        priority=event.priority,
        cluster=event.cluster_name or "",
        text=_text(event)[:TEXT_CHARS],
    )


def _text(event: NotificationEvent) -> str:
    parts = [event.message]
    if event.error_details:
        parts.append(f"error: {event.error_details}")
    if event.details:
        parts.append(_plain(event.details))
    return "\n".join(parts)


def _plain(details: Mapping[str, Any]) -> str:
    return json.dumps(details, ensure_ascii=False, default=str)


def _message(event: NotificationEvent) -> Message:
    notice = _notice(event)
    return Message(
        message_id=notice.notice_id,
        incident=notice.fingerprint,
        title=f"{event.workset_id}: {event.event_type.replace('_', ' ')} ({event.state})",
        status=notice.status,
        severity=notice.severity,
        notices=(notice,),
        count=1,
        first_at=notice.at,
        last_at=notice.at,
    )

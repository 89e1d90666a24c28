"""PagerDuty, by Events API v2: one incident a group, opened, acknowledged and resolved by its key."""

from __future__ import annotations

import json
from typing import Any

from wsmon.adapters.http import checked, post
from wsmon.adapters.rendering import cut, lines_of, title_of
from wsmon.domain.messages import Message
from wsmon.domain.notices import Status
from wsmon.domain.times import isoformat

URL = "https://events.pagerduty.com/v2/enqueue"
SUMMARY_CHARS, DETAIL_CHARS = 1024, 20_000
_SEVERITIES = {"critical": "critical", "warning": "warning", "info": "info"}


def document(routing_key: str, message: Message) -> dict[str, Any]:
    """The event. While others of its group stand, an end updates the incident and leaves it open.

    An incident is acknowledged once all that stands in it is: it pages nobody from then on.
    """
    action = "trigger"
    if message.status is Status.RESOLVED and not message.firing:
        action = "resolve"
    elif message.status in {Status.ACKNOWLEDGED, Status.RESOLVED} and not message.untaken:
        action = "acknowledge"
    event: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": action,
        "dedup_key": f"wsmon-{message.incident}",
    }
    if action == "trigger":
        event["payload"] = {
            "summary": cut(title_of(message), SUMMARY_CHARS),
            "source": "wsmon",
            "severity": _SEVERITIES[message.severity.value],
            "timestamp": isoformat(message.last_at),
            "component": message.only("cluster") or "worksets",
            "group": message.only("event_type") or "wsmon",
            "class": message.only("kind") or "summary",
            "custom_details": {
                "message": message.message_id,
                "count": message.count,
                "firing": message.firing,
                "lines": cut("\n".join(lines_of(message)), DETAIL_CHARS),
            },
        }
    return event


class PagerDutyChannel:
    """One integration of a service."""

    incidents = True

    def __init__(self, name: str, routing_key: str, url: str = URL) -> None:
        self.name, self._key, self._url = name, routing_key, url

    def send(self, message: Message) -> str:
        """Send the event. Raises ChannelDown, ChannelRefused."""
        event = document(self._key, message)
        headers = {"content-type": "application/json"}
        reply = checked(post(self._url, json.dumps(event).encode(), headers, hidden=[self._key]))
        return f"HTTP {reply.status}, {event['event_action']}"

"""Slack, by an incoming webhook (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks)."""

from __future__ import annotations

import json
from typing import Any

from wsmon.adapters.http import checked, parts_of, post
from wsmon.adapters.rendering import cut, lines_of, title_of
from wsmon.domain.messages import Message
from wsmon.domain.notices import Status

HEADER_CHARS, SECTION_CHARS = 150, 3000
_MARKS = {Status.RESOLVED: ":white_check_mark:", Status.ACKNOWLEDGED: ":eyes:"}
_BY_SEVERITY = {"critical": ":rotating_light:", "warning": ":warning:", "info": ":information_source:"}


def escaped(text: str) -> str:
    """The three characters by which text becomes a mention, a link or an entity."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def document(message: Message) -> dict[str, Any]:
    """The body: a plain header, what happened, and the message's id."""
    mark = _MARKS.get(message.status) or _BY_SEVERITY[message.severity.value]
    title = title_of(message)
    listed = escaped("\n".join(lines_of(message)))
    return {
        "text": escaped(title),
        "blocks": [
            {
                "type": "header",
                "text": {"type": "plain_text", "text": cut(f"{mark} {title}", HEADER_CHARS), "emoji": True},
            },
            {"type": "section", "text": {"type": "mrkdwn", "text": cut(listed, SECTION_CHARS), "verbatim": True}},
            {"type": "context", "elements": [{"type": "plain_text", "text": f"wsmon {message.message_id}"}]},
        ],
    }


class SlackChannel:
    """One channel of a workspace."""

    incidents = False

    def __init__(self, name: str, url: str) -> None:
        self.name, self._url = name, url

    def send(self, message: Message) -> str:
        """Post. Raises ChannelDown, ChannelRefused."""
        body = json.dumps(document(message)).encode()
        headers = {"content-type": "application/json"}
        reply = checked(post(self._url, body, headers, hidden=parts_of(self._url)))
        return f"HTTP {reply.status} {reply.text[:40]}".strip()

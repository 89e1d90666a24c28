"""Any program that takes JSON over HTTP, signed as Standard Webhooks say (https://www.standardwebhooks.com)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from typing import Any

from wsmon.adapters.http import checked, parts_of, post
from wsmon.domain.messages import Message
from wsmon.domain.notices import Notice
from wsmon.domain.times import isoformat

SECRET_PREFIX = "whsec_"  # noqa: S105


def document(message: Message) -> dict[str, Any]:
    """A message as JSON: what it is about as a whole, and its notices, each with its own event id."""
    return {
        "message_id": message.message_id,
        "incident": message.incident,
        "title": message.title,
        "status": message.status.value,
        "severity": message.severity.value,
        "count": message.count,
        "firing": message.firing,
        "first_at": isoformat(message.first_at),
        "last_at": isoformat(message.last_at),
        "repeat": message.repeat,
        "test": message.test,
        "parts": dict(message.parts),
        "events": [_notice(notice) for notice in message.notices],
    }


def _notice(notice: Notice) -> dict[str, Any]:
    return {
        "event_id": notice.notice_id,
        "workset_id": notice.subject,
        "seq": notice.seq or None,
        "at": isoformat(notice.at),
        "event_type": notice.event_type,
        "kind": notice.kind,
        "state": notice.state,
        "severity": notice.severity.value,
        "status": notice.status.value,
        "fingerprint": notice.fingerprint,
        "priority": notice.priority,
        "cluster": notice.cluster,
        "category": notice.category,
        "actor": notice.actor,
        "text": notice.text,
    }


def signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """`v1,` and the base64 of HMAC-SHA256 over `ID.TIMESTAMP.BODY`; a secret `whsec_...` is base64 itself."""
    key = secret.encode()
    if secret.startswith(SECRET_PREFIX):
        try:
            key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
        except binascii.Error:
            key = secret.encode()
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


class WebhookChannel:
    """Posts each message once more often than the receiver may have seen it: `webhook-id` tells it apart."""

    incidents = False

    def __init__(self, name: str, url: str, secret: str | None = None) -> None:
        self.name = name
        self._url, self._secret = url, secret

    def send(self, message: Message) -> str:
        """Deliver. Raises ChannelDown, ChannelRefused."""
        body = json.dumps(document(message)).encode()
        timestamp = str(int(time.time()))
        headers = {
            "content-type": "application/json",
            "user-agent": "wsmon",
            "webhook-id": message.message_id,
            "webhook-timestamp": timestamp,
        }
        if self._secret:
            headers["webhook-signature"] = signature(self._secret, message.message_id, timestamp, body)
        hidden = [*parts_of(self._url), self._secret or ""]
        reply = checked(post(self._url, body, headers, hidden=hidden))
        return f"HTTP {reply.status}"

"""Messages: notices of one group, or of several in a summary, as a channel is sent them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wsmon.domain.grouping import incident_of
from wsmon.domain.notices import Notice, Severity, Status, notice_document, notice_from
from wsmon.domain.times import Instant

Key = tuple[str, int]
MAX_LISTED = 100
"""A message lists so many of its notices; its count tells of all."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What is about to be sent, as it is written down before: after a crash the same goes out again."""

    message_id: str
    keys: tuple[Key, ...]
    groups: Mapping[str, int]
    """Group -> how many of its notices; several make a summary."""
    alerts: tuple[Notice, ...] = ()
    """Notices that no event brings back."""
    firing: int = 0
    """How many conditions of the group still hold."""
    untaken: int = 0
    """How many of those nobody has taken on."""
    repeat: bool = False
    held: int = 0
    """How many that were held back it tells of; then it has no keys."""
    first_at: Instant = 0
    last_at: Instant = 0


def outgoing_document(out: Outgoing) -> dict[str, Any]:
    """As JSON's own types."""
    return {
        "id": out.message_id,
        "keys": out.keys,
        "groups": dict(out.groups),
        "alerts": [notice_document(notice) for notice in out.alerts],
        "firing": out.firing,
        "untaken": out.untaken,
        "repeat": out.repeat,
        "held": out.held,
        "span": [out.first_at, out.last_at],
    }


def outgoing_from(document: Mapping[str, Any]) -> Outgoing:
    """What `outgoing_document` made, back."""
    return Outgoing(
        message_id=document["id"],
        keys=tuple((name, seq) for name, seq in document["keys"]),
        groups=document["groups"],
        alerts=tuple(notice_from(item) for item in document["alerts"]),
        firing=document["firing"],
        untaken=document.get("untaken", 0),
        repeat=document["repeat"],
        held=document["held"],
        first_at=document["span"][0],
        last_at=document["span"][1],
    )


@dataclass(frozen=True, slots=True)
class Message:
    """What a channel is sent."""

    message_id: str
    """The same whenever the same notices are sent again."""
    incident: str
    """Names the condition for channels that keep one incident a group; the same for its begin and its end."""
    title: str
    status: Status
    severity: Severity
    notices: Sequence[Notice]
    """In order; at most MAX_LISTED of them."""
    count: int
    """How many notices it tells of in all."""
    first_at: Instant
    last_at: Instant
    firing: int = 0
    untaken: int = 0
    parts: Mapping[str, int] = field(default_factory=dict)
    """Of a summary: group -> how many of its notices."""
    repeat: bool = False
    test: bool = False

    def only(self, name: str) -> str:
        """The value that all its notices share in a field, else an empty text."""
        values = {str(getattr(notice, name)) for notice in self.notices}
        return values.pop() if len(values) == 1 and self.count == len(self.notices) else ""


def message_id(channel: str, keys: Iterable[Key]) -> str:
    """A message's id: 32 hexadecimal digits that its notices' keys make."""
    text = "\n".join([channel, *(f"{name}\t{seq}" for name, seq in keys)])
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]


def compose(out: Outgoing, notices: Sequence[Notice], by: Sequence[str], store_id: str) -> Message:
    """The message of what was written down; `notices` are those of its keys, none where it tells of held-back ones.

    The same condition is another incident in another store: two of them may share a team or a service.
    """
    summary = len(out.groups) > 1 or bool(out.held)
    worst = max((notice.severity for notice in notices), key=lambda s: s.rank, default=Severity.WARNING)
    moments = [notice.at for notice in notices] or [out.first_at, out.last_at]
    return Message(
        message_id=out.message_id,
        incident=_named(store_id, incident_of(notices[0], by)) if notices and not summary else out.message_id,
        title=_title(out, notices, summary=summary),
        status=notices[0].status if notices and not summary else Status.INFO,
        severity=worst,
        notices=tuple(notices[:MAX_LISTED]),
        count=out.held or len(notices),
        first_at=min(moments),
        last_at=max(moments),
        firing=out.firing,
        untaken=out.untaken,
        parts=dict(out.groups) if summary else {},
        repeat=out.repeat,
    )


def _named(store_id: str, incident: str) -> str:
    return hashlib.sha256(f"{store_id}\n{incident}".encode()).hexdigest()[:32]


def _title(out: Outgoing, notices: Sequence[Notice], *, summary: bool) -> str:
    if summary:
        return f"{out.held or len(notices)} notices {'that were held back' if out.held else 'in one'}"
    first = notices[0]
    mark = {Status.RESOLVED: "resolved: ", Status.ACKNOWLEDGED: "acknowledged: "}.get(first.status, "")
    mark = f"still: {mark}" if out.repeat else mark
    what = first.kind if first.event_type == "alert" else first.state
    if first.status is Status.RESOLVED and first.event_type != "alert":
        what = first.fingerprint.partition("/")[0]
    category = f" ({first.category})" if first.category else ""
    if len(notices) == 1:
        return f"{mark}{first.subject}: {what}{category}"
    return f"{mark}{len(notices)} x {what}{category}"

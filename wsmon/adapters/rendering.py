"""A message as text for people, every control character made visible."""

from __future__ import annotations

from wsmon.domain.messages import Message
from wsmon.domain.notices import Notice
from wsmon.domain.times import isoformat
from wsmon.domain.visible import visible

LISTED = 20
CUT = "[cut: the rest was too long]"


def title_of(message: Message) -> str:
    """One line."""
    return visible(f"[test] {message.title}" if message.test else message.title)


def lines_of(message: Message, listed: int = LISTED) -> list[str]:
    """What happened to what, one line each, and what could not be listed as a number."""
    lines = [visible(f"{message.severity.value}, {message.status.value}, {message.count} in all")]
    lines += [f"{count} x {visible(group)}" for group, count in message.parts.items()]
    lines += [_line(notice) for notice in message.notices[:listed]]
    left = message.count - min(listed, len(message.notices))
    if left > 0 and message.notices:
        lines.append(f"and {left} more")
    if message.status.value == "resolved" and message.firing:
        lines.append(f"{message.firing} of these still stand")
    lines.append(f"from {isoformat(message.first_at)} to {isoformat(message.last_at)}")
    return lines


def _line(notice: Notice) -> str:
    about = [notice.state, notice.category, notice.priority, notice.cluster]
    text = f"{notice.subject}: {' '.join(part for part in about if part)}"
    return visible(f"{text}: {notice.text}" if notice.text else text)


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, the cut said."""
    return text if len(text) <= limit else text[: limit - len(CUT) - 1] + "\n" + CUT


def cut_bytes(text: str, limit: int) -> str:
    """At most `limit` bytes of UTF-8, the cut said."""
    data = text.encode()
    if len(data) <= limit:
        return text
    return data[: limit - len(CUT) - 1].decode(errors="ignore") + "\n" + CUT

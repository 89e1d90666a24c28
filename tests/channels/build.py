"""Messages to send."""

from __future__ import annotations

from typing import Any

from wsmon.domain.messages import Message, Outgoing, compose, message_id
from wsmon.domain.notices import Notice, Severity, Status

BY = ("event_type", "state", "category")
T0 = 1_800_000_000_000_000
HOSTILE = "a;rm -rf ~ [bold]x[/] <b>&'\"%s{}🧬世界 \x1b[31m\nline \ud800 <!channel> @here `x` " + "z" * 3000


def notice(n: int = 1, **more: Any) -> Notice:
    values: dict[str, Any] = {
        "notice_id": f"w{n}:4",
        "subject": f"w{n}",
        "seq": 4,
        "at": T0 + n,
        "event_type": "error",
        "kind": "fail",
        "state": "error",
        "severity": Severity.WARNING,
        "status": Status.FIRING,
        "fingerprint": f"error/w{n}",
        "priority": "normal",
        "cluster": "pool",
        "category": "data",
        "actor": "m1",
        "text": f"w{n} broke",
    }
    return Notice(**{**values, **more})


def message(*notices: Notice, **more: Any) -> Message:
    found = notices or (notice(),)
    keys = tuple(one.key for one in found)
    out = Outgoing(message_id("c", keys), keys, more.pop("groups", {"firing error": len(found)}), **more)
    return compose(out, found, BY, "store")

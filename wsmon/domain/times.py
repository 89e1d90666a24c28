"""Moments are integers: microseconds since the epoch, UTC. Durations are seconds."""

from __future__ import annotations

import datetime as dt

Instant = int
"""Microseconds since 1970-01-01T00:00:00Z."""
_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001  naive: its text has no offset, and it is faster


def micros(seconds: float) -> int:
    """Seconds as whole microseconds."""
    return round(seconds * 1_000_000)


def isoformat(at: Instant) -> str:
    """`2026-11-24T10:00:00.000000Z`; sorts as the moment does."""
    return (_EPOCH + dt.timedelta(microseconds=at)).isoformat(timespec="microseconds") + "Z"


def from_datetime(moment: dt.datetime) -> Instant:
    """A datetime as an instant; a naive one is taken as UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    delta = moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return delta // dt.timedelta(microseconds=1)


def age(seconds: float) -> str:
    """A duration for a narrow column: `42s`, `7m`, `3h05`, `2d04h`; seconds only under a minute."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    minutes = whole // 60
    if minutes < 60:
        return f"{minutes}m"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}h{minutes:02d}"
    days, hours = divmod(hours, 24)
    return f"{days}d{hours:02d}h"

"""What the relay is told at its start."""

from __future__ import annotations

from dataclasses import dataclass, field

from wsmon.domain.grouping import GroupRule, Route
from wsmon.domain.ruling import Ruling
from wsmon.ports import Channel


@dataclass(frozen=True, slots=True)
class ChannelPlan:
    """A channel, what it wants and how fast it may be told."""

    channel: Channel
    route: Route = field(default_factory=Route)
    per_minute: float = 30.0
    """Messages; what is over is held back and told as a summary."""


@dataclass(frozen=True, slots=True)
class RelayConfig:
    """How the relay works; seconds."""

    holder: str
    duty_seconds: float = 60.0
    skew_seconds: float = 60.0
    poll_seconds: float = 5.0
    rule: GroupRule = field(default_factory=GroupRule)
    ruling: Ruling = field(default_factory=Ruling)

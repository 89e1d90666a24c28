"""What the handlers share, and who is asking."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol

from fastapi import Depends, Header, Path, Request

from wsmon.api.hub import Hub
from wsmon.api.metrics import Meters
from wsmon.domain.errors import InvalidInput
from wsmon.domain.queueing import Policy
from wsmon.domain.roles import Role
from wsmon.domain.ruling import Ruling
from wsmon.domain.spec import MAX_ID_BYTES, check_name
from wsmon.ports import Log, StateStore
from wsmon.services.access import Access, Identity
from wsmon.services.commands import Commands
from wsmon.services.locking import Locks
from wsmon.services.scheduler import Scheduler as Planner

SLASH = "\x1f"
"""Stands for a slash inside an id on the way through the router; no id may hold it."""


class Scheduler(Protocol):
    """What the API asks of a scheduler."""

    def get_next_workset(self) -> Any:
        """The workset that should run next, as a mapping, or None."""

    def get_scheduling_stats(self) -> dict[str, Any]:
        """The figures of `/scheduler/stats`."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of what one client may ask."""

    rate: str = "120000/minute"
    denied_rate: str = "600/minute"
    body_bytes: int = 1_048_576
    body_seconds: float = 10.0
    streams: int = 64


@dataclass(slots=True)
class Shared:
    """Everything behind one application."""

    commands: Commands
    access: Access
    locks: Locks
    log: Log
    scheduler: Scheduler | None = None
    policy: Policy = field(default_factory=Policy)
    """By which worksets are ordered and decided on."""
    planner: Callable[[], Planner] | None = None
    """The scheduler as set, clusters that may be made included; None: by the policy alone."""
    ruling: Ruling | None = None
    """What is said of the rules of alerts; None for nothing."""
    tokens_required: bool = False
    """Whether nobody comes in without a token even while none is configured."""
    limits: Limits = field(default_factory=Limits)
    meters: Meters = field(default_factory=Meters)
    refresh_seconds: float = 1.0
    skew_seconds: float = 60.0
    verbose: bool = False
    """Whether every request is logged."""
    hub: Hub = field(init=False)

    def __post_init__(self) -> None:
        self.hub = Hub(
            self.store,
            self.log,
            self.meters.streams,
            streams=self.limits.streams,
            refresh_seconds=self.refresh_seconds,
        )

    @property
    def store(self) -> StateStore:
        """The store."""
        return self.commands.store


def shared(request: Request) -> Shared:
    """The application's shared part."""
    found: Shared = request.app.state.shared
    return found


def said_by(role: Role) -> Callable[[Request], Awaitable[Commands]]:
    """The commands of whoever is asking. The commands service refuses those whose role does not cover `role`."""

    async def commands(request: Request) -> Commands:
        identity: Identity = request.state.identity
        said = shared(request).commands.acting_as(identity.actor, identity.role)
        said.allow(role)
        return said

    return commands


def _workset_id(workset_id: str) -> str:
    return check_name("workset id", workset_id.replace(SLASH, "/"), MAX_ID_BYTES)


async def _id(
    workset_id: Annotated[
        str, Path(description="The workset's id; a slash in it is written %2F.", examples=["ws-001"], min_length=1)
    ],
) -> str:
    return _workset_id(workset_id)


async def _seen(
    if_match: Annotated[
        str | None, Header(description="Only if the workset is at this version (its ETag).", examples=['"7"'])
    ] = None,
) -> int | None:
    """The version a write is conditional on. A tag that names none of ours never matches."""
    if if_match is None or if_match.strip() == "*":
        return None
    tags = [tag.strip().removeprefix("W/").strip('"') for tag in if_match.split(",")]
    revs = [int(tag) for tag in tags if tag.isascii() and tag.isdecimal() and len(tag) < 16]
    if len(revs) > 1:
        raise InvalidInput("If-Match names several versions; name the one that was seen")
    return revs[0] if revs else -1


Api = Annotated[Shared, Depends(shared)]
Reader = Annotated[Commands, Depends(said_by(Role.READER))]
Operator = Annotated[Commands, Depends(said_by(Role.OPERATOR))]
Admin = Annotated[Commands, Depends(said_by(Role.ADMIN))]
WorksetId = Annotated[str, Depends(_id)]
Seen = Annotated[int | None, Depends(_seen)]


def etag(rev: int) -> str:
    """The entity tag of a workset at `rev`."""
    return f'"{rev}"'

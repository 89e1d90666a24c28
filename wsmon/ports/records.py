"""What a store gives back beside the values of the domain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from wsmon.domain.change import Event
from wsmon.domain.times import Instant
from wsmon.domain.workset import Row


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """How a face names the store."""

    engine: str
    """`sqlite` or `dynamodb`."""
    name: str
    """The file or the table."""
    region: str = ""
    endpoint: str = ""
    shared: bool = False
    """Whether other machines may work on it."""


@dataclass(frozen=True, slots=True)
class RowPage:
    """One page of a queue; `cursor` is None at the end."""

    rows: Sequence[Row]
    cursor: str | None
    malformed: Sequence[str] = ()
    """Ids whose row cannot be read; they break nothing else."""


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Events after a cursor; `cursor` is where to go on, `more` whether another page waits now.

    Events may come twice and, on an index that lags, late; a reader drops what it knows
    by (workset_id, seq) and fills gaps in a seq from the history.
    """

    events: Sequence[Event]
    cursor: str
    more: bool = False
    cursors: Sequence[str] = ()
    """For each event the cursor that goes on after it."""


@dataclass(frozen=True, slots=True)
class OutboxPage:
    """Undelivered events after a place; `cursor` is where to go on, `more` whether another page waits now.

    `broken` names, as (workset_id, seq), events that cannot be read back, each with why.
    """

    events: Sequence[Event]
    cursor: str
    more: bool = False
    broken: Mapping[tuple[str, int], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MonitorRecord:
    """A monitor and its last heartbeat."""

    name: str
    host: str
    pid: int
    started_at: Instant
    heartbeat_at: Instant
    version: str = ""
    place_id: str = ""
    holding: int = 0
    stopping: bool = False
    most: int = 0
    """How many runs it attends at once; 0: unknown."""
    pool: str = ""
    """Its own machine's pool, where no other monitor but this machine's starts anything."""


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """Who may use the API, known by the digest of a secret that is kept nowhere."""

    token_id: str
    name: str
    """The actor on its events."""
    role: str
    digest: str
    """SHA-256 of the secret, in hexadecimal digits."""
    created_at: Instant
    created_by: str
    expires_at: Instant | None = None

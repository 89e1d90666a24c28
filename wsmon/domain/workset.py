"""The records: workset, lease, run, failure, and the row a panel shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wsmon.domain.needs import needs_of
from wsmon.domain.ordering import queue_moment as queue_moment  # noqa: PLC0414  it belongs to the records
from wsmon.domain.pool import Taken
from wsmon.domain.states import WAITING, ErrorCategory, WorksetPriority, WorksetState
from wsmon.domain.times import Instant, micros

JSONObject = Mapping[str, Any]
LeaseMark = tuple[int, int]
"""(token, renewal) of a lease as somebody observed it."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Who works on a workset and until when; the token is the fence."""

    workset_id: str
    holder: str
    token: int
    renewal: int
    duration: float
    """Seconds from an acquisition or renewal to the expiry."""
    acquired_at: Instant
    expires_at: Instant

    @property
    def mark(self) -> LeaseMark:
        """What a takeover must have seen unchanged."""
        return (self.token, self.renewal)

    def renewed(self, now: Instant) -> Lease:
        """The same lease after a renewal stamped `now`."""
        return Lease(
            self.workset_id,
            self.holder,
            self.token,
            self.renewal + 1,
            self.duration,
            self.acquired_at,
            now + micros(self.duration),
        )


@dataclass(frozen=True, slots=True)
class RunRecord:
    """Where a run was started: place, run token and folder."""

    run_token: int
    place_id: str
    host: str
    boot_id: str
    folder: str


@dataclass(frozen=True, slots=True)
class Failure:
    """The last failure of a workset."""

    category: ErrorCategory
    details: str
    at: Instant
    failed_step: str | None = None


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """Somebody asked for the end of a workset that is held."""

    by: str
    at: Instant
    reason: str


@dataclass(frozen=True, slots=True)
class Workset:
    """A workset as the store keeps it; `rev` equals the seq of its last event."""

    workset_id: str
    bucket: str
    prefix: str
    state: WorksetState
    priority: WorksetPriority
    rev: int
    registered_at: Instant
    queued_at: Instant
    """When it became ready: registration or the last requeue; orders the queue."""
    updated_at: Instant
    """`at` of its last event."""
    metadata: JSONObject = field(default_factory=dict)
    requirements: JSONObject = field(default_factory=dict)
    metrics: JSONObject = field(default_factory=dict)
    token: int = 0
    """The highest fencing token ever handed out for this id."""
    holder: str | None = None
    lock_ended: str | None = None
    """The verb that ended the last lock."""
    locked_at: Instant | None = None
    started_at: Instant | None = None
    ended_at: Instant | None = None
    retry_after: Instant | None = None
    attempt: int = 0
    expiries: int = 0
    """Locks that died without a start since the last attempt was counted."""
    current_step: str | None = None
    cluster: str | None = None
    slot: str | None = None
    """The cluster on which a slot is held, exactly while locked for it or in progress."""
    taken: Taken | None = None
    """What the slot's claim took besides it."""
    affinity: str | None = None
    run: RunRecord | None = None
    failure: Failure | None = None
    cancel: CancelRequest | None = None
    archived_from: WorksetState | None = None
    change_id: str = ""
    """Of the last change, so that a lost reply can be resolved."""


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What a purge leaves: a new registration goes on from its token and rev."""

    workset_id: str
    token: int
    rev: int
    updated_at: Instant
    change_id: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """What the panels and listings need of a workset; small enough for an index and an event."""

    workset_id: str
    state: WorksetState
    priority: WorksetPriority
    rev: int
    updated_at: Instant
    queued_at: Instant
    bucket: str = ""
    prefix: str = ""
    holder: str | None = None
    token: int = 0
    locked_at: Instant | None = None
    started_at: Instant | None = None
    ended_at: Instant | None = None
    retry_after: Instant | None = None
    attempt: int = 0
    current_step: str | None = None
    cluster: str | None = None
    category: ErrorCategory | None = None
    error: str | None = None
    """The head of the failure's details, at most 200 characters."""
    cancel_asked: bool = False
    place_id: str | None = None
    registered_at: Instant | None = None
    affinity: str | None = None
    needs: JSONObject | None = None
    """What it needs of a cluster, while it waits; None for nothing in particular."""
    samples: int | None = None
    """How many, where its metadata says so."""


ROW_ERROR_CHARS = 200
ROW_TEXT_CHARS = 120


def row_of(workset: Workset) -> Row:
    """The row of a workset."""
    failure = workset.failure
    return Row(
        workset_id=workset.workset_id,
        state=workset.state,
        priority=workset.priority,
        rev=workset.rev,
        updated_at=workset.updated_at,
        queued_at=workset.queued_at,
        bucket=workset.bucket[:ROW_TEXT_CHARS],
        prefix=workset.prefix[:ROW_TEXT_CHARS],
        holder=workset.holder,
        token=workset.token,
        locked_at=workset.locked_at,
        started_at=workset.started_at,
        ended_at=workset.ended_at,
        retry_after=workset.retry_after,
        attempt=workset.attempt,
        current_step=workset.current_step[:ROW_TEXT_CHARS] if workset.current_step else None,
        cluster=workset.cluster,
        category=failure.category if failure else None,
        error=failure.details[:ROW_ERROR_CHARS] if failure else None,
        cancel_asked=workset.cancel is not None,
        place_id=workset.run.place_id if workset.run else None,
        registered_at=workset.registered_at,
        affinity=workset.affinity,
        needs=_needs(workset),
        samples=_samples(workset.metadata),
    )


def _samples(metadata: JSONObject) -> int | None:
    count = metadata.get("samples")
    return count if isinstance(count, int) and not isinstance(count, bool) and 0 <= count < 10**9 else None


def _needs(workset: Workset) -> JSONObject | None:
    if workset.state not in WAITING:
        return None
    return needs_of(workset.requirements, workset.metadata).document() or None


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how soon a retryable failure is tried again.

    The delay before attempt n+1 is `base * 2**(n-1)` seconds, at most `cap`, times a
    factor drawn evenly from [0.5, 1) (equal jitter: Brooker, "Exponential Backoff And
    Jitter", AWS Architecture Blog, 2015).
    """

    max_attempts: int = 3
    base: float = 30.0
    cap: float = 3600.0
    max_expiries: int = 3

    def delay(self, attempt: int, jitter: float) -> float:
        """Seconds to wait after `attempt` failed; `jitter` lies in [0, 1)."""
        doublings = min(max(attempt, 1) - 1, 60)  # beyond 60 every cap is reached, and floats stay finite
        return min(self.cap, self.base * 2.0**doublings) * (0.5 + jitter / 2)

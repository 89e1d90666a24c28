"""The shapes of what comes in and goes out, as the schema shows them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from wsmon.domain.states import ErrorCategory, WorksetPriority, WorksetState

Reason = Annotated[str, Field(description="Why; kept in the history.", max_length=4096, examples=["its host is gone"])]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Out(BaseModel):
    model_config = ConfigDict(extra="allow")


class WorksetCreate(_In):
    """A workset to be registered."""

    workset_id: str = Field(min_length=1, description="Its id, for ever.", examples=["ws-001"])
    bucket: str = Field(min_length=1, description="Where its input lies.", examples=["my-bucket"])
    prefix: str = Field(description="Its folder in the bucket.", examples=["worksets/ws-001/"])
    priority: WorksetPriority = Field(WorksetPriority.NORMAL, description="Its tier in the queue.")
    metadata: dict[str, Any] | None = Field(None, description="Anything about it.", examples=[{"samples": 10}])
    requirements: dict[str, Any] | None = Field(None, description="What it needs of a cluster.")
    affinity: str | None = Field(None, description="The only cluster it may run on.")


class StateUpdate(_In):
    """The state wanted; each means one verb of the table."""

    state: WorksetState = Field(description="Where it shall go.", examples=["in_progress"])
    reason: Reason
    error_details: str | None = Field(None, description="With error, failed and retrying: what went wrong.")
    cluster_name: str | None = Field(None, description="With in_progress: where it runs.")
    metrics: dict[str, Any] | None = Field(
        None, description="With in_progress, complete, error, failed and retrying: what was measured."
    )
    owner_id: str | None = Field(None, description="Who holds the lock; by default whoever holds it now.")
    error_category: ErrorCategory | None = Field(None, description="With error, failed and retrying; else permanent.")
    failed_step: str | None = Field(None, description="With error, failed and retrying: where it failed.")


class NeededReason(_In):
    """Why."""

    reason: Reason


class OptionalReason(_In):
    """Why, if anybody shall know."""

    reason: Reason | None = None


class PriorityChange(OptionalReason):
    """Another tier."""

    priority: WorksetPriority


class AffinityChange(OptionalReason):
    """The cluster a workset is tied to, or null to untie it."""

    cluster: str | None


class WorksetOut(_Out):
    """A workset. In a listing with `full=false`, metadata, requirements and metrics are null."""

    workset_id: str = Field(examples=["ws-001"])
    state: WorksetState
    priority: WorksetPriority
    bucket: str
    prefix: str
    created_at: str = Field(description="ISO-8601, UTC; so is every moment.", examples=["2026-11-24T10:00:00.000000Z"])
    updated_at: str
    cluster_name: str | None = None
    error_details: str | None = None
    metrics: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    requirements: dict[str, Any] | None = None
    rev: int = Field(description="The version; its ETag.")
    token: int = Field(description="The highest fencing token handed out.")
    owner: str | None = Field(None, description="Who holds the lock.")
    attempt: int
    current_step: str | None = None
    retry_after: str | None = None


class LockOut(_Out):
    """A lock that is held now."""

    status: Literal["locked"] = "locked"
    workset_id: str
    owner_id: str
    token: int = Field(description="The fencing token.")
    seconds: float = Field(description="How long it lives from an acquisition or refresh.")
    acquired_at: str
    expires_at: str


class UnlockOut(BaseModel):
    """A lock given back."""

    status: Literal["unlocked"] = "unlocked"
    workset_id: str
    released: bool = Field(description="False where this very lock had ended already.")


class EventOut(_Out):
    """A row of the audit trail; (workset_id, seq) names it for ever."""

    workset_id: str
    seq: int
    at: str
    verb: str
    actor: str
    before: str | None = None
    after: str | None = None
    token: int
    reason: str | None = None
    detail: dict[str, Any] | None = None


class WhyOut(_Out):
    """A decision about a workset, and what every cluster said to it."""

    workset_id: str
    state: str
    position: int | str | None = Field(None, description="In the queue; `> n` beyond what one plan sees.")
    estimated_start: str | None = None
    pool: str | None = Field(None, description="That there is no cluster, where that is so.")
    monitors: str | None = Field(None, description="Why no monitor takes what could start, where that is so.")
    creation: str | None = Field(None, description="How it stands with making a cluster, where that is switched on.")
    clusters: list[dict[str, Any]] = Field(
        [], examples=[[{"cluster": "c1", "verdict": "full", "reasons": ["3 of 3 slots taken"], "score": None}]]
    )


class QueueStats(BaseModel):
    """How many worksets stand where; exact."""

    queue_depth: dict[str, int] = Field(examples=[{"ready": 3, "in_progress": 1}])
    total_worksets: int
    ready_worksets: int
    in_progress_worksets: int
    error_worksets: int


class SchedulingStats(_Out):
    """The cluster pool as the scheduler sees it."""

    total_clusters: int
    total_vcpu_capacity: int
    total_vcpus_used: int
    vcpu_utilization_percent: float
    total_active_worksets: int
    queue_depth: dict[str, int]


class ClusterOut(_Out):
    """A cluster and the worksets that hold its slots."""

    name: str
    slots: int
    health: str
    updated_at: str
    claims: dict[str, Any]
    life: dict[str, Any] | None = Field(None, description="What was decided about it: being made, taken down, why.")


class MonitorOut(_Out):
    """A monitor and its last heartbeat."""

    name: str
    host: str
    started_at: str
    heartbeat_at: str


class AlertOut(_Out):
    """A condition that a person should know of."""

    fingerprint: str
    kind: str
    severity: str
    subject: str
    text: str
    first_at: str
    last_at: str
    count: int
    status: str = Field(description="`firing`, `acknowledged` or `resolved`.")
    priority: str = Field("", description="Of its workset, as are state and category; empty where it is about none.")
    state: str = ""
    category: str = ""
    cluster: str = Field("", description="Its workset's, or the one that it is about.")


class Health(BaseModel):
    """That the service is there."""

    status: str = Field(examples=["healthy"])
    service: str = "wsmon"
    version: str
    timestamp: str


class Readiness(BaseModel):
    """Whether the store answers."""

    status: str = Field(examples=["ready"])
    store: str = Field(description="The engine.", examples=["sqlite"])

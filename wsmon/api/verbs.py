"""Everything an operator says to one workset, and its history."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query, Response

from wsmon.api.context import Admin, Api, Operator, Reader, Seen, WorksetId
from wsmon.api.problems import described
from wsmon.api.shapes import (
    AffinityChange,
    EventOut,
    NeededReason,
    OptionalReason,
    PriorityChange,
    WhyOut,
    WorksetOut,
)
from wsmon.api.worksets import ETAG, LINK, answer
from wsmon.domain.errors import NotFound
from wsmon.services.documents import event_document
from wsmon.services.scheduler import Scheduler

router = APIRouter(prefix="/worksets/{workset_id}", tags=["verbs"])
CHANGED: dict[int | str, dict[str, Any]] = {**described(404, 409, 412), 200: ETAG}
NO_REASON = OptionalReason()


@router.get("/history", response_model=list[EventOut], responses={**described(404), 200: LINK})
def history(
    workset_id: WorksetId,
    said: Reader,
    response: Response,
    after_seq: Annotated[int, Query(ge=0, le=10**9, description="Only events after this one.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000, description="At most so many.")] = 200,
) -> list[dict[str, Any]]:
    """A workset's events, oldest first; a purged one's too."""
    events = said.store.history(workset_id, after_seq, limit + 1)
    if not events and not said.store.history(workset_id, 0, 1):
        raise NotFound(workset_id)
    if len(events) > limit:
        events = events[:limit]
        query = urlencode({"after_seq": events[-1].seq, "limit": limit})
        path = f"/worksets/{quote(workset_id, safe='')}/history"
        response.headers["Link"] = f'<{path}?{query}>; rel="next"'
    return [event_document(event) for event in events]


@router.get("/why", response_model=WhyOut | None, responses=described(404), tags=["scheduling"])
def why(workset_id: WorksetId, api: Api, said: Reader) -> dict[str, Any] | None:
    """Why a workset waits, or runs where it runs, with every cluster's verdict; null where no decision is known."""
    planner = api.planner() if api.planner is not None else Scheduler(said.store, said.clock, api.policy)
    return planner.why(workset_id, said.get(workset_id))


@router.post("/requeue", response_model=WorksetOut, responses=CHANGED)
def requeue(
    workset_id: WorksetId, body: NeededReason, said: Operator, seen: Seen, response: Response
) -> dict[str, Any]:
    """Ready again, attempts anew."""
    return answer(said.requeue(workset_id, reason=body.reason, seen=seen), response)


@router.post("/unlock", response_model=WorksetOut, responses=CHANGED)
def unlock(workset_id: WorksetId, body: NeededReason, said: Operator, seen: Seen, response: Response) -> dict[str, Any]:
    """End anybody's lock by force; its holder is fenced out at once, and a run is not touched."""
    return answer(said.unlock(workset_id, reason=body.reason, seen=seen), response)


@router.post("/ignore", response_model=WorksetOut, responses=CHANGED)
def ignore(
    workset_id: WorksetId, said: Operator, seen: Seen, response: Response, body: OptionalReason = NO_REASON
) -> dict[str, Any]:
    """Take a workset out of the queue until a requeue."""
    return answer(said.ignore(workset_id, reason=body.reason, seen=seen), response)


@router.post("/cancel", response_model=WorksetOut, responses=CHANGED)
def cancel(
    workset_id: WorksetId, said: Operator, seen: Seen, response: Response, body: OptionalReason = NO_REASON
) -> dict[str, Any]:
    """Ask for the end of a held workset; its holder carries it out."""
    return answer(said.cancel(workset_id, reason=body.reason, seen=seen), response)


@router.post("/priority", response_model=WorksetOut, responses=CHANGED)
def priority(
    workset_id: WorksetId, body: PriorityChange, said: Operator, seen: Seen, response: Response
) -> dict[str, Any]:
    """Move a workset to another tier."""
    return answer(said.set_priority(workset_id, body.priority, reason=body.reason, seen=seen), response)


@router.post("/affinity", response_model=WorksetOut, responses=CHANGED)
def affinity(
    workset_id: WorksetId, body: AffinityChange, said: Operator, seen: Seen, response: Response
) -> dict[str, Any]:
    """Tie a workset to a cluster, or untie it."""
    return answer(said.set_affinity(workset_id, body.cluster, reason=body.reason, seen=seen), response)


@router.post("/archive", response_model=WorksetOut, responses=CHANGED)
def archive(
    workset_id: WorksetId, said: Operator, seen: Seen, response: Response, body: OptionalReason = NO_REASON
) -> dict[str, Any]:
    """Put a finished workset away."""
    return answer(said.archive(workset_id, reason=body.reason, seen=seen), response)


@router.post("/restore", response_model=WorksetOut, responses=CHANGED)
def restore(
    workset_id: WorksetId, said: Operator, seen: Seen, response: Response, body: OptionalReason = NO_REASON
) -> dict[str, Any]:
    """Bring an archived workset back to the state it had."""
    return answer(said.restore(workset_id, reason=body.reason, seen=seen), response)


@router.delete("", response_model=WorksetOut, responses=CHANGED)
def delete(
    workset_id: WorksetId,
    said: Operator,
    seen: Seen,
    response: Response,
    reason: Annotated[str | None, Query(description="Why; kept in the history.", max_length=4096)] = None,
) -> dict[str, Any]:
    """Mark a workset deleted; a purge takes it away."""
    return answer(said.delete(workset_id, reason=reason, seen=seen), response)


@router.post("/purge", status_code=204, responses=described(404, 409, 412))
def purge(workset_id: WorksetId, said: Admin, seen: Seen, body: OptionalReason = NO_REASON) -> None:
    """Take a deleted workset away for good; its history stays. For admins."""
    said.purge(workset_id, reason=body.reason, seen=seen)

"""The predecessor's routes: register, look, move to a state, lock and unlock."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Header, Query, Request, Response

from wsmon.api.context import Api, Operator, Reader, Seen, WorksetId, etag
from wsmon.api.problems import described
from wsmon.api.shapes import LockOut, StateUpdate, UnlockOut, WorksetCreate, WorksetOut
from wsmon.domain.errors import InvalidInput
from wsmon.domain.filters import parse_filter
from wsmon.domain.spec import WorksetSpec, check_name
from wsmon.domain.states import WorksetPriority, WorksetState
from wsmon.domain.times import from_datetime
from wsmon.domain.workset import Workset
from wsmon.ports import StateStore
from wsmon.services import listing as listings
from wsmon.services.documents import lease_document, record_document
from wsmon.services.targets import Target, move

router = APIRouter(tags=["worksets"])
FILTERS = frozenset(
    ["state", "priority", "cluster", "owner", "id", "changed_since", "filter", "limit", "cursor", "full"]
)
BATCH = 100
OwnerId = Annotated[str, Query(description="Who holds the lock, or wants to.", min_length=1, examples=["monitor-1"])]
ETAG = {"headers": {"ETag": {"description": "The workset's version.", "schema": {"type": "string"}}}}
LINK = {
    "headers": {
        "Link": {"description": "Where the next page is; absent on the last.", "schema": {"type": "string"}},
        "X-Malformed": {"description": "Ids whose records cannot be read.", "schema": {"type": "string"}},
    }
}


def answer(workset: Workset, response: Response) -> dict[str, Any]:
    """A workset's document, and its version as the ETag."""
    response.headers["ETag"] = etag(workset.rev)
    return record_document(workset)


@router.post("/worksets", status_code=201, response_model=WorksetOut, responses={**described(409), 201: ETAG})
def register(body: WorksetCreate, said: Operator, response: Response) -> dict[str, Any]:
    """Register a workset. 409 where the id is taken; nothing is changed then."""
    spec = WorksetSpec(
        body.workset_id,
        body.bucket,
        body.prefix,
        body.priority,
        body.metadata or {},
        body.requirements or {},
        body.affinity,
    )
    return answer(said.register(spec), response)


@router.get("/worksets", response_model=list[WorksetOut], responses={**described(), 200: LINK})
def list_worksets(
    api: Api,
    said: Reader,
    request: Request,
    response: Response,
    state: Annotated[WorksetState | None, Query(description="Only this state; by default all, in their order.")] = None,
    priority: Annotated[WorksetPriority | None, Query(description="Only this tier.")] = None,
    cluster: Annotated[str | None, Query(description="Only on this cluster.")] = None,
    owner: Annotated[str | None, Query(description="Only those whose lock this one holds.")] = None,
    pattern: Annotated[
        str | None, Query(alias="id", description="A shell pattern the id must match.", examples=["run-2026*"])
    ] = None,
    changed_since: Annotated[dt.datetime | None, Query(description="Only what changed since; UTC if unsaid.")] = None,
    text: Annotated[
        str | None,
        Query(
            alias="filter",
            max_length=4096,
            description="The filter language of the terminal UI: words and terms, all of which must hold.",
            examples=["error prio:urgent age>2h !owner:mon-1"],
        ),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="At most so many.")] = 100,
    cursor: Annotated[str | None, Query(description="From the Link header of the page before.")] = None,
    full: Annotated[bool, Query(description="Whole records; false is cheaper, see the schema.")] = True,
) -> list[dict[str, Any]]:
    """List worksets: by state, each in queue order. Follow the Link header to the next page."""
    for name in request.query_params.keys() - FILTERS:
        # What is mistyped would be no filter at all, and everything be listed.
        raise InvalidInput(f"query.{name[:80]} is none of a listing's; known are {', '.join(sorted(FILTERS))}")
    since = from_datetime(changed_since) if changed_since is not None else None
    wanted = parse_filter(text) if text is not None else None
    query = listings.Query(state, priority, cluster, owner, pattern, since, wanted, said.clock.now())
    page = listings.listing(said.store, query, cursor=cursor, limit=limit)
    whole = _whole(said.store, [row.workset_id for row in page.rows]) if full else {}
    if page.cursor is not None:
        kept = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
        response.headers["Link"] = f'</worksets?{urlencode([*kept, ("cursor", page.cursor)])}>; rel="next"'
    if page.malformed:
        api.log.warning("malformed worksets", ids=page.malformed[:10], count=len(page.malformed))
        response.headers["X-Malformed"] = ", ".join(ascii(one)[1:-1] for one in page.malformed[:10])
    return [record_document(whole.get(row.workset_id, row)) for row in page.rows]


def _whole(store: StateStore, ids: list[str]) -> dict[str, Workset]:
    found: dict[str, Workset] = {}
    for first in range(0, len(ids), BATCH):
        found |= store.records(ids[first : first + BATCH])
    return found


@router.get("/worksets/next", response_model=WorksetOut | None, tags=["scheduling"], responses=described())
def next_workset(api: Api, said: Reader) -> Any:
    """What should run next: by the scheduler where there is one, else the head of the queue. null when nothing waits."""
    if api.scheduler is not None:
        found = api.scheduler.get_next_workset()
        return dict(found) if found else None
    row = said.next(api.policy)
    return record_document(said.get(row.workset_id)) if row is not None else None


@router.get(
    "/worksets/{workset_id}",
    response_model=WorksetOut,
    responses={**described(404), 200: ETAG, 304: {"description": "Still at the version that If-None-Match names."}},
)
def get_workset(
    workset_id: WorksetId,
    said: Reader,
    response: Response,
    if_none_match: Annotated[str | None, Header(description="An ETag that is known already.")] = None,
) -> Any:
    """Everything about a workset."""
    workset = said.get(workset_id)
    known = {tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")}
    if etag(workset.rev) in known or "*" in known:
        return Response(status_code=304, headers={"ETag": etag(workset.rev)})
    return answer(workset, response)


@router.put(
    "/worksets/{workset_id}/state", response_model=WorksetOut, responses={**described(404, 409, 412), 200: ETAG}
)
def put_state(
    workset_id: WorksetId, body: StateUpdate, said: Operator, seen: Seen, response: Response
) -> dict[str, Any]:
    """Move a workset to a state, if the table of verbs has a way there.

    ready, in_progress, complete, error, failed and retrying are a holder's; from elsewhere ready is a requeue.
    """
    target = Target(
        state=body.state,
        reason=body.reason,
        error_details=body.error_details,
        category=body.error_category,
        failed_step=body.failed_step,
        cluster=body.cluster_name,
        metrics=body.metrics or {},
    )
    return answer(move(said, workset_id, target, owner=body.owner_id, seen=seen), response)


@router.post("/worksets/{workset_id}/lock", response_model=LockOut, responses=described(404, 409))
def lock(
    workset_id: WorksetId,
    api: Api,
    said: Operator,
    owner_id: OwnerId,
    seconds: Annotated[float, Query(description="How long it lives without a refresh.", examples=[600])] = 3600.0,
) -> dict[str, Any]:
    """Take a workset's lock; one that is proven dead is taken over."""
    return _locked(api.locks.take(said, workset_id, holder=owner_id, seconds=seconds))


@router.put("/worksets/{workset_id}/lock", response_model=LockOut, responses=described(404, 409))
def refresh(workset_id: WorksetId, said: Operator, owner_id: OwnerId) -> dict[str, Any]:
    """Renew a lock by its whole duration, as its holder must before it expires."""
    return _locked(said.refresh(workset_id, holder=check_name("owner", owner_id)))


@router.delete("/worksets/{workset_id}/lock", response_model=UnlockOut, responses=described(404, 409))
def unlock(workset_id: WorksetId, api: Api, said: Operator, owner_id: OwnerId) -> dict[str, Any]:
    """Give a lock back; 403 for another than its holder. A finished workset stays finished."""
    token = said.token_of(workset_id, check_name("owner", owner_id))
    released = said.release(workset_id, token=token)
    api.locks.forget(workset_id)
    return {"status": "unlocked", "workset_id": workset_id, "released": released}


def _locked(lease: Any) -> dict[str, Any]:
    document = lease_document(lease)
    return {**document, "status": "locked", "owner_id": document["owner"]}

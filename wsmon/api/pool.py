"""What is around the worksets: queue, scheduler, clusters, monitors, alerts, and the server's own health."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException

from wsmon import __version__
from wsmon.api.context import SLASH, Api, Operator, Reader
from wsmon.api.problems import described
from wsmon.api.shapes import (
    AlertOut,
    ClusterOut,
    Health,
    MonitorOut,
    OptionalReason,
    QueueStats,
    Readiness,
    SchedulingStats,
)
from wsmon.domain.lives import life_document
from wsmon.domain.states import WorksetState
from wsmon.domain.times import isoformat
from wsmon.services.alarms import Alarms
from wsmon.services.alerting import derive
from wsmon.services.documents import dated

router = APIRouter(tags=["monitoring"])
ALARMING = (WorksetState.IN_PROGRESS, WorksetState.ERROR, WorksetState.FAILED)
ALARMING_ROWS = 1000
NO_REASON = OptionalReason()


@router.get("/", response_model=Health, responses=described(), tags=["health"])
def root(api: Api) -> dict[str, Any]:
    """That the service is there. Needs no token."""
    now = isoformat(api.commands.clock.now())
    return {"status": "healthy", "service": "wsmon", "version": __version__, "timestamp": now}


@router.get("/healthz", response_model=Health, responses=described(), tags=["health"])
def healthz(api: Api) -> dict[str, Any]:
    """That the process is alive, whatever the store does. Needs no token."""
    return root(api)


@router.get("/readyz", response_model=Readiness, responses=described(), tags=["health"])
def readyz(api: Api) -> dict[str, Any]:
    """That the store answers; 503 where it does not. Needs no token."""
    api.store.tallies()
    return {"status": "ready", "store": api.store.info.engine}


@router.get(
    "/metrics",
    response_class=Response,
    responses={**described(), 200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(api: Api, said: Reader) -> Response:
    """Figures in Prometheus' text format."""
    return Response(api.meters.text(), media_type=CONTENT_TYPE_LATEST)


@router.get("/queue/stats", response_model=QueueStats, responses=described())
def queue_stats(said: Reader) -> dict[str, Any]:
    """How many worksets stand in each state; exact."""
    depth = {state.value: count for state, count in said.store.tallies().items()}
    return {
        "queue_depth": depth,
        "total_worksets": sum(depth.values()),
        "ready_worksets": depth["ready"],
        "in_progress_worksets": depth["in_progress"],
        "error_worksets": depth["error"],
    }


@router.get("/scheduler/stats", response_model=SchedulingStats, responses=described(), tags=["scheduling"])
def scheduler_stats(api: Api, said: Reader) -> dict[str, Any]:
    """The cluster pool as the scheduler sees it; 503 without a scheduler."""
    if api.scheduler is None:
        raise HTTPException(503, "no scheduler is configured; start the service with --enable-scheduler")
    return api.scheduler.get_scheduling_stats()


@router.get("/clusters", response_model=list[ClusterOut], responses=described())
def clusters(said: Reader) -> list[dict[str, Any]]:
    """The cluster pool by name."""
    found = said.store.clusters()
    return [{**dated(asdict(one)), "life": life_document(one.life) if one.life else None} for one in found]


@router.get("/monitors", response_model=list[MonitorOut], responses=described())
def monitors(said: Reader) -> list[dict[str, Any]]:
    """The monitors by name, with their last heartbeats."""
    return [dated(asdict(monitor)) for monitor in said.store.monitors()]


@router.get("/alerts", response_model=list[AlertOut], responses=described())
def alerts(api: Api, said: Reader) -> list[dict[str, Any]]:
    """What a person should know of; critical and newest first."""
    store = said.store
    rows = [row for state in ALARMING for row in store.page(state, limit=ALARMING_ROWS, newest_first=True).rows]
    leases = store.leases()
    dead = {lease.workset_id for lease in leases if api.locks.dead(lease)}
    silences, now = store.silences(), said.clock.now()
    return [
        {**dated(asdict(alert)), "silenced": any(silence.matches(alert, now) for silence in silences)}
        for alert in derive(rows, leases, dead, store.alerts(), api.ruling)
    ]


@router.post("/alerts/{name}/ack", response_model=list[AlertOut], responses=described(404))
def acknowledge(
    name: Annotated[
        str, Path(description="A fingerprint, its slash written %2F, or a workset's id.", examples=["ws-001"])
    ],
    api: Api,
    said: Operator,
    body: OptionalReason = NO_REASON,
) -> list[dict[str, Any]]:
    """Take on one alert, or all of a workset: it is told no more until it ends."""
    taken = Alarms(said, api.skew_seconds, api.ruling).ack(name.replace(SLASH, "/"), body.reason)
    return [dated(asdict(alert)) for alert in taken]

"""The application, put together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

import structlog
from fastapi import FastAPI

from wsmon import __version__
from wsmon.adapters.prometheus import fill_registry
from wsmon.api import events, page, pool, problems, verbs, worksets
from wsmon.api.context import Limits, Scheduler, Shared
from wsmon.api.guard import Guard
from wsmon.api.metrics import StoreFigures
from wsmon.domain.queueing import Policy
from wsmon.domain.ruling import Ruling
from wsmon.ports import Log
from wsmon.services.access import Access
from wsmon.services.commands import Commands
from wsmon.services.locking import Locks
from wsmon.services.metrics import gauges
from wsmon.services.scheduler import Scheduler as Planner

DESCRIPTION = """State, locks, queue and history of worksets.

Errors are problem details (RFC 9457). Moments are ISO-8601 in UTC. Every answer bears X-Request-ID, which the server's log
knows. A workset's ETag is its version: send it as If-Match and a write is refused (412) if somebody changed it meanwhile.
Tokens are made by `wsmon token create`; a reader looks, an operator says every verb but purge, an admin says all.
"""


class StateDB(Protocol):
    """A WorksetStateDB, or an engine."""

    @property
    def commands(self) -> Commands:
        """The verbs on its store."""


def create_app(
    state_db: StateDB,
    scheduler: Scheduler | None = None,
    *,
    tokens_required: bool = False,
    limits: Limits | None = None,
    policy: Policy | None = None,
    planner: Callable[[], Planner] | None = None,
    ruling: Ruling | None = None,
    skew_seconds: float = 60.0,
    log: Log | None = None,
    verbose: bool = False,
) -> FastAPI:
    """The application over a store.

    Without tokens in the store it serves this machine alone, whatever address the server listens
    on; with them, whoever has one. `tokens_required` lets nobody in without, even while there is none.
    `verbose` logs every request.
    """
    commands = state_db.commands
    told: Any = log if log is not None else structlog.get_logger()
    shared = Shared(
        commands=commands,
        access=Access(commands.store, commands.clock),
        locks=Locks(commands.clock, skew=skew_seconds),
        log=told,
        scheduler=scheduler,
        tokens_required=tokens_required,
        limits=limits or Limits(),
        policy=policy or Policy(),
        planner=planner,
        ruling=ruling,
        refresh_seconds=1.0 if commands.store.info.engine == "sqlite" else 2.0,
        skew_seconds=skew_seconds,
        verbose=verbose,
    )
    return _built(shared)


def _built(shared: Shared) -> FastAPI:
    """The application over `shared`."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        shared.hub.stop()

    app = FastAPI(
        title="wsmon",
        version=__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        redirect_slashes=False,
        separate_input_output_schemas=False,
        docs_url=None,
        redoc_url=None,
    )
    app.state.shared = shared
    shared.meters.registry.register(StoreFigures(shared.store, shared.commands.clock))
    fill_registry(shared.meters.registry, lambda: gauges(shared.store, shared.commands.clock, shared.ruling))
    problems.install(app)
    page.install(app)
    for router in (pool.router, worksets.router, verbs.router, events.router):
        app.include_router(router)
    app.add_middleware(Guard, shared=shared)
    app.openapi = _schema(app, app.openapi)  # type: ignore[method-assign]
    return app


def _schema(app: FastAPI, made: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    """The schema with the problems' shape, and the token as the way in."""

    def schema() -> dict[str, Any]:
        if app.openapi_schema is None:
            found = made()
            problems.gather(found)
            found["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            for path, operations in found["paths"].items():
                for operation in operations.values():
                    operation["security"] = [{}] if path in {"/", "/healthz", "/readyz"} else [{"token": []}]
            app.openapi_schema = found
        return app.openapi_schema

    return schema

"""`wsmon api`: the application behind uvicorn, on loopback unless there are tokens."""

from __future__ import annotations

import json
import os
import signal
import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import ChangeReload

from wsmon.adapters.listening import is_loopback, listen, refuse_open_door, url_of
from wsmon.adapters.log import make_log
from wsmon.api.application import create_app
from wsmon.api.context import Limits, Scheduler
from wsmon.api.patience import patient
from wsmon.engine import Engine, open_engine
from wsmon.ports import Log
from wsmon.services.pooling import StorePool
from wsmon.settings import Settings

HANDED_OVER = "WSMON_API_HANDED_OVER"
"""How a reloaded process learns what its parent was told."""


@dataclass(frozen=True, slots=True)
class Serving:
    """What the command line says about the service."""

    host: str
    port: int
    scheduler: bool = False
    reload: bool = False
    read_only: bool = False
    verbose: bool = False
    log_format: str = "text"


class Server(uvicorn.Server):
    """uvicorn's, which ends the event streams first, or it would wait for them, and lets a second signal hurry it."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, then everything."""
        app = self.config.loaded_app
        while not isinstance(app, FastAPI):  # uvicorn wraps it
            app = app.app
        app.state.shared.hub.stop()
        await super().shutdown(sockets)
        if self.force_exit:
            await self.lifespan.shutdown()  # left out then, and its task would end in a traceback

    def ended(self, number: int, frame: FrameType | None) -> None:
        """A signal before uvicorn listens to them, or after: it raises the one that ended it once more."""
        del number, frame
        self.should_exit = True


def application(engine: Engine, serving: Serving, log: Log) -> FastAPI:
    """The application of these settings."""
    chosen = engine.settings.api
    policy = engine.settings.scheduler.policy()
    scheduler: Scheduler | None = StorePool(engine.commands, policy) if serving.scheduler else None
    return create_app(
        engine,
        scheduler,
        tokens_required=not is_loopback(serving.host),
        limits=Limits(
            chosen.rate_limit, chosen.denied_rate_limit, chosen.body_bytes, chosen.body_seconds, chosen.event_streams
        ),
        policy=policy,
        planner=engine.scheduler,
        ruling=engine.ruling,
        skew_seconds=engine.skew_seconds,
        log=log,
        verbose=serving.verbose,
    )


def serve(engine: Engine, serving: Serving, log: Log) -> None:
    """Answer requests until SIGTERM or SIGINT. Raises Refused, StoreError."""
    engine.store.check()
    configured = bool(engine.store.tokens())
    refuse_open_door(serving.host, configured)
    listener = listen(serving.host, serving.port)
    who = "with a token" if configured else "from this machine"
    log.info("serving", url=url_of(listener), store=engine.store.info.name, open_to=who)
    chosen = engine.settings.api
    options = {
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "http": patient(chosen.body_seconds),
        "proxy_headers": chosen.trust_proxy,
        "timeout_keep_alive": 20,
        "timeout_graceful_shutdown": 3,
        "limit_concurrency": 2000,
    }
    try:
        if serving.reload:
            _hand_over(engine.settings, serving)
            source = str(Path(__file__).parent.parent)  # and not the working folder, which may be somebody's home
            name = "wsmon.api.serving:reloaded"
            config = uvicorn.Config(name, factory=True, reload=True, reload_dirs=[source], **options)
            ChangeReload(config, target=_minding_signals(Server(config)).run, sockets=[listener]).run()
        else:
            config = uvicorn.Config(application(engine, serving, log), **options)
            _minding_signals(Server(config)).run(sockets=[listener])
    finally:
        listener.close()


def _minding_signals(server: Server) -> Server:
    """A clean end is no death by signal."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.ended)
    return server


def _hand_over(settings: Settings, serving: Serving) -> None:
    told = {"settings": settings.model_dump(mode="json", exclude={"channels"}), "serving": asdict(serving)}
    os.environ[HANDED_OVER] = json.dumps(told)


def reloaded() -> FastAPI:
    """The application in a process that uvicorn starts anew whenever a source file changes."""
    told = json.loads(os.environ[HANDED_OVER])
    serving = Serving(**told["serving"])
    engine = open_engine(Settings(**told["settings"]), read_only=serving.read_only)
    return application(engine, serving, make_log(serving.log_format))

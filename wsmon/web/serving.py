"""`wsmon web`: the application on its socket, on loopback unless there are tokens."""

from __future__ import annotations

import asyncio
import signal
import socket
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from wsmon.adapters.listening import is_loopback, listen, refuse_open_door, url_of
from wsmon.engine import Engine
from wsmon.ports import Log
from wsmon.services.access import Access
from wsmon.settings import Settings
from wsmon.web.application import Site
from wsmon.web.door import Door, Rules

ENDING_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Serving:
    """What the command line says about the pages."""

    host: str
    port: int
    read_only: bool


def handed_over(settings: Settings) -> dict[str, Any]:
    """What a session is told of the settings: all but the channels. It tells nobody, and their secrets would be stars."""
    return settings.model_dump(mode="json", exclude={"channels"})


def site(engine: Engine, serving: Serving, log: Log) -> Site:
    """The site of these settings."""
    settings = engine.settings
    rules = Rules(not is_loopback(serving.host), settings.web.trust_proxy, settings.api.denied_rate_limit)
    door = Door(Access(engine.store, engine.clock), engine.clock, engine.who, rules)
    return Site(door, log, handed_over(settings), read_only=serving.read_only, sessions=settings.web.sessions)


def serve(engine: Engine, serving: Serving, log: Log) -> None:
    """Serve until SIGTERM or SIGINT. Raises Refused, StoreError."""
    engine.store.check()
    configured = bool(engine.store.tokens())
    refuse_open_door(serving.host, configured)
    listener = listen(serving.host, serving.port)
    may = "whoever has a token" if configured else "this machine, read-only (`wsmon token create` lets people change)"
    log.info("serving", url=url_of(listener), store=engine.store.info.name, open_to=may)
    try:
        asyncio.run(_run(site(engine, serving, log).application(), listener))
    finally:
        listener.close()


async def _run(app: web.Application, listener: socket.socket) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=ENDING_SECONDS)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    await ended.wait()
    await runner.cleanup()

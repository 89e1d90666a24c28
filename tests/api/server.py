"""The service on a real socket, in a thread of the test's process."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn

from tests.services.world import SilentLog
from tests.waiting import wait_for
from wsmon.adapters.clock import SystemClock
from wsmon.api.context import Limits
from wsmon.api.patience import patient
from wsmon.api.serving import Server
from wsmon.domain.queueing import Policy
from wsmon.domain.roles import Role
from wsmon.ports import StateStore
from wsmon.services.access import create_token
from wsmon.services.commands import Commands
from wsmon.services.pooling import StorePool
from wsmon.workset_api import create_app


@dataclass
class Over:
    """What create_app asks of a state database."""

    commands: Commands


@dataclass
class Service:
    """A running service, and a client of it."""

    url: str
    commands: Commands
    log: SilentLog
    client: httpx.Client
    app: Any
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def store(self) -> StateStore:
        return self.commands.store

    def __call__(self, method: str, path: str, code: int | None = None, **more: Any) -> Any:
        """The answer's document; checks the status, and that a refusal is a problem."""
        reply = self.client.request(method, path, **more)
        if code is not None:
            assert reply.status_code == code, (method, path, reply.status_code, reply.text)
        if reply.status_code >= 400:
            assert reply.headers["content-type"] == "application/problem+json"
            document = reply.json()
            assert document["status"] == reply.status_code
            assert document["request_id"] == reply.headers["x-request-id"]
            assert document["detail"]
            return document
        return reply.json() if reply.content else None

    def register(self, workset_id: str, **more: Any) -> Any:
        body = {"workset_id": workset_id, "bucket": "b", "prefix": "p", **more}
        return self("POST", "/worksets", 201, json=body)

    def make_tokens(self) -> None:
        """A token of each role; they are needed from the next moment on."""
        for role in Role:
            self.tokens[role.value] = create_token(self.commands, role, name=role.value)[0]

    def bearing(self, role: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[role]}"}


@contextlib.contextmanager
def serving(
    store: StateStore, *, host: str = "127.0.0.1", scheduler: bool = False, **options: Any
) -> Iterator[Service]:
    """The service over a store, until the end of the block."""
    log, commands = SilentLog(), Commands(store, SystemClock(), "local")
    pool = StorePool(commands, Policy()) if scheduler else None
    app = create_app(Over(commands), pool, log=log, **options)
    listener = socket.create_server((host, 0), backlog=512)
    protocol = patient(options.get("limits", Limits()).body_seconds)
    config = uvicorn.Config(app, http=protocol, log_config=None, access_log=False, timeout_graceful_shutdown=1)
    server = Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    wait_for(lambda: server.started)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
            yield Service(url, commands, log, client, app)
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()
        assert not thread.is_alive()

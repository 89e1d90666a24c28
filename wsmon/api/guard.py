"""The door: every request gets an id, is measured, and comes in only if it may."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import time
import traceback
import uuid
from collections.abc import MutableMapping
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

from anyio import to_thread
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wsmon.adapters.listening import FORWARDED, LOCAL_NAMES
from wsmon.api import problems
from wsmon.api.context import SLASH, Limits, Shared
from wsmon.domain.errors import StoreError
from wsmon.domain.roles import Role
from wsmon.services.access import Identity

OPEN = frozenset({"/", "/healthz", "/readyz", "/docs", "/openapi.json"})
"""What tells nothing of any workset and needs no token."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
KNOWN = SAFE | {"POST", "PUT", "PATCH", "DELETE"}
"""Methods that figures tell apart. Whoever is at the door may say any word, and each would be remembered for ever."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


class Guard:
    """Outermost: request id, rate, host, token; then the application, whose body must come in time."""

    def __init__(self, app: ASGIApp, shared: Shared) -> None:
        self._app, self._shared = app, shared
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._rate: RateLimitItem = parse(shared.limits.rate)
        self._denied_rate: RateLimitItem = parse(shared.limits.denied_rate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; whatever else ASGI brings goes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        visit = _Visit(scope, send)
        if scope["method"] == "HEAD" and scope["path"] != "/events":
            scope = {**scope, "method": "GET"}  # the server, which knows better, sends no body
        scope.setdefault("state", {})["request_id"] = visit.request_id
        try:
            scope["state"]["identity"] = await self._admitted(scope, visit.headers)
            scope["path"] = _path(scope)
            await self._app(scope, _bounded(receive, visit.headers, self._shared.limits), visit.send)
        except HTTPException as error:
            self._tell_denied(visit, error)
            await problems.of_http(error, visit.request_id)(scope, receive, visit.send)
        except StoreError as error:
            await problems.of_error(error, visit.request_id)(scope, receive, visit.send)
        except Exception as error:
            if visit.status:
                raise
            self._shared.log.error("unexpected error", request_id=visit.request_id, trace=traceback.format_exc())  # noqa: TRY400
            text = f"an unexpected error ({type(error).__name__}); the server's log has it under this request_id"
            await problems.problem(500, "unexpected", text, visit.request_id)(scope, receive, visit.send)
        finally:
            self._measure(scope, visit)

    async def _admitted(self, scope: Scope, headers: Headers) -> Identity:
        """Who is asking. Raises HTTPException 401, 403 or 429, StoreError."""
        client = scope["client"][0] if scope.get("client") else "local"
        if not self._limiter.hit(self._rate, "all", client):
            raise _too_many(self._rate)
        _refuse_foreign_pages(scope, headers)
        secret = _bearer(headers)
        access = self._shared.access
        if scope["path"] in OPEN:
            return Identity("anonymous", Role.READER)
        look = partial(self._looked_up, secret)
        identity, needed = look() if access.fresh() else await to_thread.run_sync(look)
        scope["state"]["holds"] = partial(self._holds, secret)
        if identity is not None:
            return identity
        if needed or secret is not None:
            if not self._limiter.hit(self._denied_rate, "denied", client):
                raise _too_many(self._denied_rate)
            text = (
                "this needs a token: Authorization: Bearer ..." if secret is None else "the token is wrong or expired"
            )
            raise HTTPException(401, text, {"WWW-Authenticate": "Bearer"})
        _refuse_strangers(scope, headers)
        return Identity(self._shared.commands.actor, self._shared.commands.role)

    def _looked_up(self, secret: str | None) -> tuple[Identity | None, bool]:
        """Whose secret it is, and whether one is needed. Raises StoreError."""
        access = self._shared.access
        return access.check(secret or ""), self._shared.tokens_required or access.configured()

    async def _holds(self, secret: str | None) -> bool:
        """Whether who came in by this secret, or without one, still would. While the store is away nothing is told anyway."""
        try:
            identity, needed = await to_thread.run_sync(self._looked_up, secret)
        except StoreError:
            return True
        return identity is not None or not (needed or secret is not None)

    def _tell_denied(self, visit: _Visit, error: HTTPException) -> None:
        if error.status_code in {401, 403, 429}:
            self._shared.meters.denied.labels(str(error.status_code)).inc()
            self._shared.log.warning(
                "denied", status=error.status_code, request_id=visit.request_id, why=str(error.detail), **visit.facts()
            )

    def _measure(self, scope: Scope, visit: _Visit) -> None:
        route = getattr(scope.get("route"), "path", "none")
        self._shared.meters.requests.labels(visit.method, route, str(visit.status)).inc()
        self._shared.meters.seconds.labels(route).observe(visit.seconds)
        if visit.status == 403 and "route" in scope:
            actor = scope["state"]["identity"].actor
            self._shared.meters.denied.labels("403").inc()
            self._shared.log.warning("denied", status=403, request_id=visit.request_id, actor=actor, **visit.facts())
        elif self._shared.verbose:
            facts = {"status": visit.status, "ms": round(visit.seconds * 1000, 1), "request_id": visit.request_id}
            self._shared.log.info("request", **facts, **visit.facts())


class _Visit:
    """One request on its way: its id, and what was answered."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.headers = Headers(scope=scope)
        given = self.headers.get("x-request-id", "")
        self.request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        self.method = scope["method"] if scope["method"] in KNOWN else "other"
        self.status = 0
        self.seconds = 0.0
        self._client = scope["client"][0] if scope.get("client") else "local"
        self._path = str(scope["path"])[:200]
        self._send, self._began = send, time.perf_counter()

    def facts(self) -> dict[str, object]:
        """For the log; never a header, so never a secret."""
        return {"method": self.method, "path": self._path, "client": self._client}

    async def send(self, message: Message) -> None:
        """Pass on, with the headers every answer bears."""
        if message["type"] == "http.response.start":
            self.status, self.seconds = message["status"], time.perf_counter() - self._began
            known = {name.lower() for name, _ in message.get("headers", [])}
            more = [(b"x-request-id", self.request_id.encode()), (b"x-content-type-options", b"nosniff")]
            if b"cache-control" not in known:
                more.append((b"cache-control", b"no-store"))
            message = {**message, "headers": [*message.get("headers", []), *more]}
        await self._send(message)


def _bounded(receive: Receive, headers: Headers, limits: Limits) -> Receive:
    """`receive`, with a bound on the body's size and on how long all of it may take. Raises HTTPException 413, 408."""
    seconds = limits.body_seconds
    until = asyncio.get_running_loop().time() + seconds
    whole, size = False, 0
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > limits.body_bytes:
        raise _too_large(limits)

    async def bounded() -> MutableMapping[str, Any]:
        nonlocal whole, size
        if whole:
            return await receive()
        try:
            async with asyncio.timeout_at(until):
                message = await receive()
        except TimeoutError:
            text = f"the body did not come within {seconds:g} s"
            raise HTTPException(408, text, {"Connection": "close"}) from None
        whole = message["type"] != "http.request" or not message.get("more_body", False)
        size += len(message.get("body", b""))
        if size > limits.body_bytes:
            raise _too_large(limits)
        return message

    return bounded


def _path(scope: Scope) -> str:
    """The path with each segment decoded, and a slash inside one as SLASH, so that ids may hold slashes."""
    raw = scope.get("raw_path")
    if not raw:
        return str(scope["path"])
    text = raw.partition(b"?")[0].decode("ascii", errors="replace")
    return "/".join(unquote(segment).replace("/", SLASH) for segment in text.split("/"))


def _bearer(headers: Headers) -> str | None:
    kind, _, secret = headers.get("authorization", "").partition(" ")
    return secret.strip() if kind.lower() == "bearer" else None


def _too_large(limits: Limits) -> HTTPException:
    return HTTPException(413, f"the body is larger than {limits.body_bytes:,} bytes", {"Connection": "close"})


def _too_many(rate: RateLimitItem) -> HTTPException:
    return HTTPException(429, f"more than {rate}; come again later", {"Retry-After": str(rate.get_expiry())})


def _refuse_foreign_pages(scope: Scope, headers: Headers) -> None:
    """A page of another origin, open in a browser on this machine, must not write here. Raises HTTPException 403."""
    origin = headers.get("origin")
    if scope["method"] not in SAFE and origin is not None and urlsplit(origin).netloc != headers.get("host"):
        raise HTTPException(403, "requests from pages of another origin are refused")


def _refuse_strangers(scope: Scope, headers: Headers) -> None:
    """Without tokens: only this machine, under a name of its own (DNS may lie to a browser). Raises HTTPException 403."""
    server = scope.get("server")
    try:
        address = ipaddress.ip_address(server[0] if server else "")
    except ValueError:
        return  # a socket file, or a test without a network
    host = urlsplit(f"//{headers.get('host', '')}").hostname
    if not address.is_loopback:
        raise HTTPException(403, "without tokens only this machine may come in; make one with `wsmon token create`")
    if host not in LOCAL_NAMES:
        raise HTTPException(403, f"without tokens only localhost is served, not {str(host)[:80]!r}")
    if any(name in headers for name in FORWARDED):
        raise HTTPException(403, "without tokens nobody comes in by a proxy; make one with `wsmon token create`")

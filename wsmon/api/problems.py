"""What goes wrong, as RFC 9457 problem details; the only place that maps errors to HTTP."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from wsmon.domain.errors import (
    Conflict,
    InvalidInput,
    LockLost,
    NotAllowed,
    NotFound,
    Refused,
    StaleWrite,
    StoreError,
    WsmonError,
)

MEDIA_TYPE = "application/problem+json"
KIND = "urn:wsmon:problem:"
SHOWN_ERRORS = 20
RETRY_SECONDS = "5"
# The first that fits decides.
_STATUSES: tuple[tuple[type[WsmonError], int], ...] = (
    (InvalidInput, 422),
    (NotFound, 404),
    (LockLost, 409),
    (Conflict, 409),
    (Refused, 409),
    (NotAllowed, 403),
    (StoreError, 503),
)
# What of an error a program may want; each is a text, a number or a list of texts.
_FACTS = ("workset_id", "state", "verb", "allowed", "holder", "token", "retry_after", "cluster")
_DESCRIPTIONS = {
    400: "The request cannot be read at all.",
    401: "No token, or one that is wrong or has expired.",
    403: "The token's role may not do this, or the lock is another's.",
    404: "No such workset.",
    408: "The request's body did not come in time.",
    409: "Refused by the workset's state, or somebody else was first. Nothing was changed.",
    412: "The workset is not at the version that If-Match names. Nothing was changed.",
    413: "The request's body is too large.",
    422: "Something in the request cannot be used; the detail names it.",
    429: "Too many requests, or too many streams, from this client; Retry-After says when to come again.",
    503: "The store does not answer, or what is asked for is not set up. A write may be repeated.",
}
SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "description": "What went wrong (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status", "detail", "request_id"],
    "properties": {
        "type": {
            "type": "string",
            "description": "The kind of problem, for programs.",
            "examples": [KIND + "lock-held"],
        },
        "title": {"type": "string", "examples": ["Conflict"]},
        "status": {"type": "integer", "examples": [409]},
        "detail": {
            "type": "string",
            "description": "A sentence for a person.",
            "examples": ["'ws-001' is locked by 'a'"],
        },
        "request_id": {"type": "string", "description": "Names this request in the server's log."},
        "errors": {
            "type": "array",
            "description": "At 422: each place in the request and what is wrong with it.",
            "items": {"type": "object", "properties": {"where": {"type": "string"}, "what": {"type": "string"}}},
        },
        "workset_id": {"type": "string"},
        "state": {"type": "string"},
        "verb": {"type": "string"},
        "allowed": {"type": "array", "items": {"type": "string"}},
        "holder": {"type": ["string", "null"]},
        "token": {"type": "integer"},
        "retry_after": {"type": "integer", "description": "Microseconds since 1970."},
        "cluster": {"type": "string"},
        "current_rev": {"type": "integer", "description": "The version that stands now."},
    },
}


def described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer with these problems, besides those any route may."""
    always = (400, 401, 403, 408, 413, 422, 429, 503)
    return {n: _response(n) for n in sorted({*always, *statuses})}


def _response(status: int) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": _DESCRIPTIONS[status], "content": content}


def gather(schema: dict[str, Any]) -> None:
    """Put the problems into the schema's components once, and let every route refer to them."""
    parts = schema.setdefault("components", {})
    parts.setdefault("schemas", {})["Problem"] = SCHEMA
    parts["responses"] = {f"Problem{status}": _response(status) for status in _DESCRIPTIONS}
    for operations in schema["paths"].values():
        for operation in operations.values():
            for status in operation["responses"].keys() & set(map(str, _DESCRIPTIONS)):
                operation["responses"][status] = {"$ref": f"#/components/responses/Problem{status}"}


def problem(
    status: int,
    kind: str,
    detail: str,
    request_id: str,
    *,
    headers: Mapping[str, str] | None = None,
    **facts: Any,
) -> Response:
    """A problem as a response. Its text is ASCII, so that half a surrogate pair in it can do no harm."""
    title = HTTPStatus(status).phrase
    document = {"type": KIND + kind, "title": title, "status": status, "detail": detail, "request_id": request_id}
    body = json.dumps({**document, **facts}).encode()
    return Response(body, status, dict(headers or {}), MEDIA_TYPE)


def of_error(error: WsmonError, request_id: str, *, conditional: bool = False) -> Response:
    """The problem of one of our errors; `conditional`: the request named a version by If-Match."""
    status = next((code for kind, code in _STATUSES if isinstance(error, kind)), 500)
    if conditional and isinstance(error, StaleWrite):
        status = 412
    facts = {name: getattr(error, name) for name in _FACTS if getattr(error, name, None) is not None}
    if isinstance(error, StaleWrite) and error.current is not None:
        facts["current_rev"] = error.current.rev
    headers = {"Retry-After": RETRY_SECONDS} if status == 503 else None
    return problem(status, _kebab(type(error).__name__), str(error), request_id, headers=headers, **facts)


def of_http(error: HTTPException, request_id: str) -> Response:
    """The problem of an error that HTTP itself knows."""
    phrase = HTTPStatus(error.status_code).phrase
    detail = str(error.detail) if error.detail else phrase
    return problem(error.status_code, _kebab(phrase.replace(" ", "")), detail, request_id, headers=error.headers)


def of_validation(errors: Sequence[Any], request_id: str) -> Response:
    """The problem of a request that does not fit the schema."""
    found = [
        {"where": ".".join(str(part)[:80] for part in item["loc"]), "what": str(item["msg"])[:300]}
        for item in errors[:SHOWN_ERRORS]
    ]
    detail = "; ".join(f"{item['where']}: {item['what']}" for item in found[:3])
    return problem(422, "invalid-input", detail, request_id, errors=found)


def install(app: FastAPI) -> None:
    """Let every error that reaches the application become a problem."""

    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, WsmonError)
        return of_error(error, request.state.request_id, conditional="if-match" in request.headers)

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 405:
            error.headers = {**(error.headers or {}), "Allow": ", ".join(_allowed(request))}
        return of_http(error, request.state.request_id)

    async def validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return of_validation(error.errors(), request.state.request_id)

    app.add_exception_handler(WsmonError, ours)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, validation)


def _allowed(request: Request) -> list[str]:
    """The methods of a path; the router names those of the first of its routes alone."""
    path = getattr(request.scope.get("route"), "path", "")
    methods = {method.upper() for method in request.app.openapi()["paths"].get(path, {"get": None})}
    return sorted(methods | ({"HEAD"} if "GET" in methods and path != "/events" else set()))


def _kebab(name: str) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")

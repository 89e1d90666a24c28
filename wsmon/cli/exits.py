"""What a command's exit code is; the only place that maps errors to codes."""

from __future__ import annotations

from wsmon.domain.errors import (
    Conflict,
    InvalidInput,
    NotAllowed,
    NotFound,
    StoreUnreachable,
    WsmonError,
)

DONE, REFUSED, USAGE, NOT_FOUND, CONFLICT, UNREACHABLE, NOT_ALLOWED = range(7)
INTERRUPTED = 130

_CODES: tuple[tuple[type[WsmonError], int], ...] = (
    (InvalidInput, USAGE),
    (NotFound, NOT_FOUND),
    (Conflict, CONFLICT),
    (NotAllowed, NOT_ALLOWED),
    (StoreUnreachable, UNREACHABLE),
)


def exit_code(error: WsmonError) -> int:
    """2 usage, 3 not found, 4 conflict, 5 store unreachable, 6 not allowed, 1 otherwise."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), REFUSED)

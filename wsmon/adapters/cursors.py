"""Page cursors that come back from outside: taken only in the very shape in which they were given out."""

from __future__ import annotations

import json

from wsmon.domain.errors import InvalidInput

MAX_CURSOR_CHARS = 4096
MAX_INTEGER = 2**63 - 1


def parts(cursor: str, *kinds: type[int | str]) -> list[int | str]:
    """The parts of a page cursor, one of each kind. Raises InvalidInput."""
    try:
        found = json.loads(cursor) if len(cursor) <= MAX_CURSOR_CHARS else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or [type(part) for part in found] != [*kinds]:
        raise unknown("page", cursor)
    for part in found:
        usable = 0 <= part <= MAX_INTEGER if isinstance(part, int) else _is_text(part)
        if not usable:
            raise unknown("page", cursor)
    return found


def number(cursor: str) -> int:
    """The number that a feed cursor is. Raises InvalidInput."""
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < len(str(MAX_INTEGER))):
        raise unknown("feed", cursor)
    return int(cursor)


def unknown(kind: str, cursor: str) -> InvalidInput:
    """The refusal of a cursor."""
    return InvalidInput(f"the {kind} cursor {cursor[:40]!a} is not one of this store's; begin without one")


def _is_text(part: str) -> bool:
    try:
        part.encode()
    except UnicodeEncodeError:
        return False
    return True

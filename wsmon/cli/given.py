"""JSON that somebody wrote on a command line or into a file."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from wsmon.domain.errors import InvalidInput
from wsmon.domain.spec import shown


def parse_json(what: str, text: str) -> dict[str, Any]:
    """A JSON object of somebody's writing. Raises InvalidInput; NaN and infinities are no JSON."""

    def refuse(constant: str) -> NoReturn:
        raise InvalidInput(f"{what} holds {constant}, which JSON does not know; use a finite number or null")

    try:
        document = json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{what} is not JSON: {str(error)[:100]}") from None
    if not isinstance(document, dict):
        raise InvalidInput(f"{what} must be a JSON object, not {shown(document)}")
    return document

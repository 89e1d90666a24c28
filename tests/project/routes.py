"""The table of routes in docs/api.md, drawn from the schema and the matrix of roles."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.api.test_roles import OPEN, ROUTES
from tests.project.cli_page import ROOT

BEGIN, END = "<!-- drawn from the schema -->\n", "<!-- until here -->"


def api_page() -> str:
    """docs/api.md with its table as the schema has it."""
    text = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    return before + BEGIN + "\n".join(_lines()) + "\n" + END + after


def _lines() -> Iterator[str]:
    schema = json.loads((ROOT / "docs/openapi.json").read_text(encoding="utf-8"))
    yield "| route | who | what | answers |"
    yield "|---|---|---|---|"
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            route = (method.upper(), path)
            who = "anybody" if route in OPEN else ROUTES[route][0]
            what = operation["description"].split("\n\n")[0].replace("\n", " ").replace("|", "\\|")
            codes = [
                code for code in operation["responses"] if code not in {"401", "403", "408", "413", "422", "429", "503"}
            ]
            given = [p["name"] for p in operation.get("parameters", []) if p["in"] == "query"]
            asks = f" `{'` `'.join(given)}`" if given else ""
            yield f"| `{route[0]} {path}`{asks} | {who} | {what} | {', '.join(codes)} |"

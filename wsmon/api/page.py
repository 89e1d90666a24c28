"""The page at /docs: Swagger UI over the schema, in one version whose files are known by their hashes."""

from __future__ import annotations

import base64
import hashlib

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse

FROM = "https://cdn.jsdelivr.net/npm/swagger-ui-dist@5.35.0/"
SCRIPT = ("swagger-ui-bundle.js", "sha384-gjRm0bEPMeTmMh5jT2cHccIwCUZSTd8YC+j0d0sXw0MdGEfScduGpSyF3ZSSLkX9")
STYLE = ("swagger-ui.css", "sha384-WlYgdmXYOOBWL5apwjDEZwN+U3HmXSSu5R6V5aGxEcf7z+KuRNwBhoxKVN1i3D5I")
"""Of npm's swagger-ui-dist, each with its hash: a browser runs no other, whatever the address gives one day."""
BEGIN = 'SwaggerUIBundle({url: "openapi.json", dom_id: "#page", deepLinking: true, validatorUrl: null})'
_HASH = base64.b64encode(hashlib.sha256(BEGIN.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; script-src {FROM} 'sha256-{_HASH}'; style-src {FROM} 'unsafe-inline';"
    " img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
TEXT = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>wsmon: the REST service</title>
<link rel="stylesheet" href="{FROM}{STYLE[0]}" integrity="{STYLE[1]}" crossorigin="anonymous">
</head>
<body>
<div id="page">The schema itself is at <a href="openapi.json">openapi.json</a>.</div>
<script src="{FROM}{SCRIPT[0]}" integrity="{SCRIPT[1]}" crossorigin="anonymous"></script>
<script>{BEGIN}</script>
</body>
</html>
"""


async def page(_: Request) -> HTMLResponse:
    """The page, the same for everybody."""
    return HTMLResponse(TEXT, headers=HEADERS)


def install(app: FastAPI) -> None:
    """Show it; without the network it names the schema, which needs none."""
    app.add_route("/docs", page, include_in_schema=False)

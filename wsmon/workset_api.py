"""The REST service as an application: `create_app(state_db)` for any ASGI server; `wsmon api` is one."""

from __future__ import annotations

from wsmon.api.application import create_app

__all__ = ["create_app"]

"""The log on the standard error, behind the port."""

from __future__ import annotations

import sys
from typing import Any

from wsmon.ports import Log


def make_log(log_format: str) -> Log:
    """A log on the standard error: lines for people, or JSON."""
    import structlog  # most commands log nothing

    renderer: Any = structlog.processors.JSONRenderer()
    if log_format == "text":
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0, repr_native_str=True)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    log: Log = structlog.get_logger()
    return log

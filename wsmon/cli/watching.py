"""From the command line to the terminal UI; settings are read after its first frame."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wsmon.engine import Engine


def open_tui(flags: tuple[Path | None, dict[str, Any]], *, read_only: bool, with_monitor: bool) -> None:
    """Open the TUI on the engine that the flags choose; with a monitor beside it, if asked."""
    from tui.app import WsmonApp  # faces are imported when they are opened

    def connect() -> Engine:
        from wsmon.engine import open_engine
        from wsmon.settings import load_settings

        config, given = flags
        return open_engine(load_settings(config, given).settings, read_only=read_only)

    WsmonApp(connect, with_monitor=with_monitor).run()

"""From the command line to the terminal UI; settings are read after its first frame."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wsmon.engine import Engine


def open_tui(flags: tuple[Path | None, dict[str, Any]], *, read_only: bool, with_monitor: bool) -> int:
    """Open the TUI on the engine that the flags choose; with a monitor beside it, if asked; the exit code."""
    import gc

    # Nothing of what is made until the first frame is garbage; looking for it a dozen times is a tenth of the start.
    gc.disable()
    from tui.app import show  # faces are imported when they are opened

    def connect() -> Engine:
        from wsmon.engine import open_engine
        from wsmon.settings import load_settings

        config, given = flags
        return open_engine(load_settings(config, given).settings, read_only=read_only)

    return show(connect, with_monitor=with_monitor)

"""From the command line to the terminal UI; settings are read after its first frame."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wsmon.engine import Engine


def open_tui(
    flags: tuple[Path | None, dict[str, Any]], *, read_only: bool, with_monitor: bool, write: bool = False
) -> int:
    """Open the TUI on the engine that the flags choose; the exit code.

    `write`: changes on a shared store need not be armed first. With a monitor beside it, if asked.
    """
    import gc

    # Nothing of what is made until the first frame is garbage; looking for it a dozen times is a tenth of the start.
    gc.disable()
    from tui.app import show  # faces are imported when they are opened
    from tui.kept import state_file

    def connect() -> Engine:
        from wsmon.engine import open_engine
        from wsmon.settings import load_settings

        config, given = flags
        return open_engine(load_settings(config, given).settings, read_only=read_only, arming=not write)

    return show(connect, with_monitor=with_monitor, kept=state_file())

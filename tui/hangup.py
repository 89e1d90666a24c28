"""A terminal that goes away ends the program, whoever stands between the two."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Callable


def on_hang_up(leave: Callable[[], None]) -> None:
    """When the terminal is gone: `leave` in a thread of its own, then the end. Call it from the main thread.

    SIGHUP reaches the session's leader alone for as long as that lives: under make, or a shell that waits, it tells
    nothing here. So the line itself is watched too. The main thread may stand still by then: nobody takes its output.
    """
    told = threading.Lock()

    def gone(*_: object) -> None:
        if told.acquire(blocking=False):
            threading.Thread(target=end, daemon=True).start()

    def end() -> None:
        try:
            leave()
        finally:
            os._exit(128 + signal.SIGHUP)

    signal.signal(signal.SIGHUP, gone)
    if sys.__stdin__ is not None and sys.__stdin__.isatty():
        threading.Thread(target=_watch, args=(sys.__stdin__.fileno(), gone), name="line", daemon=True).start()


def _watch(line: int, gone: Callable[[], None]) -> None:
    """Sleeps until the line hangs up; where a system cannot watch terminals this way, the signal must do."""
    poll = select.poll()
    poll.register(line, 0)
    if any(what & (select.POLLHUP | select.POLLERR) for _, what in poll.poll()):
        gone()

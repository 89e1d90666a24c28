"""Monitors that are killed: `python -m tests.channels.mortal ARGS` forks a real `wsmon ARGS` for every line it is given.

Timeouts and backoffs are a fraction, so that an hour of outage takes seconds. Each line is answered by a process id.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parent.parent.parent


class Monitors:
    """Starts monitors, one after the other, and kills them with signal 9."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._ask: IO[str] = process.stdin
        self._told: IO[str] = process.stdout
        self._pid = 0

    def start(self) -> None:
        self._ask.write("\n")
        self._ask.flush()
        self._pid = int(self._told.readline())

    def kill(self) -> None:
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            self._pid = 0

    def alive(self) -> bool:
        with suppress(ProcessLookupError):
            os.kill(self._pid, 0)
            return bool(self._pid)
        return False


@contextmanager
def monitors(argv: Sequence[str], log: Path) -> Iterator[Monitors]:
    """Monitors of these arguments; their log is appended to a file."""
    command = [sys.executable, "-m", "tests.channels.mortal", *argv]
    with log.open("ab") as kept:
        process = subprocess.Popen(
            command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=kept
        )
    with process:
        made = Monitors(process)
        try:
            yield made
        finally:
            made.kill()
            process.kill()


def main() -> None:
    """Fork a monitor a line; this process loads what they need, once."""
    from wsmon import wiring
    from wsmon.adapters import http
    from wsmon.cli.main import main as wsmon
    from wsmon.services import desk, monitor, relay, watching  # noqa: F401  they are loaded once

    http.TIMEOUT_SECONDS = 0.3
    desk.FIRST_BACKOFF, desk.LONGEST_BACKOFF = 0.02, 0.2
    wiring.DUTY_SECONDS = 0.5
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for _ in sys.stdin:
        child = os.fork()
        if not child:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(2, 1)
            wsmon(sys.argv[1:])
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

"""The processes of a run: whoever holds the run's lock file open."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
from pathlib import Path

import psutil


def lock_is_held(lock_file: Path) -> bool:
    """Whether some process of the run lives. Raises OSError other than FileNotFoundError."""
    try:
        descriptor = os.open(lock_file, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def holders(lock_file: Path) -> list[int]:
    """The pids of the processes that hold the file open."""
    path = str(lock_file)
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and any(file.path == path for file in process.open_files()):
                found.append(process.pid)
    return found


def signal_run(lock_file: Path, supervisor: int | None, *, force: bool) -> None:
    """TERM, or KILL, for every process of the run and their groups; the supervisor stays to tell the exit."""
    number = signal.SIGKILL if force else signal.SIGTERM
    for pid in holders(lock_file):
        if pid == supervisor:
            continue
        with contextlib.suppress(ProcessLookupError, PermissionError):
            # A leader's group holds also those children that closed the lock.
            if os.getpgid(pid) == pid:
                os.killpg(pid, number)
            else:
                os.kill(pid, number)

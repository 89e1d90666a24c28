"""The processes of a run: what they are known by, and how they are ended.

Standard library alone, of Python 3.7 or newer: it also goes to the places that are reached over SSH.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
from typing import Any, Iterable, Mapping  # noqa: UP035  Python 3.7 cannot subscript the newer ones

NAMED = "WSMON_RUN_FOLDER"


def lock_is_held(lock_file: str) -> bool:
    """Whether somebody holds the run's lock. Raises OSError, FileNotFoundError among it."""
    descriptor = os.open(lock_file, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def members(folder: str, recorded: Mapping[str, Any]) -> set[int]:
    """The living processes of a run, its supervisor included.

    Its own are the session of the command that process.json (`recorded`) names, whatever has the
    run folder in its environment, whatever inherited the run's lock, and the children of these.
    Somebody who merely has the lock file open (a backup, a `tail`, a monitor that looks) is none.
    """
    living = _living()
    command, supervisor = recorded.get("pid"), recorded.get("supervisor")
    if command in living and living[command][2] != recorded.get("started"):
        command = None  # the number was given to another process since
    if supervisor in living and living[supervisor][2] != recorded.get("supervisor_started"):
        supervisor = None
    lock = _file(os.path.join(folder, "run.lock"))
    name = os.fsencode(f"{NAMED}={folder}")
    found = {
        pid
        for pid, (_, session, _) in living.items()
        if session == command
        or pid == supervisor
        or name in _environment(pid)
        or (lock is not None and _inherited(pid, lock))
    }
    more = found
    while more:
        more = {pid for pid, (parent, _, _) in living.items() if parent in more} - found
        found |= more
    return found - {os.getpid()}


def _living() -> dict[int, tuple[int, int, int | None]]:
    """Pid -> parent, session and the ticks since boot of its start; zombies are dead."""
    if not os.path.isdir("/proc/self/fd"):
        return _living_elsewhere()
    found: dict[int, tuple[int, int, int | None]] = {}
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            with open(f"/proc/{int(name)}/stat", "rb") as file:
                # The command's name, in brackets, may hold anything; the state (proc(5): 3) follows it.
                fields = file.read().rpartition(b")")[2].split()
            if fields[0] not in {b"Z", b"X"}:
                found[int(name)] = (int(fields[1]), int(fields[3]), int(fields[19]))
    return found


def _living_elsewhere() -> dict[int, tuple[int, int, int | None]]:
    """The same where there is no /proc; nobody knows ticks there, and process.json holds none."""
    import psutil

    found: dict[int, tuple[int, int, int | None]] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.status() != psutil.STATUS_ZOMBIE:
                found[process.pid] = (process.ppid(), os.getsid(process.pid), None)
    return found


def _environment(pid: int) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []


def _file(path: str) -> tuple[int, int] | None:
    """What a file is, whatever path leads to it."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _inherited(pid: int, lock: tuple[int, int]) -> bool:
    """Whether a process has the very descriptor that carries the run's lock; False where /proc does not tell."""
    try:
        numbers = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return False
    for number in numbers:
        if _file(f"/proc/{pid}/fd/{number}") == lock:
            with contextlib.suppress(OSError), open(f"/proc/{pid}/fdinfo/{number}", "rb") as file:
                if any(b"FLOCK" in line and b"WRITE" in line for line in file if line.startswith(b"lock:")):
                    return True
    return False


def signal_all(pids: Iterable[int], *, force: bool) -> bool:
    """TERM, or KILL, for these and the groups they lead; whether there was anyone to signal."""
    number = signal.SIGKILL if force else signal.SIGTERM
    reached = False
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            # A group catches also what was forked since these were counted.
            if os.getpgid(pid) == pid:
                os.killpg(pid, number)
            else:
                os.kill(pid, number)
            reached = True
    return reached

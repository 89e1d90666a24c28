"""Stands between a monitor and one command, and outlives the monitor.

Run as a script, with the standard library alone (of Python 3.7 or newer, as head nodes have it):
`supervise.py FOLDER LOCK_FD`, or `supervise.py FOLDER -` where it is to take the run's lock
itself. The folder's spec.json says what to run. The run's lock is inherited by this process and by the command:
held means that some process of the run lives. The exit file is written before it is let go.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import time

RESERVED_BYTES = 8192
NOTE_CHARS = 1000
"""A note of so many characters fits into what was reserved, however it is escaped."""


def boottime() -> float:
    """Seconds since boot, sleep included where the system can tell."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)


def reserve(path: str) -> None:
    """Take the disk space of a document before there is anything to tell: a result must not be lost to a full disk."""
    with open(path + ".new", "wb") as file:
        file.write(b" " * RESERVED_BYTES)


def write_whole(path: str, document: object) -> None:
    """The file is there with all its content, or not at all; in the space reserved for it, where there is some."""
    content = json.dumps(document).encode()
    with os.fdopen(os.open(path + ".new", os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        # Padded, not cut: what a cut gave back to a full disk could not be had again.
        file.write(content.ljust(os.fstat(file.fileno()).st_size))
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".new", path)
    folder = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def fill(folder: str, spec: object) -> None:
    """All files of a run but those its command makes; with their inodes and the result's space taken, it can be told."""
    write_whole(os.path.join(folder, "spec.json"), spec)
    for name in ("process.json", "exit.json"):
        reserve(os.path.join(folder, name))
    for name in ("run.lock", "output.log", "supervisor.log"):
        os.close(os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT, 0o600))


def start_ticks(pid: int) -> int | None:
    """When a process was started, in the kernel's ticks since boot: with the pid it names it. None where unknown."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The name, in brackets, may hold anything; 22 (proc(5)) is the 20th field after it.
            return int(file.read().rpartition(b")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None


def refusal(run_token: int, deadline: float, *, highest: int, now: float) -> str | None:
    """Why a run may not start (any more). Asked under the place's lock, in boot-time seconds."""
    if highest > run_token:
        return f"a newer lock (token {highest}) was seen at this place"
    if now > deadline:
        return "the lock ran out before the start"
    return None


def not_started(why: str) -> dict:  # type: ignore[type-arg]
    """The exit document of a run that was refused right before its exec."""
    return {"exit_code": None, "seconds": 0.0, "note": "not started: " + why}


def exit_of(status: int) -> int:
    """The exit code in a wait status; -n where signal n ended it."""
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def taken_lock(folder: str) -> int:
    """The run's lock, taken here; it waits for nobody, since a run folder has one supervisor."""
    lock = os.open(os.path.join(folder, "run.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return lock


def result(code: int, seconds: float) -> dict:  # type: ignore[type-arg]
    """The exit document of a command that ended with `code`; -n where signal n ended it."""
    note = f"ended by signal {-code}" if code < 0 else ""
    return {"exit_code": 128 - code if code < 0 else code, "seconds": seconds, "note": note}


def highest_token(path: str) -> int:
    """The highest token seen at the place; 0 where none was."""
    try:
        with open(path, encoding="utf-8") as file:
            return int(file.read())
    except FileNotFoundError:
        return 0


def spawn(spec: dict, folder: str, lock: int) -> tuple[int, str]:  # type: ignore[type-arg]
    """Fork and exec the command in a session of its own; (pid, "") or (0, "CODE what went wrong")."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 0
        try:
            os.setsid()
            os.chdir(folder)
            # Before the exec: a command that closes the lock can still be found and ended.
            known = {
                "pid": os.getpid(),
                "started": start_ticks(os.getpid()),
                "supervisor": os.getppid(),
                "supervisor_started": start_ticks(os.getppid()),
            }
            write_whole(os.path.join(folder, "process.json"), known)
            log = os.open(os.path.join(folder, "output.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            null = os.open(os.devnull, os.O_RDONLY)
            for source, target in ((null, 0), (log, 1), (log, 2)):
                os.dup2(source, target)
            os.set_inheritable(lock, True)
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
            os.environ.update(spec.get("env", {}), WSMON_RUN_FOLDER=folder)
            code = 126
            os.execvp(spec["argv"][0], spec["argv"])  # noqa: S606  no shell is what is wanted
        except BaseException as error:
            code = 127 if code and isinstance(error, FileNotFoundError) else code
            said = getattr(error, "strerror", None) or error
            os.write(writer, f"{code} {said}"[:NOTE_CHARS].encode(errors="replace"))
        finally:
            os._exit(127)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        problem = pipe.read().decode(errors="replace")
    if problem:
        os.waitpid(pid, 0)
        return 0, problem
    return pid, ""


def main() -> int:
    """Check, spawn, wait, tell."""
    folder = sys.argv[1]
    lock = taken_lock(folder) if sys.argv[2] == "-" else int(sys.argv[2])
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with open(os.path.join(folder, "spec.json"), encoding="utf-8") as file:
        spec = json.load(file)
    exit_file = os.path.join(folder, "exit.json")
    with open(spec["place_lock"], "a", encoding="utf-8") as place:
        # Held from the check to the exec, so that whoever raises the token afterwards finds the run.
        fcntl.flock(place, fcntl.LOCK_EX)
        highest = highest_token(spec["token_file"])
        refused = refusal(spec["run_token"], spec["deadline"], highest=highest, now=boottime())
        pid, problem = (0, "") if refused else spawn(spec, folder, lock)
    started = boottime()
    if refused:
        write_whole(exit_file, not_started(refused))
        return 0
    if problem:
        number, _, text = problem.partition(" ")
        refused_exec = {
            "exit_code": int(number),
            "seconds": 0.0,
            "note": spec["argv"][0][:200] + " cannot be executed: " + text,
        }
        write_whole(exit_file, refused_exec if int(number) else not_started(text))
        return 0
    _, status = os.waitpid(pid, 0)
    write_whole(exit_file, result(exit_of(status), boottime() - started))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The far end of a run over SSH: one operation on a place, asked on stdin, answered on stdout, both JSON.

It stands beside supervise.py in a folder of its own at the place, and needs the standard library
of Python 3.7 or newer. What it does under the place's lock it does as a whole, so that a network
that is cut in the middle leaves no half of it.
"""

from __future__ import annotations

import fcntl
import glob
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from typing import Any

import supervise  # type: ignore[import-not-found]  # lies beside this file there

LOCK_WAIT_SECONDS = 5.0
START_WAIT_SECONDS = 10.0
RESULT_FILES = (("daylily.successful_run", 0), ("daylily.failed_run", 1))


class Refusal(Exception):
    """Understood, and the answer is no."""


def boot_id() -> str:
    """Names the machine's present boot."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return "boot-unknown"


class Place:
    """The files under a run root."""

    def __init__(self, root: str) -> None:
        self.root = os.path.abspath(os.path.expanduser(root))
        os.makedirs(self.root, mode=0o700, exist_ok=True)
        self.lock_file = os.path.join(self.root, "place.lock")

    def __enter__(self) -> Place:
        self.file = open(self.lock_file, "a", encoding="ascii")
        until = time.monotonic() + LOCK_WAIT_SECONDS
        while True:
            try:
                fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if time.monotonic() > until:
                    self.file.close()
                    raise Refusal(self.lock_file + " is held by another process; trying again later") from None
                time.sleep(0.01)
            else:
                return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def identity(self) -> str:
        """The place's id, made once; under the lock."""
        path = os.path.join(self.root, "place.json")
        if not os.path.exists(path):
            supervise.write_whole(path, {"place_id": uuid.uuid4().hex})
        return str(read(path)["place_id"])

    def token_file(self, key: str) -> str:
        """Where the highest token seen for a workset stands."""
        return os.path.join(self.root, "tokens", key)

    def raise_to(self, key: str, token: int) -> None:
        """Keep the higher of the known token and this one; under the lock."""
        path = self.token_file(key)
        if token > supervise.highest_token(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            supervise.write_whole(path, token)


def read(path: str) -> Any:
    """A JSON file's content."""
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def is_held(folder: str) -> bool:
    """Whether some process of the run lives."""
    try:
        lock = os.open(os.path.join(folder, "run.lock"), os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def op_place(request: dict[str, Any]) -> dict[str, Any]:
    """This place, and its boot-time clock now."""
    with Place(request["root"]) as place:
        identity = place.identity()
    return {
        "place_id": identity,
        "host": socket.gethostname(),
        "boot_id": boot_id(),
        "boottime": supervise.boottime(),
        "root": place.root,
    }


def op_raise(request: dict[str, Any]) -> dict[str, Any]:
    """From now on nothing with a lower token starts here."""
    with Place(request["root"]) as place:
        place.raise_to(request["key"], request["token"])
    return {}


def op_spawn(request: dict[str, Any]) -> dict[str, Any]:
    """Start a run, and wait until its supervisor has the run's lock."""
    folder = request["folder"]
    with Place(request["root"]) as place:
        if request["boot_id"] != boot_id():
            raise Refusal("the machine was restarted since it was last looked at")
        highest = supervise.highest_token(place.token_file(request["key"]))
        why = supervise.refusal(request["run_token"], request["deadline"], highest=highest, now=supervise.boottime())
        if why:
            raise Refusal(why)
        place.raise_to(request["key"], request["run_token"])
        try:
            os.makedirs(os.path.dirname(folder), exist_ok=True)
            os.mkdir(folder)  # fails where it exists: a run token starts one run
        except FileExistsError:
            raise Refusal("the run folder " + folder + " exists already; this run was started before") from None
        names = ("workset_id", "run_token", "argv", "env", "deadline", "boot_id", "pipeline")
        spec = {name: request[name] for name in names}
        spec.update(
            started=supervise.boottime(), place_lock=place.lock_file, token_file=place.token_file(request["key"])
        )
        supervise.write_whole(os.path.join(folder, "spec.json"), spec)
        launch(place, folder, request)
    # The supervisor checks once more under the place's lock, which is free for it now.
    return {}


def launch(place: Place, folder: str, request: dict[str, Any]) -> None:
    """The supervisor, detached by tmux where it is wanted and there, else in a session of its own."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "supervise.py")
    argv = [sys.executable, "-I", "-S", script, folder]
    if request["detach"] != "setsid" and shutil.which("tmux"):
        name = "wsmon-{}-{}".format(request["key"].replace(".", "_"), request["run_token"])
        done = subprocess.run(
            ["tmux", "new-session", "-d", "-s", name, *argv, "-"], check=False, stderr=subprocess.PIPE
        )
        if done.returncode == 0:
            if wait_for_lock(folder):
                return
            # It must not start later: its token is barred, the next one is not.
            place.raise_to(request["key"], request["run_token"] + 1)
            raise Refusal(f"no supervisor came up within {START_WAIT_SECONDS:.0f} s")
        if request["detach"] == "tmux":
            raise Refusal("tmux: " + done.stderr.decode(errors="replace")[:300])
    lock = supervise.taken_lock(folder)
    with open(os.path.join(folder, "supervisor.log"), "ab") as log:
        subprocess.Popen(
            [*argv, str(lock)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[lock],
            start_new_session=True,
            cwd="/",
        )
    os.close(lock)


def wait_for_lock(folder: str) -> bool:
    """Wait until the supervisor has taken the run's lock, or is through already; False where neither came."""
    until = time.monotonic() + START_WAIT_SECONDS
    while not is_held(folder) and not os.path.exists(os.path.join(folder, "exit.json")):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def op_look(request: dict[str, Any]) -> dict[str, Any]:
    """What became of runs: for each folder held, exit document and step."""
    return {"boot_id": boot_id(), "boottime": supervise.boottime(), "runs": [look(f) for f in request["folders"]]}


def look(folder: str) -> dict[str, Any]:
    """One run; the lock is read first, then the exit document."""
    if not os.path.isdir(folder):
        return {"exists": False}
    found: dict[str, Any] = {
        "exists": True,
        "held": is_held(folder),
        "exit": None,
        "step": None,
        "started": None,
        "metrics": None,
    }
    if not found["held"] and os.path.exists(os.path.join(folder, "exit.json")):
        found["exit"] = read(os.path.join(folder, "exit.json"))
    for name, path in (("step", "step"), ("metrics", "metrics.json")):
        try:
            with open(os.path.join(folder, path), encoding="utf-8", errors="replace") as file:
                found[name] = file.read(65536)
        except OSError:
            pass
    try:
        spec = read(os.path.join(folder, "spec.json"))
    except (OSError, ValueError):
        return found
    found["started"] = spec["started"]
    if found["exit"] is None and not found["held"] and spec["pipeline"]:
        found["exit"] = by_result_file(spec)
    return found


def by_result_file(spec: dict[str, Any]) -> dict[str, Any] | None:
    """The exit document that a pipeline's own word makes, where nobody saw the command end."""
    for name, code in RESULT_FILES:
        path = os.path.join(os.path.expanduser(spec["pipeline"]), name)
        if os.path.exists(path):
            return {"exit_code": code, "seconds": None, "note": "by " + name}
    return None


def op_stop(request: dict[str, Any]) -> dict[str, Any]:
    """TERM, or KILL, for every process of a run; the supervisor stays to tell the exit."""
    folder = request["folder"]
    try:
        supervisor = read(os.path.join(folder, "process.json"))["supervisor"]
    except (OSError, ValueError, KeyError):
        if not request["force"]:
            return {}
        supervisor = None
    number = signal.SIGKILL if request["force"] else signal.SIGTERM
    for pid in holders(os.path.join(folder, "run.lock")):
        if pid == supervisor:
            continue
        try:
            if os.getpgid(pid) == pid:
                os.killpg(pid, number)
            else:
                os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            pass
    return {}


def holders(path: str) -> list[int]:
    """The pids of the processes that hold a file open."""
    found = []
    for entry in glob.glob("/proc/[0-9]*/fd/*"):
        try:
            if os.readlink(entry) == path:
                found.append(int(entry.split("/")[2]))
        except OSError:
            continue
    return sorted(set(found) - {os.getpid()})


def op_live(request: dict[str, Any]) -> dict[str, Any]:
    """Every run here some process of which lives."""
    place = Place(request["root"])
    found = []
    for lock in glob.glob(os.path.join(glob.escape(place.root), "runs", "*", "*", "run.lock")):
        folder = os.path.dirname(lock)
        try:
            if is_held(folder):
                spec = read(os.path.join(folder, "spec.json"))
                found.append([spec["workset_id"], spec["run_token"], spec["boot_id"], folder])
        except (OSError, ValueError, KeyError):
            continue
    return {"runs": found}


def op_tail(request: dict[str, Any]) -> dict[str, Any]:
    """Output from an offset on, or its end; with the offset to go on from."""
    try:
        with open(os.path.join(request["folder"], "output.log"), "rb") as file:
            file.seek(0, os.SEEK_END)
            size = file.tell()
            start = request["offset"] if request["offset"] is not None else max(0, size - request["limit"])
            file.seek(min(start, size))
            text = file.read(request["limit"])
            return {"text": text.decode(errors="replace"), "offset": file.tell()}
    except OSError:
        return {"text": "", "offset": request["offset"] or 0}


OPERATIONS = {
    "place": op_place,
    "raise": op_raise,
    "spawn": op_spawn,
    "look": op_look,
    "stop": op_stop,
    "live": op_live,
    "tail": op_tail,
}


def main() -> int:
    """Answer one request."""
    request = json.load(sys.stdin)
    try:
        reply = OPERATIONS[request["op"]](request)
    except Refusal as refused:
        reply = {"refused": str(refused)}
    except OSError as error:
        reply = {"refused": f"{error.filename}: {error.strerror}"}
    sys.stdout.write("\n" + json.dumps(reply) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

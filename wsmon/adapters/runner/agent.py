"""The far end of a run over SSH: one operation on a place, asked on stdin, answered on stdout, both JSON.

It stands in a folder of its own at the place, beside the four files it imports, and needs the standard library
of Python 3.7 or newer. What it does under the place's lock it does as a whole, so that a network
that is cut in the middle leaves no half of it.
"""

from __future__ import annotations

import glob
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from typing import Any

import processes  # type: ignore[import-not-found]  # all of these lie beside this file there
import supervise  # type: ignore[import-not-found]
from agent_place import Place, Refusal, boot_id, read  # type: ignore[import-not-found]
from agent_runs import is_held, look, others, recorded, started_as  # type: ignore[import-not-found]

START_WAIT_SECONDS = 10.0
ROOM_BYTES, ROOM_FILES = 64 * 1024, 16


def op_place(request: dict[str, Any]) -> dict[str, Any]:
    """This place, made where the caller has not seen it before, and its boot-time clock now."""
    with Place(request["root"], request["known_boot"] != boot_id()) as place:
        identity = place.identity()
    disk = os.statvfs(place.root)
    return {
        "place_id": identity,
        "host": socket.gethostname(),
        "boot_id": boot_id(),
        "boottime": supervise.boottime(),
        "root": place.root,
        "full": disk.f_bavail * disk.f_frsize < ROOM_BYTES or bool(disk.f_files and disk.f_favail < ROOM_FILES),
    }


def op_raise(request: dict[str, Any]) -> dict[str, Any]:
    """From now on nothing with a lower token starts here."""
    with Place(request["root"]) as place:
        place.expect(request["place_id"])
        place.raise_to(request["key"], request["token"])
    return {}


def permit(place: Place, request: dict[str, Any]) -> None:
    """Refuse a run that may not start (any more); under the lock."""
    place.expect(request["place_id"])
    if request["boot_id"] != boot_id():
        raise Refusal("the machine was restarted since it was last looked at")
    highest = supervise.highest_token(place.token_file(request["key"]))
    why = supervise.refusal(request["run_token"], request["deadline"], highest=highest, now=supervise.boottime())
    if why:
        raise Refusal(why)


def op_prepare(request: dict[str, Any]) -> dict[str, Any]:
    """Make all that a run needs, unless older runs of the workset live: these are told instead."""
    folder = request["folder"]
    with Place(request["root"]) as place:
        permit(place, request)
        place.raise_to(request["key"], request["run_token"])
        older = [one for one in others(folder) if look(one)["held"]]
    if older:
        return {"older": [[*started_as(one), one] for one in older]}
    names = ("workset_id", "store", "run_token", "argv", "env", "deadline", "boot_id", "pipeline")
    spec = {name: request[name] for name in names}
    spec.update(started=supervise.boottime(), place_lock=place.lock_file, token_file=place.token_file(request["key"]))
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    try:
        os.mkdir(folder)  # fails where it exists: a run token starts one run
    except FileExistsError:
        raise Refusal("the run folder " + folder + " exists already; this run was started before") from None
    try:
        supervise.fill(folder, spec)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return {}


def op_spawn(request: dict[str, Any]) -> dict[str, Any]:
    """Start a prepared run, and wait until its supervisor has the run's lock."""
    folder = request["folder"]
    with Place(request["root"]) as place:
        permit(place, request)
        if os.path.exists(os.path.join(folder, "exit.json")) or is_held(folder):
            raise Refusal("the run " + folder + " was started before")
        launch(place, folder, request)
    # The supervisor checks once more under the place's lock, which is free for it now.
    return {}


def launch(place: Place, folder: str, request: dict[str, Any]) -> None:
    """The supervisor, detached by tmux where it is wanted and there, else in a session of its own."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "supervise.py")
    argv = [sys.executable, "-I", "-S", "-X", "utf8", script, folder]
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
    return {
        "place_id": Place(request["root"]).identity(),
        "host": socket.gethostname(),
        "boot_id": boot_id(),
        "boottime": supervise.boottime(),
        "runs": [look(folder) for folder in request["folders"]],
    }


def op_stop(request: dict[str, Any]) -> dict[str, Any]:
    """TERM, or KILL, for every process of a run but the supervisor, which stays to tell the exit."""
    known = recorded(request["folder"])
    if not known and not request["force"]:
        return {"reached": False}  # it is being started; the next call finds it
    own = processes.members(request["folder"], known) - {known.get("supervisor")}
    return {"reached": processes.signal_all(own, force=request["force"])}


def op_live(request: dict[str, Any]) -> dict[str, Any]:
    """Every run of one store here some process of which lives."""
    place = Place(request["root"])
    place.expect(request["place_id"])
    found = []
    for path in glob.glob(os.path.join(glob.escape(place.root), "runs", "*", "*", "spec.json")):
        folder = os.path.dirname(path)
        try:
            spec = read(path)
            if spec.get("store", "") == request["store"] and look(folder)["held"]:
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
    "prepare": op_prepare,
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

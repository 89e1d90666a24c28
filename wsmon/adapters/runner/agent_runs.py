"""The far end's runs, as their folders and processes tell. It lies beside agent.py there."""

from __future__ import annotations

import os
from typing import Any

import processes  # type: ignore[import-not-found]
from agent_place import boot_id, read  # type: ignore[import-not-found]

RESULT_FILES = (("daylily.successful_run", 0), ("daylily.failed_run", 1))


def is_held(folder: str) -> bool:
    """Whether some process of the run lives, as its lock tells; without the lock's file, as its processes do."""
    try:
        return bool(processes.lock_is_held(os.path.join(folder, "run.lock")))
    except FileNotFoundError:
        return survives(folder)


def survives(folder: str) -> bool:
    """Whether a process of the run lives, with or without its lock."""
    return bool(processes.members(folder, recorded(folder)))


def recorded(folder: str) -> dict[str, Any]:
    """What the command wrote of itself right before its exec; empty until then."""
    try:
        return dict(read(os.path.join(folder, "process.json")))
    except (OSError, ValueError, TypeError):
        return {}


def others(folder: str) -> list[str]:
    """The folders of a workset's other runs."""
    try:
        names = os.listdir(os.path.dirname(folder))
    except FileNotFoundError:
        return []
    found = [os.path.join(os.path.dirname(folder), name) for name in names]
    return [one for one in found if one != folder and os.path.isdir(one)]


def started_as(folder: str) -> tuple[int, str]:
    """A run's token and boot id; where nobody wrote them down, none and this one."""
    try:
        spec = read(os.path.join(folder, "spec.json"))
        return int(spec["run_token"]), str(spec["boot_id"])
    except (OSError, ValueError, KeyError):
        return 0, boot_id()


def look(folder: str) -> dict[str, Any]:
    """One run; the lock is read first, then the exit document."""
    if not os.path.isdir(folder):
        return {"exists": False, "held": survives(folder)}
    found: dict[str, Any] = {
        "exists": True,
        "held": is_held(folder),
        "began": os.path.exists(os.path.join(folder, "process.json")),
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
    if found["exit"] is None and not found["held"] and spec["boot_id"] == boot_id():
        found["held"] = survives(folder)  # its command let go of the lock, and its supervisor is dead
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

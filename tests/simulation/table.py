"""The state table of the design, written down a second time: what the code is held against."""

from __future__ import annotations

TERMINAL = ("complete", "error", "failed", "ignored")

# verb -> {state before: states it may lead to}
TABLE: dict[str, dict[str | None, tuple[str | None, ...]]] = {
    "register": {None: ("ready",)},
    "acquire": {"ready": ("locked",), "retrying": ("locked",), "locked": ("locked",)},
    "start": {"locked": ("in_progress",)},
    "progress": {"in_progress": ("in_progress",)},
    "complete": {"in_progress": ("complete",)},
    "fail": {
        "locked": ("retrying", "failed", "error", "ignored"),
        "in_progress": ("retrying", "failed", "error", "ignored"),
    },
    "release": {"locked": ("ready", "ignored"), "in_progress": ("in_progress",)},
    "expire": {"locked": ("ready", "failed", "ignored")},
    "adopt": {"in_progress": ("in_progress",)},
    "unlock": {"locked": ("ready", "ignored"), "in_progress": ("in_progress",)},
    "requeue": dict.fromkeys(("error", "failed", "ignored", "complete", "retrying", "in_progress"), ("ready",)),
    "ignore": dict.fromkeys(("ready", "retrying", "error", "failed"), ("ignored",)),
    "cancel": {"locked": ("locked",), "in_progress": ("in_progress",)},
    "cancelled": {"locked": ("ignored",), "in_progress": ("ignored",)},
    "set_priority": {s: (s,) for s in ("ready", "retrying", "locked", "in_progress", "error", "failed", "ignored")},
    "set_affinity": {s: (s,) for s in ("ready", "retrying", "locked", "in_progress", "error", "failed", "ignored")},
    "archive": dict.fromkeys(TERMINAL, ("archived",)),
    "restore": {"archived": TERMINAL},
    "delete": dict.fromkeys(("ready", "retrying", *TERMINAL, "archived"), ("deleted",)),
    "purge": {"deleted": (None,)},
}
HOLDERS = frozenset({"start", "progress", "complete", "fail", "release", "cancelled"})
TAKING = frozenset({"acquire", "adopt"})
KEEPS_LOCK = frozenset({"acquire", "start", "progress", "adopt", "cancel", "set_priority", "set_affinity"})
RETRYABLE = {"transient": True, "resource": True, "configuration": False, "data": False, "permanent": False}
# exit code -> category, as the design has it; anything over 128, or no code at all, is transient; else permanent.
CATEGORIES = {
    65: "data",
    69: "transient",
    75: "transient",
    71: "resource",
    137: "resource",
    78: "configuration",
    126: "configuration",
    127: "configuration",
}
TIERS = {"urgent": 0, "normal": 1, "low": 2}

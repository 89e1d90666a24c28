"""The files of a workset folder: `daylily_work.yaml`, the sample table and the sentinels."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import yaml

from wsmon.domain.errors import InvalidInput
from wsmon.domain.needs import COST_NAMES
from wsmon.domain.spec import check_encodable
from wsmon.domain.states import WorksetState
from wsmon.domain.times import Instant, from_datetime

MAX_BYTES = 1_000_000
"""What one of these files may hold."""
WORK, INFO, SAMPLES, SAMPLE_DATA = "daylily_work.yaml", "daylily_info.yaml", "stage_samples.tsv", "sample_data"
SENTINEL = "daylily."
# Sentinels accumulate; the first of these that is there says how the workset stands.
PRECEDENCE = {
    "ignore": WorksetState.IGNORED,
    "error": WorksetState.ERROR,
    "complete": WorksetState.COMPLETE,
    "in_progress": WorksetState.IN_PROGRESS,
    "lock": WorksetState.LOCKED,
    "ready": WorksetState.READY,
}
_RUN = ("dy_r", "dy-r", "dy", "run", "run_suffix", "run-suffix", "run_cmd", "run-command")
_CLONE = ("day_clone_args", "day-clone", "clone_args", "clone-args", "clone")
_EXPORT = ("export_uri", "export-uri", "export")
_KEPT = ("workdir_name", "budget", "cluster_name", "notes")
NAMES = frozenset({"run_args", "clone_args", "export_uri", *_KEPT, *COST_NAMES})
"""What of a workset's metadata comes from this file."""
_PARTS = ("suffix", "args", "cmd", "command")


def parse_work(text: bytes) -> dict[str, Any]:
    """What a run needs, as metadata: run_args, clone_args, export_uri and more. Raises InvalidInput."""
    document = parse_yaml(WORK, text)
    found: dict[str, Any] = {
        "run_args": _first(document, _RUN),
        "clone_args": _first(document, _CLONE),
        "export_uri": _first(document, _EXPORT),
        **{name: _text(document.get(name)) for name in (*_KEPT, "priority")},
    }
    found |= {name: number for name in COST_NAMES if (number := _number(document.get(name))) is not None}
    requirements = document.get("requirements")
    if isinstance(requirements, Mapping):
        found["requirements"] = {str(name): value for name, value in requirements.items()}
    if not found["run_args"]:
        raise InvalidInput(f"{WORK} has no run arguments (key dy-r)")
    return {name: value for name, value in found.items() if value}


def parse_yaml(name: str, text: bytes) -> Mapping[str, Any]:
    """A YAML mapping of plain values. Raises InvalidInput."""
    if len(text) > MAX_BYTES:
        raise InvalidInput(f"{name} is more than {MAX_BYTES:,} bytes long; at most {MAX_BYTES:,} are allowed")
    try:
        document = yaml.safe_load(text)
    except Exception as error:  # a tag on a value it does not fit raises whatever its constructor meets
        reason = " ".join(f"{type(error).__name__} {error}".split())[:200]
        raise InvalidInput(f"{name} is not readable YAML: {reason}") from None
    if not isinstance(document, Mapping):
        raise InvalidInput(f"{name} must hold a mapping of keys to values")
    return document


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _first(document: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """The first of the keys that says something, as one text."""
    return next((text for name in names if (text := _text(document.get(name)))), "")


def _text(value: object) -> str:
    """A text, a list of words, or a mapping with one of them, as one text without outer white space."""
    if isinstance(value, Mapping):
        return next((text for name in _PARTS if (text := _words(value.get(name)))), "")
    return _words(value)


def _words(value: object) -> str:
    return " ".join(map(_scalar, value)).strip() if isinstance(value, list) else _scalar(value)


def _scalar(value: object) -> str:
    """Nothing for what is no text and no number. Raises InvalidInput for what no store can keep."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    try:
        return check_encodable(f"a value of {WORK}", str(value).strip())
    except ValueError:
        raise InvalidInput(f"{WORK} holds a number of thousands of digits") from None


def sample_count(text: bytes) -> int:
    """The rows below the header of a sample table. Raises InvalidInput where there is no header."""
    lines = [line for line in text.decode("utf-8", errors="replace").splitlines() if line.strip()]
    if not lines or "\t" not in lines[0]:
        raise InvalidInput(f"{SAMPLES} has no header line of tab-separated names")
    return len(lines) - 1


def sentinel_time(body: str, otherwise: Instant) -> Instant:
    """When a sentinel was written: `YYYYMMDDTHHMMSS` or ISO-8601 in UTC; else the file's own time."""
    stamp = body.split("\t", 1)[0].strip()
    try:
        return from_datetime(dt.datetime.fromisoformat(stamp))  # takes the compact form too
    except (ValueError, OverflowError):
        return otherwise

"""The predecessor's monitor configuration (daylily_info.yaml) as settings, and what has no place there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wsmon.domain.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Carried:
    """A predecessor's configuration as wsmon.toml, and what has no place there."""

    toml: str
    left: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value goes, and as what; None where it has nothing to say there."""

    section: str
    name: str
    value: Callable[[Any], Any] = lambda value: value


# Its dotted name -> where it goes.
_PLACES = {
    "aws.profile": _Place("store", "profile"),
    "aws.region": _Place("store", "region"),
    "monitor.bucket": _Place("catalog", "bucket"),
    "monitor.prefix": _Place("catalog", "prefix"),
    "monitor.poll_interval_seconds": _Place("catalog", "poll_seconds"),
    "cluster.reuse_cluster_name": _Place("parallelcluster", "names", lambda name: [str(name)]),
    "cluster.preferred_availability_zone": _Place("creation", "zone"),
    "cluster.idle_teardown_minutes": _Place("creation", "idle_seconds", lambda minutes: _number(minutes, 60)),
    "pipeline.ssh_user": _Place("parallelcluster", "user"),
    "pipeline.ssh_identity_file": _Place("parallelcluster", "identity_file"),
}
WORKDIR = "pipeline.workdir"
_COMMANDS = {
    "pipeline.stage_command": "stage",
    "pipeline.clone_command": "clone",
    "pipeline.run_prefix": "run",
    "pipeline.export_command": "export",
}
# Its placeholder -> what stands for it here; what begins with {* becomes several arguments.
_KNOWN = {
    "cluster": "{cluster}",
    "analysis_samples": "s3://{bucket}/{prefix}stage_samples.tsv",
    "clone_args": "{*metadata.clone_args}",
    "target_uri": "{metadata.export_uri}",
    "workdir_name": "{workdir_name}",
    "run_args": "{*metadata.run_args}",
}
_HOLE = re.compile(r"(?<!\S)\{([a-z_]+)\}(?!\S)")
_HEAD = """\
# Carried over from the predecessor's configuration. Its steps ran beside its monitor or on the head node; here each runs
# on the cluster. Where the pipeline tells of its end is for you to say (pipeline_folder), and whether clusters are made
# ([creation] enabled, with what an hour costs).
"""


def carry_over(document: Mapping[str, Any]) -> Carried:
    """The settings that its configuration has here; everything else is named. Raises InvalidInput for none at all."""
    flat = {name: value for name, value in _flat(document) if value not in (None, "")}
    found: dict[str, dict[str, Any]] = {}
    left = dict(flat)
    for name, place in _PLACES.items():
        value = place.value(flat[name]) if name in flat else None
        if value is not None:
            found.setdefault(place.section, {})[place.name] = value
            del left[name]
    steps = _steps(flat)
    if steps:
        found["steps"] = steps
        # The predecessor ran nothing on its own machine.
        found["pool"] = {"local": False}
        left = {name: value for name, value in left.items() if name not in _COMMANDS and name != WORKDIR}
    if steps or "parallelcluster" in found:
        found["parallelcluster"] = {"enabled": True, **found.get("parallelcluster", {})}
    if not found:
        raise InvalidInput("the file holds nothing of the predecessor's monitor configuration (aws, monitor, pipeline)")
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False, default=str)}" for name, value in left.items()]
    return Carried("\n".join([_HEAD, *(_toml(*item) for item in found.items())]), tuple(lines))


def _steps(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Its commands as steps; all that it has or, where one of them cannot be had here, none: half a pipeline is no run."""
    values = {"profile": str(flat.get("aws.profile", "")), "region": str(flat.get("aws.region", ""))}
    given = {step: str(flat[name]) for name, step in _COMMANDS.items() if name in flat}
    if "run" not in given:
        return {}
    given["run"] += " {run_args}"
    made = {step: argv for step, text in given.items() if (argv := _argv(step, text, values))}
    if made.keys() != given.keys():
        return {}
    workdir = str(flat.get(WORKDIR, "")).rstrip("/")
    if re.search(r"[{}]", workdir):
        return {}
    return {**({"workdir": f"{workdir}/{{workdir_name}}"} if workdir else {}), **made}


def _argv(step: str, text: str, values: Mapping[str, str]) -> list[str]:
    """A shell's line as an argument list: what it names comes in as arguments, so that no value meets the shell.

    Nothing where it names what is not known, or names it inside a word or quotes.
    """
    single: list[str] = []
    several: list[str] = []

    def argument(match: re.Match[str]) -> str:
        name = match.group(1)
        if name in values:
            single.append(values[name].replace("{", "{{").replace("}", "}}"))
        elif name in _KNOWN and not _KNOWN[name].startswith("{*"):
            single.append(_KNOWN[name])
        elif name in _KNOWN and not several:
            several.append(_KNOWN[name])
            return "\0"
        else:
            return match.group(0)
        return f'"${len(single)}"' if len(single) < 10 else f'"${{{len(single)}}}"'

    line = _HOLE.sub(argument, text.strip())
    if re.search(r"\{[a-z_]+\}", line.replace("${", "")):
        return []
    line = line.replace("\0", f'"${{@:{len(single) + 1}}}"' if single else '"$@"')
    return ["bash", "-lc", line.replace("{", "{{").replace("}", "}}"), step, *single, *several]


def _number(value: object, factor: float) -> float | None:
    try:
        return float(str(value)) * factor
    except ValueError:
        return None


def _flat(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _toml(section: str, values: Mapping[str, Any]) -> str:
    # JSON's texts, numbers, truths and lists of them are TOML's too.
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()]
    return "\n".join([f"[{section}]", *lines, ""])

"""The command template: an argument list with placeholders and no evaluation of any kind.

Each element stays one argument, whatever a field holds. Only an element that is exactly
`{*metadata.KEY}` becomes several, split as a POSIX shell would split words.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence

from wsmon.domain.errors import InvalidInput, SettingsError
from wsmon.domain.spec import shown
from wsmon.domain.workset import Workset

FIELDS = ("workset_id", "bucket", "prefix", "priority", "attempt", "run_token", "run_folder", "workdir_name", "cluster")
WORKDIR_NAME = "{workdir_name}"
"""The one placeholder that a workset's own arguments may hold, as in `day-clone: -d {workdir_name}`."""
SHOWN_KEYS = 20
_PART = re.compile(r"\{\{|\}\}|\{(\*?)([A-Za-z_][A-Za-z0-9_.-]*)\}|[{}]")


def check_template(argv: Sequence[str]) -> tuple[str, ...]:
    """The template, if every placeholder is known. Raises SettingsError."""
    if isinstance(argv, str) or not argv or not all(isinstance(part, str) for part in argv):
        raise SettingsError('the command must be a list of texts that is not empty, such as ["run.sh", "{workset_id}"]')
    for element in argv:
        for match in _PART.finditer(element):
            _check_part(element, match)
    return tuple(argv)


def _check_part(element: str, match: re.Match[str]) -> None:
    token, star, name = match.group(0), match.group(1), match.group(2)
    if token in {"{{", "}}"}:
        return
    if name is None:
        raise SettingsError(f"the command's {shown(element)} holds a single brace; write {{{{ or }}}} for one")
    if name not in FIELDS and not name.startswith("metadata."):
        known = ", ".join([*FIELDS, "metadata.KEY"])
        raise SettingsError(f"the command's {shown(element)} names {name!r}; known are {known}")
    if star and (element != token or not name.startswith("metadata.")):
        raise SettingsError(f"the command's {shown(element)}: {{*metadata.KEY}} must be an element of its own")


def workdir_name(workset: Workset) -> str:
    """What a workset's folder on a cluster is called: metadata.workdir_name, else its id."""
    return str(workset.metadata.get("workdir_name") or workset.workset_id)


def render(template: Sequence[str], workset: Workset, *, run_token: int, run_folder: str) -> list[str]:
    """The argument list for one run. Raises InvalidInput when it is empty, or a metadata key is missing or cannot be one."""
    values: dict[str, object] = {
        "workset_id": workset.workset_id,
        "bucket": workset.bucket,
        "prefix": workset.prefix,
        "priority": workset.priority.value,
        "attempt": workset.attempt + 1,
        "run_token": run_token,
        "run_folder": run_folder,
        "workdir_name": workdir_name(workset),
        "cluster": workset.slot or workset.cluster or "",
    }
    argv: list[str] = []
    for element in template:
        whole = _PART.fullmatch(element)
        if whole and whole.group(1):
            argv += (
                part.replace(WORKDIR_NAME, workdir_name(workset)) for part in _words(whole.group(2), workset.metadata)
            )
        else:
            argv.append(_PART.sub(lambda match: _text(match, values, workset.metadata), element))
    if not argv:
        raise InvalidInput("the command is empty: its template holds nothing but fields that are empty here")
    if any("\0" in part for part in argv):
        raise InvalidInput("an argument of the command holds a NUL character, which no program can be given")
    return argv


def fill(template: str, workset: Workset, *, run_token: int, run_folder: str) -> str:
    """One text of its template."""
    return render([template], workset, run_token=run_token, run_folder=run_folder)[0]


def _text(match: re.Match[str], values: Mapping[str, object], metadata: Mapping[str, object]) -> str:
    name = match.group(2)
    if name is None:
        return match.group(0)[0]
    value = values[name] if name in values else _metadata(name, metadata)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _words(name: str, metadata: Mapping[str, object]) -> list[str]:
    value = _metadata(name, metadata)
    if isinstance(value, list | tuple):
        return [part if isinstance(part, str) else json.dumps(part, ensure_ascii=False) for part in value]
    try:
        return shlex.split(str(value))
    except ValueError as error:
        raise InvalidInput(f"{name} cannot be split into arguments: {error}") from None


def _metadata(name: str, metadata: Mapping[str, object]) -> object:
    value: object = metadata
    for key in name.split(".")[1:]:
        if not isinstance(value, Mapping) or key not in value:
            known = [shown(one).strip("'") for one in metadata]
            has = f"its metadata has {', '.join(known[:SHOWN_KEYS])}" if known else "it has no metadata"
            more = f" and {len(known) - SHOWN_KEYS} more" if len(known) > SHOWN_KEYS else ""
            raise InvalidInput(f"the command needs {name}, which the workset does not have; {has}{more}")
        value = value[key]
    return value

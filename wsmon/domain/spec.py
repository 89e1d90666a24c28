"""What a caller may hand in, checked once for every face."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wsmon.domain.errors import InvalidInput
from wsmon.domain.needs import check_requirements
from wsmon.domain.states import WorksetPriority, WorksetState
from wsmon.domain.visible import harmless
from wsmon.domain.workset import JSONObject

MAX_ID_BYTES = 512
MAX_TEXT_BYTES = 1024
MAX_REASON_CHARS = 4096
MAX_DOCUMENT_BYTES = 300_000
MAX_DEPTH = 30


@dataclass(frozen=True, slots=True)
class WorksetSpec:
    """A workset to be registered; checked on construction. Raises InvalidInput."""

    workset_id: str
    bucket: str
    prefix: str = ""
    priority: WorksetPriority = WorksetPriority.NORMAL
    metadata: JSONObject = field(default_factory=dict)
    requirements: JSONObject = field(default_factory=dict)
    affinity: str | None = None

    def __post_init__(self) -> None:
        check_name("workset id", self.workset_id, MAX_ID_BYTES)
        if self.workset_id.startswith("cluster:"):
            raise InvalidInput(f"workset id {shown(self.workset_id)} begins with cluster:, as a cluster's events do")
        check_name("bucket", self.bucket, MAX_TEXT_BYTES)
        if self.prefix:
            check_name("prefix", self.prefix, MAX_TEXT_BYTES)
        if self.affinity is not None:
            check_name("affinity", self.affinity, MAX_TEXT_BYTES)
        object.__setattr__(self, "priority", parse_priority(self.priority))
        check_document("metadata", self.metadata)
        check_document("requirements", self.requirements)
        check_requirements(self.requirements)
        check_document("metadata with requirements", {**self.metadata, "requirements": self.requirements})


@dataclass(frozen=True, slots=True)
class Facts:
    """What a workset's folder says of it; as far as that can be read."""

    priority: WorksetPriority = WorksetPriority.NORMAL
    metadata: JSONObject = field(default_factory=dict)
    requirements: JSONObject = field(default_factory=dict)
    affinity: str | None = None
    names: frozenset[str] = frozenset()
    """What of the metadata a folder could say, where it was read; what it does not say is not so."""


def parse_priority(value: str) -> WorksetPriority:
    """The tier named by `value`. Raises InvalidInput that lists the tiers."""
    try:
        return WorksetPriority(value)
    except ValueError:
        tiers = ", ".join(WorksetPriority)
        raise InvalidInput(f"priority {shown(value)} is unknown; use one of {tiers}") from None


def parse_state(value: str) -> WorksetState:
    """The state named by `value`. Raises InvalidInput that lists the states."""
    try:
        return WorksetState(value)
    except ValueError:
        raise InvalidInput(f"state {shown(value)} is unknown; use one of {', '.join(WorksetState)}") from None


def check_name(what: str, value: object, limit: int = MAX_ID_BYTES) -> str:
    """A short one-line text (id, owner, bucket): not empty, nothing invisible in it, at most `limit` bytes."""
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(f"{what} {shown(value)} is empty or not a text; give at least one visible character")
    if value != value.strip():
        raise InvalidInput(f"{what} {shown(value)} begins or ends with white space; take it off")
    if not harmless(value):
        character = next(character for character in value if not harmless(character))
        raise InvalidInput(
            f"{what} {shown(value)} holds the control or invisible character U+{ord(character):04X};"
            " use visible characters only"
        )
    size = len(value.encode())
    if size > limit:
        raise InvalidInput(f"{what} {shown(value)} is {size} bytes long; at most {limit} are allowed")
    return value


def check_reason(value: str | None, *, needed: bool = False) -> str | None:
    """A reason as free text, at most 4,096 characters; may hold anything that is Unicode."""
    text = (value or "").strip()
    if not text:
        if needed:
            raise InvalidInput("a reason is needed; say in a few words why")
        return None
    if len(text) > MAX_REASON_CHARS:
        raise InvalidInput(f"the reason is {len(text)} characters long; at most {MAX_REASON_CHARS} are allowed")
    return check_encodable("the reason", text)


def check_encodable(what: str, text: str) -> str:
    """A text that UTF-8 can carry."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidInput(f"{what} holds half a surrogate pair, which no store can keep; send valid Unicode") from None
    return text


def check_document(what: str, value: object) -> Mapping[str, Any]:
    """A JSON object that every store gives back as it went in. Raises InvalidInput naming the place."""
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{what} must be a JSON object, not {type(value).__name__}")
    _check_value(what, value, 0)
    size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
    if size > MAX_DOCUMENT_BYTES:
        raise InvalidInput(f"{what} is {size:,} bytes as JSON; at most {MAX_DOCUMENT_BYTES:,} are allowed")
    return value


def _check_value(where: str, value: object, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidInput(f"{where[:80]} is nested more than {MAX_DEPTH} deep")
    match value:
        case None | bool() | int():
            return
        case str():
            check_encodable(where, value)
        case float():
            if not math.isfinite(value):
                raise InvalidInput(f"{where} is {value}, which JSON does not know; use a finite number or null")
        case Mapping():
            for key, item in value.items():
                _check_value(f"{where}.{_check_key(where, key)[:40]}", item, depth + 1)
        case list() | tuple():
            for index, item in enumerate(value):
                _check_value(f"{where}[{index}]", item, depth + 1)
        case _:
            raise InvalidInput(f"{where} is a {type(value).__name__}, which JSON does not know")


def _check_key(where: str, key: object) -> str:
    if not isinstance(key, str):
        raise InvalidInput(f"{where} has the key {shown(key)}; JSON keys are texts")
    return check_encodable(f"a key of {where}", key)


def shown(value: object, limit: int = 60) -> str:
    """A value for an error message: escaped and short."""
    text = ascii(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."

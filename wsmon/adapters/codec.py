"""Records as flat attributes of texts and whole numbers, the same for every engine.

Nested values are JSON text: numbers, empty texts and deep nesting come out exactly as they
went in, which DynamoDB's own maps do not promise (1.0 becomes 1, nesting ends at 32).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from wsmon.domain.change import Event
from wsmon.domain.errors import StoreUnusable
from wsmon.domain.lives import HEALTH, Life, Phase
from wsmon.domain.pool import ClusterRecord, Held, Taken
from wsmon.domain.spec import shown
from wsmon.domain.states import ErrorCategory, WorksetPriority, WorksetState, verb_named
from wsmon.domain.workset import CancelRequest, Failure, Lease, Row, RunRecord, Tombstone, Workset
from wsmon.ports import OutboxPage

Attributes = dict[str, str | int]
_DOCUMENTS = ("metadata", "requirements", "metrics")
_PURGED = "purged"
PROBLEM_CHARS = 300
_WORKSET_FIELDS = tuple(f.name for f in fields(Workset))
_ROW_DEFAULTS = {f.name: f.default for f in fields(Row)}


def dumps(value: object) -> str:
    """Compact JSON. Raises ValueError for NaN and infinities."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def record_attributes(record: Workset | Tombstone) -> Attributes:
    """A record's attributes; absent ones are None or the default."""
    if isinstance(record, Tombstone):
        plain = {name: getattr(record, name) for name in ("workset_id", "token", "rev", "updated_at", "change_id")}
        return {**plain, "state": _PURGED}
    attributes: Attributes = {}
    for name in _WORKSET_FIELDS:
        value = getattr(record, name)
        if value is None or (name in _DOCUMENTS and not value):
            continue
        attributes[name] = value if isinstance(value, int | str) else dumps(_nested(value))
    return attributes


def record_from(attributes: Mapping[str, Any]) -> Workset | Tombstone:
    """The record of some attributes; others than its own are passed over. Raises KeyError, ValueError."""
    if attributes["state"] == _PURGED:
        names = ("workset_id", "token", "rev", "updated_at", "change_id")
        known: dict[str, Any] = {name: _plain(attributes[name]) for name in names}
        return Tombstone(**known)
    known = {name: _plain(attributes[name]) for name in _WORKSET_FIELDS if name in attributes}
    known["state"] = WorksetState(known["state"])
    known["priority"] = WorksetPriority(known["priority"])
    if "archived_from" in known:
        known["archived_from"] = WorksetState(known["archived_from"])
    for name in _DOCUMENTS:
        if name in known:
            known[name] = json.loads(known[name])
    if "taken" in known:
        known["taken"] = Taken(**json.loads(known["taken"]))
    if "run" in known:
        known["run"] = RunRecord(**json.loads(known["run"]))
    if "failure" in known:
        failure = json.loads(known["failure"])
        known["failure"] = Failure(**{**failure, "category": ErrorCategory(failure["category"])})
    if "cancel" in known:
        known["cancel"] = CancelRequest(**json.loads(known["cancel"]))
    return Workset(**known)


def row_text(row: Row, told: Mapping[str, object] | None = None) -> str:
    """A row as JSON; defaults are left out, and what is `told` beside it."""
    left_out = {**_ROW_DEFAULTS, **(told or {})}
    values = {name: value for name, usual in left_out.items() if (value := getattr(row, name)) != usual}
    return dumps(values)


def row_from(text: str, told: Mapping[str, object] | None = None) -> Row:
    """The row of its JSON."""
    values = {**(told or {}), **json.loads(text)}
    values["state"] = WorksetState(values["state"])
    values["priority"] = WorksetPriority(values["priority"])
    if "category" in values:
        values["category"] = ErrorCategory(values["category"])
    return Row(**values)


def rows_from(texts: Iterable[tuple[str, str | None]]) -> tuple[list[Row], list[str]]:
    """The rows of (id, JSON), and the ids of those that are none: one bad item never hides the others."""
    rows, malformed = [], []
    for workset_id, text in texts:
        try:
            rows.append(row_from(text or ""))
        except (KeyError, TypeError, ValueError):
            malformed.append(workset_id)
    return rows, malformed


def readable(workset_id: str, attributes: Mapping[str, Any] | str) -> Workset | Tombstone:
    """The record of some attributes, or of their JSON. Raises StoreUnusable naming the id where they are none."""
    try:
        return record_from(json.loads(attributes) if isinstance(attributes, str) else attributes)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreUnusable(
            f"the record of {shown(workset_id)} cannot be read ({type(error).__name__}: {shown(str(error))});"
            " restore it from a backup, or purge it by hand"
        ) from None


def worksets_from(items: Iterable[tuple[str, Mapping[str, Any] | str]]) -> dict[str, Workset]:
    """The worksets of (id, attributes); tombstones and unreadable ones are left out."""
    found = {}
    for workset_id, attributes in items:
        with contextlib.suppress(StoreUnusable):
            record = readable(workset_id, attributes)
            if isinstance(record, Workset):
                found[workset_id] = record
    return found


def event_attributes(event: Event) -> Attributes:
    """An event's attributes."""
    attributes: Attributes = {}
    for item in fields(Event):
        value = getattr(event, item.name)
        if value is None:
            continue
        if item.name == "row":
            value = row_text(value, _told_by(event))
        elif item.name == "detail":
            value = dumps(value)
        attributes[item.name] = value
    return attributes


def event_from(attributes: Mapping[str, Any]) -> Event:
    """The event of some attributes; others than its own are passed over."""
    known: dict[str, Any] = {f.name: _plain(attributes[f.name]) for f in fields(Event) if f.name in attributes}
    known["verb"] = verb_named(known["verb"])
    before, after = known.get("before"), known.get("after")
    known["before"] = WorksetState(before) if before else None
    known["after"] = WorksetState(after) if after else None
    if "detail" in known:
        known["detail"] = json.loads(known["detail"])
    if "row" in known:
        row = known.pop("row")
        told = _told_by(Event(**known))
        known["row"] = row_from(row, told)
    return Event(**known)


def _told_by(event: Event) -> dict[str, object]:
    """What an event says of its row already; the feed is read often and paid by the byte."""
    return {
        "workset_id": event.workset_id,
        "state": event.after,
        "rev": event.seq,
        "updated_at": event.at,
        "token": event.token,
    }


def cluster_document(cluster: ClusterRecord) -> dict[str, Any]:
    """A cluster's facts; what the store keeps itself is left out."""
    kept = {"claims", "drained", "life"}
    return {f.name: getattr(cluster, f.name) for f in fields(cluster) if f.name not in kept}


def cluster_from(
    document: Mapping[str, Any] | None, claims: Mapping[str, Held], life: Life | None
) -> ClusterRecord | None:
    """The cluster of its facts; names of a later version are passed over.

    One that was asked for and never reported is made of its life; None for one that is neither, or gone.
    """
    if life is not None and (life.phase is Phase.GONE or (document is None and life.phase is Phase.NONE)):
        return None
    if document is None:
        assert life is not None, "a cluster has facts or a life"
        health = HEALTH.get(life.phase, "stopped")
        return ClusterRecord(life.name, 0, life.updated_at, health, kind="asked", note=life.note, life=life)
    known = {f.name: document[f.name] for f in fields(ClusterRecord) if f.name in document}
    known["instance_types"] = tuple(known.get("instance_types", ()))
    return ClusterRecord(**{**known, "claims": claims, "drained": life.closed if life else "", "life": life})


def life_attributes(life: Life) -> dict[str, Any]:
    """A life as plain values; what is not set is left out."""
    values = {f.name: getattr(life, f.name) for f in fields(life)}
    values["run"] = _nested(life.run) if life.run is not None else None
    return {name: value for name, value in values.items() if value is not None}


def life_from(document: Mapping[str, Any]) -> Life:
    """The life of its plain values; names of a later version are passed over."""
    known = {f.name: document[f.name] for f in fields(Life) if f.name in document}
    known["phase"] = Phase(known.get("phase", Phase.NONE))
    if known.get("run") is not None:
        known["run"] = RunRecord(**known["run"])
    return Life(**known)


def outbox_page(found: Iterable[tuple[str, int, str]], cursor: str, *, more: bool) -> OutboxPage:
    """A page of (workset id, seq, JSON text); what is no event any more is named and never in the way."""
    events, broken = [], {}
    for workset_id, seq, text in found:
        try:
            events.append(event_from(json.loads(text)))
        except (KeyError, TypeError, ValueError) as error:
            broken[workset_id, seq] = f"{type(error).__name__}: {error}"[:PROBLEM_CHARS]
    return OutboxPage(events, cursor, more, broken)


def lease_attributes(lease: Lease) -> Attributes:
    """A lease's attributes; the duration in microseconds."""
    return {
        "workset_id": lease.workset_id,
        "holder": lease.holder,
        "token": lease.token,
        "renewal": lease.renewal,
        "duration_us": round(lease.duration * 1e6),
        "acquired_at": lease.acquired_at,
        "expires_at": lease.expires_at,
    }


def lease_from(attributes: Mapping[str, Any]) -> Lease:
    """The lease of its attributes."""
    return Lease(
        workset_id=attributes["workset_id"],
        holder=attributes["holder"],
        token=int(attributes["token"]),
        renewal=int(attributes["renewal"]),
        duration=int(attributes["duration_us"]) / 1e6,
        acquired_at=int(attributes["acquired_at"]),
        expires_at=int(attributes["expires_at"]),
    )


def _nested(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    return {f.name: getattr(value, f.name) for f in fields(value)}  # type: ignore[arg-type]


def _plain(value: Any) -> str | int:
    return value if isinstance(value, str) else int(value)

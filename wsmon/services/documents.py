"""Records as JSON documents for people and programs: times in ISO-8601, absent values null."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from wsmon.domain.change import Event
from wsmon.domain.times import Instant, isoformat
from wsmon.domain.workset import Lease, Row, Workset
from wsmon.ports import TokenRecord

if TYPE_CHECKING:
    from wsmon.domain.fitting import Verdict
    from wsmon.domain.scheduling import Decision

_MOMENTS = frozenset(
    [
        "registered_at",
        "queued_at",
        "updated_at",
        "locked_at",
        "started_at",
        "ended_at",
        "retry_after",
        "at",
        "acquired_at",
        "expires_at",
        "until",
        "heartbeat_at",
        "first_at",
        "changed_at",
        "last_at",
        "created_at",
    ]
)
KEPT_VERDICTS = 25
_SHOWN = tuple(f.name for f in fields(Workset) if f.name != "change_id")


def workset_document(workset: Workset) -> dict[str, Any]:
    """Everything about a workset; `owner` is its lock's holder."""
    document = {name: getattr(workset, name) for name in _SHOWN}
    for name in ("run", "failure", "cancel", "taken"):
        value = document[name]
        document[name] = dated(asdict(value)) if value is not None else None
    return _owned(dated(document))


def record_document(record: Workset | Row) -> dict[str, Any]:
    """A workset under its own names and those the predecessor gave, for old callers of library and REST.

    Of a row, `metadata`, `requirements` and `metrics` are None: only the whole record has them.
    """
    whole = isinstance(record, Workset)
    document = workset_document(record) if isinstance(record, Workset) else row_document(record)
    failure = record.failure if isinstance(record, Workset) else None
    details = failure.details if failure else None
    category = failure.category if failure else None
    if isinstance(record, Row):
        details, category = record.error, record.category
    document |= {
        "created_at": document["registered_at"] or document["queued_at"],
        "cluster_name": record.cluster,
        "error_details": details,
        "error_category": category.value if category else None,
        "lock_owner": record.holder,
        "lock_acquired_at": document["locked_at"] if record.holder else None,
        "retry_count": record.attempt,
    }
    if whole:
        document |= {
            "preferred_cluster": document["affinity"],
            "failed_step": failure.failed_step if failure else None,
        }
    else:
        document |= dict.fromkeys(("metadata", "requirements", "metrics"))
    return document


def row_document(row: Row) -> dict[str, Any]:
    """A workset as listings show it."""
    return _owned(dated({f.name: getattr(row, f.name) for f in fields(row)}))


def event_document(event: Event) -> dict[str, Any]:
    """An event of the audit trail."""
    names = [f.name for f in fields(event) if f.name != "row"]
    return dated({name: getattr(event, name) for name in names})


def standing_of(event: Event) -> str:
    """Where what the event is about stands after it, in a word or two."""
    if event.cluster:
        after = (event.detail or {}).get("after") or {}
        return "draining" if after.get("drained") else str(after.get("phase", "")).replace("none", "in the pool")
    return event.after.value if event.after is not None else "gone"


def lease_document(lease: Lease) -> dict[str, Any]:
    """A lock; `seconds` is its whole duration."""
    document = _owned(dated(asdict(lease)))
    document["seconds"] = document.pop("duration")
    return document


def token_document(token: TokenRecord) -> dict[str, Any]:
    """A token without its digest."""
    return dated({name: value for name, value in asdict(token).items() if name != "digest"})


def verdict_documents(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """What every cluster said to a workset."""
    return [
        {"cluster": one.cluster, "verdict": one.verdict.value, "reasons": list(one.reasons), "score": one.score}
        for one in verdicts
    ]


def decision_document(decision: Decision) -> dict[str, Any]:
    """A decision without its verdicts."""
    return {
        "workset_id": decision.workset_id,
        "state": decision.state.value,
        "priority": decision.priority.value,
        "tier": decision.tier,
        "position": decision.position,
        "action": decision.action.value,
        "cluster": decision.cluster,
        **({"makes": decision.makes} if decision.makes else {}),
        "estimated_start": iso_or_none(decision.estimated_start),
        "needs": decision.needs.document(),
    }


def acted_on(decision: Decision) -> dict[str, Any]:
    """A decision as its event keeps it: verdicts one by one up to 25 clusters, the rest only counted."""
    document = decision_document(decision)
    chosen = sorted(decision.clusters, key=lambda one: (one.cluster != decision.cluster, one.score is None))
    document["clusters"] = verdict_documents(chosen[:KEPT_VERDICTS])
    if len(chosen) > KEPT_VERDICTS:
        document["others"] = dict(Counter(one.verdict.value for one in chosen[KEPT_VERDICTS:]))
    return document


def _owned(document: dict[str, Any]) -> dict[str, Any]:
    document["owner"] = document.pop("holder")
    return document


def dated(document: dict[str, Any]) -> dict[str, Any]:
    """The document with its moments in ISO-8601."""
    return document | {name: iso_or_none(document[name]) for name in _MOMENTS & document.keys()}


def iso_or_none(at: Instant | None) -> str | None:
    """A moment as text, or nothing."""
    return None if at is None else isoformat(at)

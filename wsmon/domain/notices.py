"""What a channel may be told: one thing that happened, or one condition that begins, stands or ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

from wsmon.domain.change import Event
from wsmon.domain.states import ClusterVerb, Verb, WorksetState
from wsmon.domain.times import Instant

TEXT_CHARS = 2000


class Severity(StrEnum):
    """How much it matters, least first."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for info, 2 for critical."""
        return list(Severity).index(self)


class Status(StrEnum):
    """Whether a condition holds; `info` tells of something that just happened."""

    INFO = "info"
    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Notice:
    """One event, or one alert in one status. Texts are as they came in: channels make them harmless."""

    notice_id: str
    """Names it for ever: `ID:SEQ` of an event; fingerprint, first moment and status of an alert."""
    subject: str
    """A workset id, or what else an alert is about."""
    seq: int
    """0: no event."""
    at: Instant
    event_type: str
    """`completion`, `error`, `state_change`, `cluster` or `alert`."""
    kind: str
    """The verb of an event, the kind of an alert."""
    state: str
    severity: Severity
    status: Status
    fingerprint: str
    """Of the condition that begins or ends here; equal for both."""
    priority: str = ""
    cluster: str = ""
    category: str = ""
    actor: str = ""
    text: str = ""

    @property
    def key(self) -> tuple[str, int]:
        """The event's (workset id, seq); an alert's (notice id, 0)."""
        return (self.subject, self.seq) if self.seq else (self.notice_id, 0)

    @property
    def line(self) -> str:
        """Notices of one line are told in their order."""
        return self.subject if self.seq else self.fingerprint


_BROKEN = frozenset({WorksetState.ERROR, WorksetState.FAILED})


def notice_of(event: Event) -> Notice:
    """An event as a notice: error and failed begin a condition, leaving them ends it."""
    if event.cluster:
        return _cluster_notice(event)
    row, after = event.row, event.after
    broke = after in _BROKEN and event.before is not after
    mended = event.before in _BROKEN and after not in _BROKEN
    broken_state = after if broke else event.before
    category = row.category.value if row is not None and row.category is not None else ""
    return Notice(
        notice_id=f"{event.workset_id}:{event.seq}",
        subject=event.workset_id,
        seq=event.seq,
        at=event.at,
        event_type=_event_type(event, broke=broke),
        kind=event.verb.value,
        state=after.value if after is not None else "purged",
        severity=Severity.WARNING if broke or mended else Severity.INFO,
        status=Status.FIRING if broke else Status.RESOLVED if mended else Status.INFO,
        fingerprint=workset_fingerprint(broken_state, event.workset_id) if broke or mended else event.workset_id,
        priority=row.priority.value if row is not None else "",
        cluster=(row.cluster or "") if row is not None else "",
        category=category,
        actor=event.actor,
        text=_text(event, broke=broke)[:TEXT_CHARS],
    )


_TROUBLE = frozenset({ClusterVerb.CREATE_FAILED, ClusterVerb.TEARDOWN_FAILED})


def _cluster_notice(event: Event) -> Notice:
    """What was decided about a cluster: a failure is a warning, the rest is to be known."""
    after = (event.detail or {}).get("after") or {}
    return Notice(
        notice_id=f"{event.workset_id}:{event.seq}",
        subject=event.workset_id,
        seq=event.seq,
        at=event.at,
        event_type="cluster",
        kind=event.verb.value,
        state=event.verb.value,
        severity=Severity.WARNING if event.verb in _TROUBLE else Severity.INFO,
        status=Status.INFO,
        fingerprint=event.workset_id,
        cluster=event.cluster,
        actor=event.actor,
        text=(event.reason or str(after.get("drained", "")))[:TEXT_CHARS],
    )


def _event_type(event: Event, *, broke: bool) -> str:
    if broke:
        return "error"
    return "completion" if event.verb is Verb.COMPLETE else "state_change"


def _text(event: Event, *, broke: bool) -> str:
    if broke or event.verb is Verb.FAIL:
        return (event.row.error if event.row is not None else None) or event.reason or ""
    return event.reason or ""


def workset_fingerprint(state: WorksetState | None, workset_id: str) -> str:
    """Names the alert that a workset stands in error or failed."""
    return f"{state.value if state is not None else 'error'}/{workset_id}"


def notice_document(notice: Notice) -> dict[str, Any]:
    """A notice as plain values."""
    return asdict(notice)


def notice_from(document: Mapping[str, Any]) -> Notice:
    """The notice of its plain values."""
    known = {item.name: document[item.name] for item in fields(Notice) if item.name in document}
    return Notice(**{**known, "severity": Severity(known["severity"]), "status": Status(known["status"])})


def told_marks(notices: Sequence[Notice], now: Instant) -> dict[str, tuple[str, Instant] | None]:
    """What a desk remembers once it was told of alerts: (mark, when) by fingerprint; None: nothing any more."""
    marks: dict[str, tuple[str, Instant] | None] = {}
    for notice in notices:
        if notice.event_type != "alert" and notice.status is not Status.ACKNOWLEDGED:
            continue
        mark = notice.notice_id.rpartition("@")[2].removesuffix(":again")
        marks[notice.fingerprint] = None if notice.status is Status.RESOLVED else (mark, now)
    return marks

"""What the settings say of the rules of alerts, and all alerts as one list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from wsmon.domain.alerts import ACKNOWLEDGED, BY_STATE, CRITICAL, RESOLVED, AlertRecord
from wsmon.domain.notices import Notice, Severity, Status
from wsmon.domain.times import Instant

RULES = (
    "error",
    "failed",
    "orphaned",
    "duplicate",
    "unattended",
    "dead_lock",
    "lock_lost",
    "running_long",
    "waiting_long",
    "queue_backlog",
    "cluster_unhealthy",
    "no_capacity",
    "draining",
    "creation_failed",
    "teardown_failed",
    "budget",
    "budget_spent",
    "outbox_backlog",
    "channel_failing",
    "monitor_silent",
    "source_away",
    "folder_refused",
    "undeliverable",
)
"""By name: the kind of the alert with _ for spaces; `budget_spent` is the alert `budget` once all of it is spent."""
OFF = "off"


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the settings say of rules; a rule of which they say nothing is as it is."""

    chosen: Mapping[str, str] = field(default_factory=dict)
    """Rule -> its severity, or OFF."""

    def severity(self, rule: str, default: str) -> str:
        """How much a rule matters; OFF: it is none."""
        return self.chosen.get(rule, default)

    def alerts(self, found: Iterable[AlertRecord]) -> Iterator[AlertRecord]:
        """These alerts by their rules' severities; without those whose rule is off."""
        for alert in found:
            severity = self.severity(rule_of(alert), alert.severity)
            if severity == alert.severity:
                yield alert
            elif severity != OFF:
                yield replace(alert, severity=severity)

    def notice(self, notice: Notice) -> Notice:
        """The notice of an event, where it begins or ends an error or failure, by that rule; off: as any other event."""
        if notice.status not in {Status.FIRING, Status.RESOLVED} or notice.event_type == "alert":
            return notice
        severity = self.severity(notice.fingerprint.partition("/")[0], notice.severity.value)
        if severity == OFF:
            return replace(notice, severity=Severity.INFO, status=Status.INFO, fingerprint=notice.subject)
        return replace(notice, severity=Severity(severity))


def rule_of(alert: AlertRecord) -> str:
    """The name of the rule that an alert comes of."""
    if alert.kind == "budget" and alert.fingerprint.endswith("/100"):
        return "budget_spent"
    return alert.kind.replace(" ", "_")


def merged(
    derived: Iterable[AlertRecord], stored: Iterable[AlertRecord], ruling: Ruling | None = None
) -> list[AlertRecord]:
    """One alert a fingerprint: what somebody said to it stands, and what has ended is left out.

    An orphaned run is not told of a second time as unattended or by its dead lock.
    """
    stored = stored if ruling is None else ruling.alerts(stored)
    known = {alert.fingerprint: alert for alert in stored if alert.status != RESOLVED}
    told = {alert.subject for alert in known.values() if alert.kind == "orphaned"}
    found: dict[str, AlertRecord] = {}
    for alert in derived:
        if alert.subject in told and alert.kind in {"unattended", "dead lock"}:
            continue
        said = known.get(alert.fingerprint)
        if said is not None:
            alert = _said(alert, said)  # noqa: PLW2901
        found[alert.fingerprint] = alert
    for name, alert in known.items():
        if name not in found and alert.kind not in BY_STATE:
            found[name] = alert
    standing = found.values() if ruling is None else ruling.alerts(found.values())
    return sorted(standing, key=alert_order)


def _said(alert: AlertRecord, said: AlertRecord) -> AlertRecord:
    """What is derived here, as it was raised and with what somebody said to it."""
    told = replace(alert, severity=said.severity, status=said.status, by=said.by, reason=said.reason)
    if not told.state:
        told = replace(told, priority=said.priority, state=said.state, category=said.category, cluster=said.cluster)
    return replace(told, changed_at=said.changed_at)


def alert_order(alert: AlertRecord) -> tuple[bool, bool, Instant, str]:
    """Firing before acknowledged, critical first, then the newest."""
    return (alert.status == ACKNOWLEDGED, alert.severity != CRITICAL, -alert.last_at, alert.fingerprint)

"""What stands while the relay is on duty: alerts, silences, and worksets in error or failed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from wsmon.domain.alerts import ACKNOWLEDGED, BY_STATE, FIRING, RESOLVED, AlertRecord, SilenceRecord, alert_notice
from wsmon.domain.change import Event
from wsmon.domain.grouping import group_of, incident_of
from wsmon.domain.messages import Key
from wsmon.domain.notices import Notice, Severity, Status, notice_of, workset_fingerprint
from wsmon.domain.ruling import OFF, Ruling
from wsmon.domain.states import WorksetState
from wsmon.domain.times import micros
from wsmon.domain.workset import Row, Workset
from wsmon.ports import Clock, StateStore
from wsmon.services.desk import Desk

BROKEN = (WorksetState.ERROR, WorksetState.FAILED)
COUNTED = 1000
"""Of each of these states so many are looked at."""


class Standing:
    """Read anew by `refresh`; between two of them it answers from memory."""

    def __init__(self, store: StateStore, clock: Clock, repeat: float, ruling: Ruling) -> None:
        self._store, self._clock, self._repeat, self._ruling = store, clock, micros(repeat), ruling
        self.alerts: Sequence[AlertRecord] = ()
        self.silences: Sequence[SilenceRecord] = ()
        self._broken: list[Notice] | None = None

    def refresh(self) -> None:
        """Read alerts and silences."""
        # One whose rule was turned off ends: whoever was told of it is told so.
        self.alerts, self.silences = [self._ruled(alert) for alert in self._store.alerts()], self._store.silences()
        self._broken = None

    def _ruled(self, alert: AlertRecord) -> AlertRecord:
        return next(self._ruling.alerts([alert]), replace(alert, status=RESOLVED))

    def notice(self, event: Event) -> Notice:
        """An event as a notice, by the rule of what it begins or ends."""
        return self._ruling.notice(notice_of(event))

    def silenced(self, notice: Notice) -> bool:
        """Whether somebody wants it quiet now."""
        now = self._clock.now()
        return any(silence.matches(notice, now) for silence in self.silences)

    def acknowledged(self) -> set[str]:
        """Fingerprints that somebody has taken on."""
        return {alert.fingerprint for alert in self.alerts if alert.status == ACKNOWLEDGED}

    def broken(self) -> list[Notice]:
        """Worksets in error or failed as notices, the newest of each."""
        if self._broken is None:
            self._broken = [
                self._ruling.notice(_row_notice(row))
                for state in BROKEN
                if self._ruling.severity(state.value, "") != OFF
                for row in self._store.page(state, limit=COUNTED, newest_first=True).rows
            ]
        return self._broken

    def firing(self, incident: str, by: Sequence[str]) -> tuple[int, int]:
        """How many conditions of an incident hold now, and how many of them nobody has taken on."""
        told = [alert_notice(a) for a in self.alerts if a.status != RESOLVED and a.kind not in BY_STATE]
        known = self.acknowledged()
        found = [notice for notice in [*self.broken(), *told] if incident_of(notice, by) == incident]
        return len(found), sum(notice.fingerprint not in known for notice in found)

    # what a desk is to be told besides events

    def notices(self, desk: Desk) -> list[Notice]:
        """Alerts in a status that the desk was not told of, and what is to be told again."""
        found = [*self._alerts(desk), *self._again(desk)]
        return [notice for notice in found if desk.wants(notice) and not self.silenced(notice)]

    def _alerts(self, desk: Desk) -> Iterator[Notice]:
        now = self._clock.now()
        for alert in self.alerts:
            told, at = desk.told.get(alert.fingerprint, ("", 0))
            mark = f"{alert.first_at}:{alert.status}"
            if alert.status == FIRING and alert.kind not in BY_STATE:
                if told != mark:
                    yield alert_notice(alert)
                elif now - at >= self._repeat:
                    yield alert_notice(alert, repeat=True)
            elif alert.status == ACKNOWLEDGED:
                # Only where there is an incident to be acknowledged.
                incidents = desk.plan is not None and desk.plan.channel.incidents
                if incidents and told != mark and (told or alert.kind in BY_STATE):
                    yield self._acknowledged(alert)
            elif alert.status == RESOLVED and told and alert.kind not in BY_STATE:
                yield alert_notice(alert)

    def _acknowledged(self, alert: AlertRecord) -> Notice:
        """An acknowledgement bears the fields of what it is about, so that it finds the same incident."""
        notice = alert_notice(alert)
        for one in self.broken() if alert.kind in BY_STATE else ():
            if one.fingerprint == alert.fingerprint:
                return replace(
                    one, notice_id=notice.notice_id, seq=0, status=Status.ACKNOWLEDGED, at=notice.at, actor=alert.by
                )
        return notice

    def _again(self, desk: Desk) -> Iterator[Notice]:
        """Errors that still stand in groups that were last told of a repeat interval ago."""
        now = self._clock.now()
        late = {group for group, at in desk.flushed.items() if now - at >= self._repeat}
        if not any(group.startswith(Status.FIRING.value) for group in late):
            return
        known = self.acknowledged()
        for notice in self.broken():
            if group_of(notice, desk.rule.by) in late and notice.fingerprint not in known:
                yield replace(notice, notice_id=f"{notice.notice_id}:again", at=now - micros(desk.rule.wait))

    def end(self, desks: Sequence[Desk]) -> None:
        """Forget the alerts that have ended once every desk was told that was told of them before."""
        for alert in self.alerts:
            if alert.status != RESOLVED:
                continue
            if alert.kind in BY_STATE:
                for desk in desks:
                    desk.told.pop(alert.fingerprint, None)  # the event that ended it tells of the end
            if not any(alert.fingerprint in desk.told for desk in desks):
                self._store.clear_alert(alert.fingerprint)

    # silences

    def hush(self, desk: Desk) -> list[Key]:
        """The events that leave the desk: silenced ones, and pairs of begin and end that nobody was told of.

        A condition that begins, or ends, under a silence is remembered by the desk (`muted`) and told
        when the silence is over, if it still stands.
        """
        going = set(desk.outgoing.keys) if desk.outgoing is not None else set()
        left: list[Key] = []
        for key, notice in desk.pending.items():
            if key in going or key in desk.muted:
                continue  # it was woken, or is on its way
            begun = [k for k in desk.muted if k[0] == key[0] and k[1] < key[1]]
            if notice.status is Status.RESOLVED and begun:
                for one in begun:
                    del desk.muted[one]
                left += [*begun, key]
            elif self.silences and self.silenced(notice):
                if notice.status is not Status.INFO:
                    desk.muted[key] = notice.status.value
                left.append(key)
        return left

    def wake(self, desk: Desk) -> None:
        """Lay back what was muted and is so no longer; what does not stand any more is forgotten."""
        for key, status in list(desk.muted.items()):
            if key in desk.pending:
                continue
            events = self._store.history(key[0], key[1] - 1, 1)
            notice = self.notice(events[0]) if events and events[0].seq == key[1] else None
            if notice is None or (status == Status.FIRING.value and not self._stands(notice)):
                del desk.muted[key]
            elif not self.silenced(notice):
                desk.pending[key] = notice

    def _stands(self, notice: Notice) -> bool:
        record = self._store.record(notice.subject)
        return isinstance(record, Workset) and workset_fingerprint(record.state, notice.subject) == notice.fingerprint


def _row_notice(row: Row) -> Notice:
    """A row in error or failed as the notice of the event that made it so."""
    return Notice(
        notice_id=f"{row.workset_id}:{row.rev}",
        subject=row.workset_id,
        seq=0,
        at=row.updated_at,
        event_type="error",
        kind="fail",
        state=row.state.value,
        severity=Severity.WARNING,
        status=Status.FIRING,
        fingerprint=workset_fingerprint(row.state, row.workset_id),
        priority=row.priority.value,
        cluster=row.cluster or "",
        category=row.category.value if row.category is not None else "",
        text=row.error or "",
    )

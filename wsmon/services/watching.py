"""Looks at the store for conditions that a person should know of, and keeps the alerts by them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from wsmon.domain.alerts import (
    AWAY,
    AWAY_SECONDS,
    BY_STATE,
    LOST,
    MOMENTARY,
    RESOLVED,
    AlertRecord,
    Facts,
    Rules,
    about,
    conditions,
)
from wsmon.domain.change import Event
from wsmon.domain.losses import lost_lock
from wsmon.domain.observing import LeaseWatch
from wsmon.domain.pace import expected_seconds, usual_seconds
from wsmon.domain.ruling import Ruling
from wsmon.domain.states import WorksetPriority, WorksetState
from wsmon.domain.times import Instant, isoformat, micros
from wsmon.domain.workset import Row, Workset, row_of
from wsmon.ports import Clock, StateStore
from wsmon.services.paging import every_row

OTHERS = frozenset({"orphaned", "draining"}) | MOMENTARY
"""Kinds that somebody else raises and, where they end by themselves, ends."""
MOMENTARY_SECONDS = 86_400.0
STANDING = frozenset({"unattended", "dead lock", "cluster unhealthy"})
"""Kinds that come and go by themselves, so that they must stand for a while before they count."""
SAME_AGAIN_SECONDS = 300.0
"""How often an alert that stands is written again, for its age and count."""
USUAL_RUNS, USUAL_SECONDS = 200, 600.0
"""So many of the newest complete runs say what is usual; they are looked at so often."""
RECORDS = 100
AS_THEY_ARE = Ruling()


class Watcher:
    """One observer, on duty. Its first look at a lease or a cluster proves nothing yet."""

    def __init__(
        self, store: StateStore, clock: Clock, rules: Rules, *, skew: float, ruling: Ruling = AS_THEY_ARE
    ) -> None:
        self._store, self._clock, self._rules, self._ruling = store, clock, rules, ruling
        self._watch = LeaseWatch(skew)
        self._since: dict[str, float] = {}
        """fingerprint -> monotonic seconds since which it was seen."""
        self._lost_at: dict[str, Instant] | None = None
        """Of the alerts of lost locks: fingerprint -> the last loss it tells of; None: to be read."""
        self._expected: dict[str, tuple[Instant, float | None]] = {}
        """Of each run in progress: id -> (when it started, seconds it is expected to take)."""
        self._usual: float | None = None
        self._usual_due = 0.0

    def saw(self, event: Event) -> None:
        """An event came by, perhaps not for the first time: raise the alert of a lock that it took away."""
        lost = lost_lock(event) if self._rules.lock_lost is not None else None
        alert = next(self._ruling.alerts([lost]), None) if lost is not None else None
        if alert is None or self._is_past(alert, self._clock.now()):
            return
        if self._lost_at is None:
            self._lost_at = {a.fingerprint: a.last_at for a in self._store.alerts() if a.kind == LOST}
        if event.at > self._lost_at.get(alert.fingerprint, 0):
            self._store.put_alert(alert)
            self._lost_at[alert.fingerprint] = event.at

    def _is_past(self, alert: AlertRecord, now: Instant) -> bool:
        """Whether the last lock that it tells of was lost so long ago that nobody needs to know."""
        return now - alert.last_at > micros(self._rules.lock_lost or 0)

    def look(self, channels: Mapping[str, tuple[Instant, str]]) -> None:
        """One pass: raise what holds, end what does not. `channels` are those that are down."""
        now, moment = self._clock.now(), self._clock.monotonic()
        self._lost_at = None
        holding = self._ruling.alerts(conditions(self._facts(now, channels), self._rules, now))
        found = {alert.fingerprint: alert for alert in holding}
        stored = {alert.fingerprint: alert for alert in self._store.alerts()}
        orphans = {
            a.subject for a in self._ruling.alerts(stored.values()) if a.kind == "orphaned" and a.status != RESOLVED
        }
        found = {n: a for n, a in found.items() if a.kind not in STANDING or a.subject not in orphans}
        self._since = {name: self._since.get(name, moment) for name in found}
        for name, alert in found.items():
            self._raise(alert, stored.get(name), moment, now)
        for name, alert in stored.items():
            if name not in found and alert.status != RESOLVED and self._ended(alert, now):
                self._store.mark_alert(name, RESOLVED, at=now)

    def _raise(self, alert: AlertRecord, known: AlertRecord | None, moment: float, now: Instant) -> None:
        if alert.kind in STANDING and moment - self._since[alert.fingerprint] < self._rules.standing:
            return
        fresh = known is None or known.status == RESOLVED
        if known is not None and not fresh and now - known.last_at < micros(SAME_AGAIN_SECONDS):
            return
        self._store.put_alert(replace(self._about(alert), first_at=now if fresh else alert.first_at, last_at=now))

    def _about(self, alert: AlertRecord) -> AlertRecord:
        """With what is known of its workset: of a dead lock the row may not have been read."""
        record = self._store.record(alert.subject) if alert.kind == "dead lock" and not alert.state else None
        return about(alert, row_of(record)) if isinstance(record, Workset) else alert

    def _ended(self, alert: AlertRecord, now: Instant) -> bool:
        """Whether an alert that was not found has ended, by its kind."""
        if alert.kind in BY_STATE:
            record = self._store.record(alert.subject)
            return not isinstance(record, Workset) or record.state.value != alert.kind
        if alert.kind in MOMENTARY:
            return alert.status != "firing" or now - alert.last_at > micros(MOMENTARY_SECONDS)
        if alert.kind == AWAY:
            return now - alert.last_at > micros(AWAY_SECONDS)
        if alert.kind == LOST:
            return self._is_past(alert, now)
        return alert.kind not in OTHERS

    def _facts(self, now: Instant, channels: Mapping[str, tuple[Instant, str]]) -> Facts:
        store = self._store
        leases = store.leases()
        moment = self._clock.monotonic()
        self._watch.observe(leases, moment)
        day, oldest = isoformat(now)[:10], store.undelivered(1).events
        rows = list(every_row(store, WorksetState.IN_PROGRESS))
        return Facts(
            rows=rows,
            expected=self._lengths(rows),
            usual=self._usual_length(moment),
            leases=leases,
            dead=frozenset(lease.workset_id for lease in leases if self._watch.dead(lease, now, moment)),
            oldest=[
                row for tier in WorksetPriority for row in store.page(WorksetState.READY, priority=tier, limit=1).rows
            ],
            counts=store.tallies(),
            clusters=store.clusters(),
            monitors={monitor.name: monitor.heartbeat_at for monitor in store.monitors()},
            spent=store.spent(day) if self._rules.budget else 0,
            day=day,
            undelivered_since=oldest[0].at if oldest else None,
            channels=channels,
        )

    def _lengths(self, rows: Sequence[Row]) -> dict[str, float]:
        """How long each run is expected to take, where its workset says so: read once a run."""
        if self._rules.running_times is None:
            return {}
        known, self._expected = self._expected, {}
        new: dict[str, Instant] = {}
        for row in rows:
            began = row.started_at or row.updated_at
            if (length := known.get(row.workset_id)) is not None and length[0] == began:
                self._expected[row.workset_id] = length
            else:
                new[row.workset_id] = began
        names = list(new)
        for start in range(0, len(names), RECORDS):
            for name, record in self._store.records(names[start : start + RECORDS]).items():
                self._expected[name] = (new[name], expected_seconds(record.requirements, record.metadata))
        return {name: said for name, (_, said) in self._expected.items() if said is not None}

    def _usual_length(self, moment: float) -> float | None:
        """What is usual, where it decides."""
        rules = self._rules
        if rules.running_times is None or rules.running_longer is not None:
            return None
        if moment >= self._usual_due:
            page = self._store.page(WorksetState.COMPLETE, limit=USUAL_RUNS, newest_first=True)
            self._usual, self._usual_due = usual_seconds(page.rows), moment + USUAL_SECONDS
        return self._usual

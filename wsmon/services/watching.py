"""Looks at the store for conditions that a person should know of, and keeps the alerts by them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from wsmon.domain.alerts import BY_STATE, MOMENTARY, RESOLVED, AlertRecord, Facts, Rules, conditions
from wsmon.domain.observing import LeaseWatch
from wsmon.domain.states import WorksetPriority, WorksetState
from wsmon.domain.times import Instant, isoformat, micros
from wsmon.domain.workset import Workset
from wsmon.ports import Clock, StateStore
from wsmon.services.paging import every_row

OTHERS = frozenset({"orphaned"}) | MOMENTARY
"""Kinds that somebody else raises and, where they end by themselves, ends."""
MOMENTARY_SECONDS = 86_400.0
STANDING = frozenset({"unattended", "dead lock", "cluster unhealthy"})
"""Kinds that come and go by themselves, so that they must stand for a while before they count."""
SAME_AGAIN_SECONDS = 300.0
"""How often an alert that stands is written again, for its age and count."""


class Watcher:
    """One observer, on duty. Its first look at a lease or a cluster proves nothing yet."""

    def __init__(self, store: StateStore, clock: Clock, rules: Rules, *, skew: float) -> None:
        self._store, self._clock, self._rules = store, clock, rules
        self._watch = LeaseWatch(skew)
        self._since: dict[str, float] = {}
        """fingerprint -> monotonic seconds since which it was seen."""

    def look(self, channels: Mapping[str, tuple[Instant, str]]) -> None:
        """One pass: raise what holds, end what does not. `channels` are those that are down."""
        now, moment = self._clock.now(), self._clock.monotonic()
        found = {alert.fingerprint: alert for alert in conditions(self._facts(now, channels), self._rules, now)}
        stored = {alert.fingerprint: alert for alert in self._store.alerts()}
        orphans = {a.subject for a in stored.values() if a.kind == "orphaned" and a.status != RESOLVED}
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
        self._store.put_alert(replace(alert, first_at=now if fresh else alert.first_at, last_at=now))

    def _ended(self, alert: AlertRecord, now: Instant) -> bool:
        """Whether an alert that was not found has ended, by its kind."""
        if alert.kind in BY_STATE:
            record = self._store.record(alert.subject)
            return not isinstance(record, Workset) or record.state.value != alert.kind
        if alert.kind in MOMENTARY:
            return alert.status != "firing" or now - alert.last_at > micros(MOMENTARY_SECONDS)
        return alert.kind not in OTHERS

    def _facts(self, now: Instant, channels: Mapping[str, tuple[Instant, str]]) -> Facts:
        store = self._store
        leases = store.leases()
        moment = self._clock.monotonic()
        self._watch.observe(leases, moment)
        day, oldest = isoformat(now)[:10], store.undelivered(1).events
        return Facts(
            rows=list(every_row(store, WorksetState.IN_PROGRESS)),
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

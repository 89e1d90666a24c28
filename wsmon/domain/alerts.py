"""Alerts: conditions that a person should know of, as the store shows them. Decisions only."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from wsmon.domain.lives import Phase
from wsmon.domain.needs import Microdollars
from wsmon.domain.notices import Notice, Severity, Status
from wsmon.domain.pace import run_limit
from wsmon.domain.pool import USABLE, ClusterRecord
from wsmon.domain.states import WorksetState
from wsmon.domain.times import Instant, age, micros
from wsmon.domain.workset import Lease, Row

CRITICAL, WARNING = Severity.CRITICAL.value, Severity.WARNING.value
FIRING, ACKNOWLEDGED, RESOLVED = Status.FIRING.value, Status.ACKNOWLEDGED.value, Status.RESOLVED.value
BY_STATE = frozenset({"error", "failed"})
"""Kinds that a workset's state tells by itself; what is stored of them is what somebody said to them."""
LOST = "lock lost"
"""A kind that an event tells; it ends when no lock of the workset was lost for a while."""
AWAY, AWAY_SECONDS = "source away", 900.0
"""A kind that the monitor tells which asks the source; it ends when that answers, or when nobody told of it for so long."""
REFUSED_SECONDS = 1800.0
MOMENTARY = frozenset({"duplicate", "undeliverable", "creation failed", "teardown failed", "folder refused"})
"""Kinds that tell of something that happened; they end when they are acknowledged, or after a day."""


@dataclass(frozen=True, slots=True)
class AlertRecord:
    """One condition; the fingerprint names it for ever."""

    fingerprint: str
    kind: str
    """`orphaned`, `duplicate`, `error` ..."""
    severity: str
    """`critical` or `warning`."""
    subject: str
    """Usually a workset id."""
    text: str
    first_at: Instant
    last_at: Instant
    count: int = 1
    status: str = FIRING
    """`firing`, `acknowledged` or `resolved`."""
    by: str = ""
    """Who acknowledged it."""
    reason: str = ""
    changed_at: Instant = 0
    """When the status became what it is; 0: at first_at."""
    priority: str = ""
    """Of its workset, as are state and category when it was told last; empty where it is about none."""
    state: str = ""
    category: str = ""
    cluster: str = ""
    """Its workset's, or the one that it is about."""

    @property
    def since(self) -> Instant:
        """When its status began."""
        return self.changed_at or self.first_at


@dataclass(frozen=True, slots=True)
class Rules:
    """When a condition is one; seconds, None: never."""

    running_longer: float | None = None
    """A limit for every run that was given no expected length; None: `running_times` what is usual."""
    running_times: float | None = 2.0
    """So many times its expected length may a run take; None: as long as it likes."""
    waiting_longer: float | None = 86_400.0
    backlog: int | None = 1000
    silent: float = 300.0
    lock_lost: float | None = 900.0
    """So long after a lock was lost the alert of it stands."""
    outbox_lag: float = 900.0
    budget: Microdollars | None = None
    budget_warning: float = 0.8
    standing: float = 60.0
    """How long a lock must be dead, a run unattended or a cluster unhealthy before it counts."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the store shows at one moment."""

    rows: Sequence[Row] = ()
    """Worksets in progress."""
    expected: Mapping[str, float] = field(default_factory=dict)
    """Id -> how many seconds its run is expected to take, for those of which that was said."""
    usual: float | None = None
    """Seconds that a run takes at the median of the last ones; None: too few to tell."""
    leases: Sequence[Lease] = ()
    dead: Collection[str] = ()
    """Ids whose lease is proven dead."""
    oldest: Sequence[Row] = ()
    """The head of each tier of what is ready."""
    counts: Mapping[WorksetState, int] = field(default_factory=dict)
    clusters: Sequence[ClusterRecord] = ()
    monitors: Mapping[str, Instant] = field(default_factory=dict)
    """Name -> last heartbeat of every monitor that did not sign off."""
    spent: Microdollars = 0
    day: str = ""
    undelivered_since: Instant | None = None
    """Of the oldest event that not every channel has."""
    channels: Mapping[str, tuple[Instant, str]] = field(default_factory=dict)
    """Channel -> since when it is down, and why."""


def about(alert: AlertRecord, row: Row) -> AlertRecord:
    """The alert with what filters, routes and silences ask of its workset."""
    return replace(
        alert,
        priority=row.priority.value,
        state=row.state.value,
        category=row.category.value if row.category is not None else "",
        cluster=row.cluster or "",
    )


def conditions(facts: Facts, rules: Rules, now: Instant) -> Iterator[AlertRecord]:
    """Everything that holds now, apart from error and failed, which the worksets' own events tell."""
    yield from of_worksets(facts.rows, facts.leases, facts.dead)
    yield from _slow(facts, rules, now)
    yield from _pool(facts, rules, now)
    yield from _money(facts, rules, now)
    late = facts.undelivered_since
    if late is not None and now - late > micros(rules.outbox_lag):
        text = f"the oldest event that not every channel has is of {age((now - late) / 1e6)} ago"
        yield AlertRecord("outbox-backlog", "outbox backlog", WARNING, "outbox", text, late, now)
    for name, (since, why) in facts.channels.items():
        if now - since >= micros(rules.standing):
            text = f"nothing was delivered for {age((now - since) / 1e6)}: {why}"
            yield AlertRecord(f"channel/{name}", "channel failing", CRITICAL, name, text, since, now)


def of_worksets(rows: Iterable[Row], leases: Iterable[Lease], dead: Collection[str]) -> Iterator[AlertRecord]:
    """Errors, failures, unattended runs and dead locks."""
    leases = list(leases)
    held, known = {lease.workset_id for lease in leases}, dict[str, Row]()
    for row in rows:
        known[row.workset_id] = row
        if row.state is WorksetState.IN_PROGRESS:
            if row.workset_id not in held and row.holder is None:
                yield _of(row, "unattended", WARNING, "in progress, and nobody holds its lock")
        elif row.state is WorksetState.ERROR or row.state is WorksetState.FAILED:
            category = f"{row.category.value}: " if row.category else ""
            yield _of(row, row.state.value, WARNING, f"{category}{row.error or ''}")
    for lease in leases:
        if lease.workset_id in dead:
            text = f"the lock of {lease.holder} is dead (token {lease.token})"
            at = lease.expires_at
            alert = AlertRecord(f"dead-lock/{lease.workset_id}", "dead lock", WARNING, lease.workset_id, text, at, at)
            yield about(alert, known[lease.workset_id]) if lease.workset_id in known else alert


def _of(row: Row, kind: str, severity: str, text: str) -> AlertRecord:
    at = row.updated_at
    return about(AlertRecord(f"{kind}/{row.workset_id}", kind, severity, row.workset_id, text, at, at), row)


def _slow(facts: Facts, rules: Rules, now: Instant) -> Iterator[AlertRecord]:
    for row in facts.rows:
        began = row.started_at or row.updated_at
        said = facts.expected.get(row.workset_id)
        limit, why = run_limit(said, facts.usual, fixed=rules.running_longer, times=rules.running_times)
        if limit is not None and now - began > micros(limit):
            text = f"running for {age((now - began) / 1e6)} on {row.cluster or 'no cluster'}; {why}"
            name = f"running-long/{row.workset_id}"
            yield about(AlertRecord(name, "running long", WARNING, row.workset_id, text, began, now), row)
    for row in facts.oldest:
        if rules.waiting_longer is not None and now - row.queued_at > micros(rules.waiting_longer):
            text = f"the oldest {row.priority.value} one waits for {age((now - row.queued_at) / 1e6)}"
            name = f"waiting-long/{row.workset_id}"
            yield about(AlertRecord(name, "waiting long", WARNING, row.workset_id, text, row.queued_at, now), row)
    ready = facts.counts.get(WorksetState.READY, 0)
    if rules.backlog is not None and ready > rules.backlog:
        text = f"{ready:,} worksets are ready; more than {rules.backlog:,} are a backlog"
        yield AlertRecord("queue-backlog", "queue backlog", WARNING, "queue", text, now, now)


def _pool(facts: Facts, rules: Rules, now: Instant) -> Iterator[AlertRecord]:
    for cluster in facts.clusters:
        if cluster.life is not None and cluster.life.phase in {Phase.CREATING, Phase.DELETING}:
            continue  # it is on its way, and its events say how far
        if cluster.health not in USABLE and cluster.health != "stopped":
            text = f"{cluster.health}: {cluster.note}" if cluster.note else cluster.health
            severity = CRITICAL if cluster.health in {"failed", "unreachable"} else WARNING
            yield _of_cluster(f"cluster/{cluster.name}", "cluster unhealthy", severity, cluster, text, now, now)
        elif _refused(cluster, now) and facts.counts.get(WorksetState.READY, 0):
            name, text = f"capacity/{cluster.name}", "it could not grow for want of capacity, and worksets wait"
            yield _of_cluster(name, "no capacity", WARNING, cluster, text, cluster.refused_at or now, now)
    for name, heartbeat in facts.monitors.items():
        if now - heartbeat > micros(rules.silent):
            text = f"no heartbeat for {age((now - heartbeat) / 1e6)}"
            yield AlertRecord(f"monitor/{name}", "monitor silent", CRITICAL, name, text, heartbeat, now)


def _of_cluster(
    name: str, kind: str, severity: str, cluster: ClusterRecord, text: str, first_at: Instant, now: Instant
) -> AlertRecord:
    return AlertRecord(name, kind, severity, cluster.name, text, first_at, now, cluster=cluster.name)


def _refused(cluster: ClusterRecord, now: Instant) -> bool:
    return cluster.refused_at is not None and now - cluster.refused_at < micros(REFUSED_SECONDS)


def _money(facts: Facts, rules: Rules, now: Instant) -> Iterator[AlertRecord]:
    budget = rules.budget
    if not budget or facts.spent < budget * rules.budget_warning:
        return
    full = facts.spent >= budget
    share = f"{100 * facts.spent / budget:.0f} % of the day's ${budget / 1e6:,.2f} are spent"
    if full:
        share += "; only urgent worksets start"
    level = "100" if full else f"{100 * rules.budget_warning:.0f}"
    severity = CRITICAL if full else WARNING
    yield AlertRecord(f"budget/{facts.day}/{level}", "budget", severity, facts.day, share, now, now)


def alert_notice(alert: AlertRecord, *, repeat: bool = False) -> Notice:
    """An alert in its present status as a notice; its id names alert, beginning and status."""
    again = ":again" if repeat else ""
    return Notice(
        notice_id=f"{alert.fingerprint}@{alert.first_at}:{alert.status}{again}",
        subject=alert.subject,
        seq=0,
        at=alert.since,
        event_type="alert",
        kind=alert.kind,
        state=alert.state,
        severity=Severity(alert.severity),
        status=Status(alert.status),
        fingerprint=alert.fingerprint,
        priority=alert.priority,
        cluster=alert.cluster,
        category=alert.category,
        actor=alert.by,
        text=alert.text,
    )


MATCHED = ("kind", "subject", "severity", "fingerprint", "state", "priority", "cluster", "category", "event_type")


@dataclass(frozen=True, slots=True)
class SilenceRecord:
    """Until it ends, nobody is told of what every matcher fits."""

    silence_id: str
    matchers: Mapping[str, str]
    """Field -> pattern, where `*` stands for any text; `workset` is the subject, `kind` also the verb."""
    starts_at: Instant
    ends_at: Instant
    by: str
    reason: str

    def matches(self, what: Notice | AlertRecord, now: Instant) -> bool:
        """Whether it keeps this quiet at `now`."""
        if not self.starts_at <= now < self.ends_at:
            return False
        return all(any(fnmatchcase(text, p) for text in _values(what, name)) for name, p in self.matchers.items())


def _values(what: Notice | AlertRecord, name: str) -> set[str]:
    if name == "workset":
        name = "subject"
    values = {str(getattr(what, name, ""))}
    if name == "kind":
        values.add(what.fingerprint.partition("/")[0])
    return values

"""Which notices a channel wants, and which of them go out together, and when."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from wsmon.domain.notices import Notice, Severity, Status
from wsmon.domain.times import Instant, micros

GROUP_FIELDS = ("event_type", "kind", "state", "category", "priority", "cluster", "subject", "severity")
MATCH_FIELDS = (*GROUP_FIELDS, "workset_id", "fingerprint", "actor")
MAX_BATCH = 2000
MAX_BATCH_CHARS = 150_000
"""Of the names in one batch: what is about to be sent is recorded in one item of the store."""


@dataclass(frozen=True, slots=True)
class Route:
    """What a channel wants; an empty part wants everything. `*` and `?` stand for any text and any character."""

    event_types: tuple[str, ...] = ()
    """`completion`, `error`, `state_change`, `cluster`, `alert`, or a verb."""
    states: tuple[str, ...] = ()
    """Of the workset; of an alert its own as well: `firing`, `acknowledged`, `resolved`."""
    priorities: tuple[str, ...] = ()
    worksets: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()
    min_severity: Severity = Severity.INFO

    def wants(self, notice: Notice) -> bool:
        """Whether the channel is to be told."""
        return (
            notice.severity.rank >= self.min_severity.rank
            and (not self.event_types or notice.event_type in self.event_types or notice.kind in self.event_types)
            and (not self.states or bool(_states(notice) & {*self.states}))
            and (not self.priorities or notice.priority in self.priorities)
            and (not self.worksets or _any(self.worksets, notice.subject))
            and (not self.clusters or _any(self.clusters, notice.cluster))
        )


def _states(notice: Notice) -> set[str]:
    return {notice.state, notice.status.value} if notice.event_type == "alert" else {notice.state}


def _any(patterns: Iterable[str], text: str) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)


@dataclass(frozen=True, slots=True)
class GroupRule:
    """How notices are gathered; Alertmanager's words, seconds."""

    by: tuple[str, ...] = ("event_type", "state", "category")
    wait: float = 30.0
    """From a group's first notice to its message."""
    interval: float = 300.0
    """Between two messages of one group."""
    repeat: float = 14_400.0
    """Until a condition that still holds is told again."""


def group_of(notice: Notice, by: Sequence[str]) -> str:
    """The group in words, such as `firing error data`; begin and end of a condition are two groups."""
    values = [_value(notice, name) for name in by]
    return " ".join([notice.status.value, *(value for value in values if value)])


def _value(notice: Notice, name: str) -> str:
    """A field's text; of an alert its kind says more than its type."""
    if name == "event_type" and notice.event_type == "alert":
        name = "kind"
    return str(getattr(notice, name))


def incident_of(notice: Notice, by: Sequence[str]) -> str:
    """Names the condition of a group, the same while it fires and when it ends: 32 hexadecimal digits.

    Fields that the end does not share with the begin are left out: a workset that was requeued
    has no category any more.
    """
    shared = [name for name in by if name not in {"event_type", "kind", "state", "category"}]
    what = notice.kind if notice.event_type == "alert" else notice.fingerprint.partition("/")[0]
    values = [what if notice.status is not Status.INFO else group_of(notice, by)]
    values += [f"{name}={getattr(notice, name)}" for name in shared]
    return hashlib.sha256("\n".join(values).encode(errors="surrogatepass")).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Batch:
    """Notices that go out in one message."""

    notices: tuple[Notice, ...]
    groups: Mapping[str, int]
    """Group -> how many of its notices are in the batch; one entry, or several in a summary."""


def due_at(first: Instant, flushed: Instant | None, rule: GroupRule) -> Instant:
    """When a group whose oldest waiting notice is of `first` goes out."""
    waited = first + micros(rule.wait)
    return waited if flushed is None else max(waited, flushed + micros(rule.interval))


def next_batch(
    pending: Iterable[Notice], flushed: Mapping[str, Instant], rule: GroupRule, now: Instant, *, summary: bool = False
) -> Batch | None:
    """What goes out next, or None while nothing is due.

    `pending` is in order within each line, and so is what goes out: a notice never overtakes an
    earlier one of its line, so that a group that is due takes along what stands before it. With
    `summary` everything that is due goes out at once.
    """
    waiting = [(notice, group_of(notice, rule.by)) for notice in pending]
    due = _due(waiting, flushed, rule, now)
    if not due:
        return None
    chosen = due if summary else {next(group for _, group in waiting if group in due)}
    taken: list[Notice] = []
    counts: dict[str, int] = {}
    held: set[str] = set()
    chars = 0
    for notice, group in waiting:
        if group not in chosen or notice.line in held:
            held.add(notice.line)
            continue
        chars += len(notice.line)
        if taken and (len(taken) >= MAX_BATCH or chars > MAX_BATCH_CHARS):
            break
        taken.append(notice)
        counts[group] = counts.get(group, 0) + 1
    return Batch(tuple(taken), counts)


def _due(
    waiting: Sequence[tuple[Notice, str]], flushed: Mapping[str, Instant], rule: GroupRule, now: Instant
) -> set[str]:
    """The groups that are due, with those that hold an earlier notice of one of their lines."""
    first: dict[str, Instant] = {}
    for notice, group in waiting:
        first[group] = min(first.get(group, notice.at), notice.at)
    due = {group for group, at in first.items() if due_at(at, flushed.get(group), rule) <= now}
    grown = bool(due) and len(due) < len(first)
    while grown:
        lines: set[str] = set()
        more: set[str] = set()
        for notice, group in reversed(waiting):
            if group in due:
                lines.add(notice.line)
            elif notice.line in lines:
                more.add(group)
        due |= more
        grown = bool(more)
    return due


def next_due(pending: Iterable[Notice], flushed: Mapping[str, Instant], rule: GroupRule) -> Instant | None:
    """When the next group goes out."""
    moments = [due_at(n.at, flushed.get(group_of(n, rule.by)), rule) for n in pending]
    return min(moments, default=None)

"""One channel's desk: what waits for it, what is on its way, and what the store remembers of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from wsmon.domain.grouping import MAX_BATCH, Batch, GroupRule, group_of, next_batch, next_due
from wsmon.domain.messages import Key, Outgoing, message_id, outgoing_document, outgoing_from
from wsmon.domain.notices import Notice, told_marks
from wsmon.domain.times import Instant
from wsmon.ports import Clock, Sent
from wsmon.services.plans import ChannelPlan

FIRST_BACKOFF, LONGEST_BACKOFF, LONGEST_ASKED = 1.0, 300.0, 3600.0
REFUSALS = 3
"""So often is one notice tried that the channel refuses while it takes others."""
MAX_FLUSHED = 500
MAX_BACKLOG, RECORD_AT_ONCE = 5000, 500


@dataclass(slots=True)
class Refused:
    """A notice that the channel refused by itself; another that it took proves whose fault that is."""

    tries: int
    retry_at: float
    proven: bool = False


@dataclass(slots=True)
class Held:
    """What was more than the desk's bound: counted, and told of in a summary."""

    groups: dict[str, int] = field(default_factory=dict)
    first_at: Instant = 0
    last_at: Instant = 0
    newest: tuple[Key, ...] = ()
    """The last that were counted: found again after a crash, they are not counted twice."""

    @property
    def count(self) -> int:
        """How many."""
        return sum(self.groups.values())


class Desk:
    """Decides when what goes out; the relay reads, writes and sends."""

    def __init__(
        self, name: str, plan: ChannelPlan | None, rule: GroupRule, clock: Clock, jitter: Callable[[], float]
    ) -> None:
        """Without a plan: another monitor's channel. It wants everything and takes nothing here."""
        self.name, self.plan, self.rule = name, plan, rule
        self._clock, self._jitter = clock, jitter
        self.seen_at: Instant = 0
        """When a monitor had this channel last, as far as the store remembers."""
        self.pending: dict[Key, Notice] = {}
        self.outgoing: Outgoing | None = None
        self.noted = True
        """Whether the outgoing message is known to be written down; until it is, it does not go out."""
        self.flying = False
        self.answer: Sent | None = None
        self.flushed: dict[str, Instant] = {}
        self.aside: dict[Key, Refused] = {}
        self.held = Held()
        self.told: dict[str, tuple[str, Instant]] = {}
        """Alerts it was told of: fingerprint -> (which beginning and status, when)."""
        self.muted: dict[Key, str] = {}
        """Events whose condition began, or ended, under a silence, and their status."""
        self.failures = 0
        self.retry_at = 0.0
        self.error = ""
        self.down_since: Instant | None = None
        self._limit = MAX_BATCH
        self._tokens, self._filled_at = self._burst, clock.monotonic()
        self._limited = False

    def wants(self, notice: Notice) -> bool:
        """Whether the channel is to be told."""
        return self.plan is None or self.plan.route.wants(notice)

    # rate

    @property
    def _per_minute(self) -> float:
        return self.plan.per_minute if self.plan is not None else 60.0

    @property
    def _burst(self) -> float:
        return max(1.0, self._per_minute / 6)

    def _take_token(self) -> bool:
        moment = self._clock.monotonic()
        earned = (moment - self._filled_at) * self._per_minute / 60
        self._tokens, self._filled_at = min(self._burst, self._tokens + earned), moment
        if self._tokens < 1:
            self._limited = True
            return False
        self._tokens -= 1
        return True

    def ready(self) -> bool:
        """Whether a message may start now."""
        return self.plan is not None and not self.flying and self._clock.monotonic() >= self.retry_at

    def next_in(self, now: Instant) -> float | None:
        """Seconds until it may have something to do; None while nothing waits."""
        moment = self._clock.monotonic()
        if self.plan is None or not (self.pending or self.outgoing or self.held.count):
            return None
        if self.retry_at > moment:
            return self.retry_at - moment
        if self.outgoing or self.held.count:
            return 0.0
        if self._limited:
            return 60.0 / self._per_minute
        tries = [known.retry_at - moment for known in self.aside.values()]
        due = next_due((n for key, n in self.pending.items() if key not in self.aside), self.flushed, self.rule)
        if due is not None:
            tries.append((due - now) / 1e6)
        return max(0.0, min(tries, default=0.0))

    # choosing

    def choose(self, now: Instant, level: Iterable[Notice] = ()) -> Outgoing | None:
        """What goes out next, or None while nothing is due or the rate is spent.

        `level` are notices besides the pending events, such as alerts.
        """
        if self.held.count:
            return self._tell_held() if self._take_token() else None
        batch = self._second_try()
        if batch is None:
            waiting = [*self._in_line(self.pending.values()), *self._in_line(level)]
            incidents = self.plan is not None and self.plan.channel.incidents
            batch = next_batch(waiting, self.flushed, self.rule, now, summary=self._limited and not incidents)
        if batch is None:
            self._limited = False
            return None
        if not self._take_token():
            return None
        self._limited = False
        batch = self._cut(batch)
        keys = tuple(notice.key for notice in batch.notices)
        return Outgoing(
            message_id(self.name, keys),
            keys,
            batch.groups,
            alerts=tuple(notice for notice in batch.notices if not notice.seq),
            repeat=any(notice.notice_id.endswith(":again") for notice in batch.notices),
        )

    def _tell_held(self) -> Outgoing:
        held = self.held
        name = message_id(self.name, [("held", held.first_at), ("n", held.count)])
        return Outgoing(name, (), dict(held.groups), held=held.count, first_at=held.first_at, last_at=held.last_at)

    def overflow(self) -> list[Key]:
        """The oldest that are more than the bound, a few hundred at a time."""
        over = len(self.pending) - MAX_BACKLOG
        if over < RECORD_AT_ONCE:
            return []
        going = set(self.outgoing.keys) if self.outgoing is not None else set()
        return [key for key in self.pending if key not in going and key not in self.aside][:RECORD_AT_ONCE]

    def hold_back(self, keys: Iterable[Key]) -> None:
        """Count these instead of keeping them."""
        self.held.newest = tuple(keys)
        for key in self.held.newest:
            notice = self.pending[key]
            group = group_of(notice, self.rule.by)
            self.held.groups[group] = self.held.groups.get(group, 0) + 1
            self.held.first_at = min(self.held.first_at or notice.at, notice.at)
            self.held.last_at = max(self.held.last_at, notice.at)

    def _in_line(self, notices: Iterable[Notice]) -> Iterator[Notice]:
        """All but those that were refused by themselves; an alert's turn comes again after its pause."""
        moment = self._clock.monotonic()
        for notice in notices:
            refused = self.aside.get(notice.key)
            if refused is None or (not notice.seq and refused.retry_at <= moment):
                yield notice

    def _second_try(self) -> Batch | None:
        """A notice that was refused by itself is tried by itself again."""
        moment = self._clock.monotonic()
        for key, refused in self.aside.items():
            if refused.retry_at <= moment and key in self.pending:
                notice = self.pending[key]
                return Batch((notice,), {group_of(notice, self.rule.by): 1})
        return None

    def _cut(self, batch: Batch) -> Batch:
        if len(batch.notices) <= self._limit:
            return batch
        kept = batch.notices[: self._limit]
        groups: dict[str, int] = {}
        for notice in kept:
            group = group_of(notice, self.rule.by)
            groups[group] = groups.get(group, 0) + 1
        return Batch(kept, groups)

    # what came of it

    def succeeded(self, now: Instant) -> None:
        """The outgoing message was taken; the channel works, so what it refused is the notice's own fault."""
        assert self.outgoing is not None
        self.failures, self.retry_at, self.error, self.down_since = 0, 0.0, "", None
        self._limit = min(MAX_BATCH, self._limit * 2)
        for group in self.outgoing.groups:
            self.flushed[group] = now
        for key in self.outgoing.keys:
            self.drop(key)
        for name, mark in told_marks(self.outgoing.alerts, now).items():
            self.told.pop(name, None)
            if mark is not None:
                self.told[name] = mark
        for refused in self.aside.values():
            refused.proven = True
        if self.outgoing.held:
            left = {g: n - self.outgoing.groups.get(g, 0) for g, n in self.held.groups.items()}
            self.held = Held(
                {g: n for g, n in left.items() if n > 0}, self.held.last_at, self.held.last_at, self.held.newest
            )
        self.outgoing = None

    def failed(self, error: str, now: Instant, retry_after: float | None = None) -> None:
        """The channel is down: the same message goes out again, later and later."""
        self.failures += 1
        self.error = error
        self.down_since = self.down_since or now
        pause = self._pause(self.failures)
        if retry_after is not None:
            pause = max(pause, min(LONGEST_ASKED, retry_after))
        self.retry_at = self._clock.monotonic() + pause

    def _pause(self, failures: int) -> float:
        doubled: float = FIRST_BACKOFF * 2.0 ** min(failures - 1, 20)
        return min(LONGEST_BACKOFF, doubled) * (0.5 + self._jitter() / 2)

    def refused(self, error: str) -> Key | None:
        """The channel will not take the outgoing message: halve it, or put its one notice aside.

        Gives the key of a notice that is given up: refused often enough while others were taken.
        """
        assert self.outgoing is not None
        keys, self.outgoing = self.outgoing.keys, None
        self.error = error
        if len(keys) != 1:
            self._limit = max(1, len(keys) // 2)
            return None
        known = self.aside.setdefault(keys[0], Refused(0, 0.0))
        known.tries += 1
        known.retry_at = self._clock.monotonic() + self._pause(known.tries)
        if not known.proven:
            # Its own fault, or the channel's, as with a key that is wrong: the channel counts as down until it takes another.
            self.down_since = self.down_since or self._clock.now()
        return keys[0] if keys[0][1] and known.tries >= REFUSALS and known.proven else None

    def drop(self, key: Key) -> None:
        """Never again."""
        self.pending.pop(key, None)
        self.aside.pop(key, None)
        self.muted.pop(key, None)

    # what the store remembers

    def document(self, seen_at: Instant) -> str:
        """As JSON, a few KB, the names of what is going out included."""
        newest = sorted(self.flushed.items(), key=lambda item: -item[1])[:MAX_FLUSHED]
        document: dict[str, Any] = {
            "seen_at": seen_at,
            "flushed": dict(newest),
            "told": self.told,
            "muted": [[*key, status] for key, status in self.muted.items()],
            "aside": [[*key, known.tries, known.proven] for key, known in self.aside.items()],
        }
        if self.held.newest:
            document["held"] = asdict(self.held)
        if self.outgoing is not None:
            document["sending"] = outgoing_document(self.outgoing)
        return json.dumps(document, separators=(",", ":"))

    def restore(self, text: str) -> None:
        """Go on from what the store remembers."""
        document = json.loads(text)
        self.seen_at = document.get("seen_at", 0)
        self.flushed = dict(document.get("flushed", {}))
        self.told = {name: (mark, at) for name, (mark, at) in document.get("told", {}).items()}
        self.muted = {(w, seq): status for w, seq, status in document.get("muted", [])}
        self.aside = {(w, seq): Refused(tries, 0.0, proven) for w, seq, tries, proven in document.get("aside", [])}
        held = document.get("held")
        if held:
            newest = tuple((name, seq) for name, seq in held["newest"])
            self.held = Held(held["groups"], held["first_at"], held["last_at"], newest)
        sending = document.get("sending")
        if sending:
            self.outgoing = outgoing_from(sending)

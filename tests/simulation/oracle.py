"""Held against every accepted write: the design's rules, as a model of its own knows them."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from tests.simulation.kernel import SECOND, Process, Violation
from tests.simulation.model import SLACK, Asked, Duty, Stamp, lives, said, state_of
from tests.simulation.table import HOLDERS, KEEPS_LOCK, TABLE, TAKING, TERMINAL
from tests.simulation.verdicts import Verdicts
from wsmon.domain.change import Change
from wsmon.domain.workset import Lease, Row, Tombstone, Workset

if TYPE_CHECKING:
    from tests.simulation.server import Session

ECHO = 300 * SECOND
"""So long into the quiet a pause or a request of before may still be felt."""


@dataclass(slots=True)
class Oracle:
    """The model: what stands, who holds it, and since when."""

    verdicts: Verdicts
    records: dict[str, Workset | Tombstone] = field(default_factory=dict)
    changed_at: dict[str, int] = field(default_factory=dict)
    """True time of the last accepted change."""
    holders: dict[tuple[str, int], object] = field(default_factory=dict)
    """(workset, token) -> the process that took the lock."""
    taken: dict[tuple[str, int], Stamp] = field(default_factory=dict)
    stamps: dict[str, Stamp] = field(default_factory=dict)
    started: set[tuple[str, int]] = field(default_factory=set)
    """(workset, token) of every start of a run of ours."""
    last_run: dict[str, int] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)
    events: int = 0
    duty: Duty | None = None
    """Who does the relay's duty."""
    quiet_since: int | None = None
    """When the last fault was over; None while they come."""

    # what is accepted

    def accept(self, session: Session, change: Change, asked: Asked, now: int) -> None:
        """One change was written just now."""
        if change.event.change_id in self.ids:
            raise Violation("each change has one event", f"{change.event.change_id} was written a second time")
        self.ids.add(change.event.change_id)
        self._follows(change)
        self._event(session, change, asked)
        self._moves(change)
        self._token(session, change)
        self._holder(session, change)
        self._fields(change, asked)
        if change.event.verb in {"expire", "adopt", "acquire"}:
            self._was_dead(change, now)
        if isinstance(change.before, Workset) and isinstance(change.after, Workset):
            self.verdicts.counts(change, change.before, change.after)
            self.verdicts.result(session, change, change.before, self.taken)
        self._keep(session, change, asked, now)

    def _keep(self, session: Session, change: Change, asked: Asked, now: int) -> None:
        name, after = change.workset_id, change.after
        self.records[name], self.changed_at[name] = after, now
        self.events += 1
        if change.lease is not None:
            lease = change.lease
            stamp = Stamp(lease.mark, asked.at, lease.duration)
            self.holders[name, lease.token] = session.process
            self.taken[name, lease.token] = self.stamps[name] = stamp
        elif change.ends_lease:
            self.stamps.pop(name, None)
        if change.event.verb == "start" and isinstance(after, Workset) and after.run is not None:
            self.started.add((name, after.run.run_token))

    def _follows(self, change: Change) -> None:
        """The change was made to what stands, and is the next in a dense sequence."""
        standing = self.records.get(change.workset_id)
        if change.before != standing:
            raise Violation("a change is made to what stands", f"{said(change)} was decided on another version")
        rev = standing.rev if standing is not None else 0
        if (change.event.seq, change.after.rev) != (rev + 1, rev + 1):
            raise Violation("seq is dense", f"{said(change)} has seq {change.event.seq} after rev {rev}")

    def _event(self, session: Session, change: Change, asked: Asked) -> None:
        event, standing = change.event, self.records.get(change.workset_id)
        last = standing.updated_at if standing is not None else 0
        if not last < event.at == change.after.updated_at:
            raise Violation("at grows", f"{said(change)} at {event.at}, after {last}")
        if event.at != max(asked.wall, last + 1):
            raise Violation("at is now, or just after the last", f"{said(change)} at {event.at}, now {asked.wall}")
        told = (event.actor, event.token, event.workset_id, event.change_id)
        want = (session.actor, change.after.token, change.after.workset_id, change.after.change_id)
        if told != want:
            raise Violation("an event tells who did what", f"{told} for {want}")
        if isinstance(change.after, Workset):
            self._row(change, change.after)

    def _row(self, change: Change, after: Workset) -> None:
        row = change.event.row
        names = {f.name for f in fields(Row)} & {f.name for f in fields(Workset)}
        wrong = [n for n in sorted(names) if row is None or not _same(getattr(row, n), getattr(after, n))]
        if row is None or wrong or row.cancel_asked != (after.cancel is not None):
            raise Violation("an event carries the row after it", f"{said(change)}: {wrong or 'cancel_asked'}")
        if after.failure is not None and (row.category, row.error) != (
            after.failure.category,
            after.failure.details[:200],
        ):
            raise Violation("an event carries the row after it", f"{said(change)}: the failure")

    def _moves(self, change: Change) -> None:
        verb, before, after = change.event.verb.value, state_of(change.before), state_of(change.after)
        if after not in TABLE[verb].get(before, ()):
            raise Violation("every change is a row of the state table", f"{said(change)}: {before} -> {after}")
        if (change.event.before, change.event.after) != (before, after):
            raise Violation("an event tells who did what", f"{said(change)} says {change.event.before}")
        if isinstance(change.before, Workset) and change.before.cancel is not None and before == "locked":
            if verb in {"expire", "release", "unlock", "fail"} and after != "ignored":
                raise Violation("a cancelled lock ends in ignored", said(change))
            if verb == "start":
                raise Violation("nothing starts under a cancel", said(change))
        if verb == "restore" and isinstance(change.before, Workset) and after != change.before.archived_from:
            raise Violation("restore brings the state it had", said(change))

    def _token(self, session: Session, change: Change) -> None:
        standing = self.records.get(change.workset_id)
        old, new = (standing.token if standing else 0), change.after.token
        if new != old + (change.event.verb in TAKING):
            raise Violation(
                "the token grows by one at every acquisition, and never else", f"{said(change)}: {old}->{new}"
            )
        if (change.event.verb in TAKING) != (change.lease is not None):
            raise Violation("a lease begins with an acquisition", said(change))

    def _holder(self, session: Session, change: Change) -> None:
        before, after, verb = change.before, change.after, change.event.verb.value
        if verb in HOLDERS and isinstance(before, Workset):
            owner = self.holders.get((before.workset_id, before.token))
            if before.holder is None or owner is not session.process or before.holder != session.actor:
                raise Violation(
                    "a robbed holder's writes are never accepted",
                    f"{said(change)} by {session.actor} ({session.process.name}), while {before.holder} holds it",
                )
        if isinstance(after, Workset):
            if change.lease is not None and (after.holder, after.token) != (change.lease.holder, change.lease.token):
                raise Violation("a lease's token is its record's", said(change))
            held_before = isinstance(before, Workset) and before.holder is not None
            if held_before and after.holder is None and not (change.ends_lease and after.lock_ended == verb):
                raise Violation("a lock that ends says how", said(change))
            if verb not in KEEPS_LOCK and after.holder is not None:
                raise Violation("the verb ends the lock", said(change))
        if verb == "requeue" and isinstance(before, Workset) and before.holder is not None:
            raise Violation("what is held is not requeued", said(change))

    def _fields(self, change: Change, asked: Asked) -> None:
        after, verb = change.after, change.event.verb.value
        if not isinstance(after, Workset):
            return
        state = after.state.value
        held, waits = state in {"locked", "in_progress"}, state in {"ready", "retrying"}
        wrong = [
            what
            for what, holds in {
                "a holder exactly while locked": (after.holder is not None) == (state == "locked")
                or state == "in_progress",
                "a slot only while held": after.slot is None or held,
                "a slot is kept": not held or verb == "acquire" or after.slot == getattr(change.before, "slot", None),
                "retry_after while retrying": (after.retry_after is not None) == (state == "retrying"),
                "an end once over": (after.ended_at is not None) or state not in TERMINAL,
                "no run before a start": state not in {"ready", "locked"} or after.run is None,
                "a cancel only while held": after.cancel is None or held,
                "no failure once complete": after.failure is None or state != "complete",
                "a start while in progress": state != "in_progress" or after.started_at is not None,
                "nothing starts without a run record of its own": verb != "start"
                or after.run is None
                or after.run.run_token == after.token,
                "the run goes on as it was": verb not in KEEPS_LOCK - {"acquire", "start"}
                or after.run == getattr(change.before, "run", None),
                "its place in the queue stays": not waits
                or verb in {"requeue", "register"}
                or after.queued_at == getattr(change.before, "queued_at", None),
                "a requeue is the last in its line": verb != "requeue" or after.queued_at == asked.wall,
                "a claim is where it is tied to": change.claim is None
                or getattr(change.before, "affinity", None) in {None, change.claim.cluster},
                "what was registered stays": verb == "register" or _registered(change.before) == _registered(after),
            }.items()
            if not holds
        ]
        if wrong:
            raise Violation("a record's fields fit its state", f"{said(change)}: {'; '.join(wrong)}")

    # what must have been so before

    def _was_dead(self, change: Change, now: int) -> None:
        """A lock is taken away only when it has lived its whole duration unrenewed, in true time."""
        before = change.before
        if not isinstance(before, Workset) or before.holder is None:
            return
        stamp = self.stamps.get(change.workset_id)
        if stamp is None or now - stamp.at < stamp.duration * SECOND - SLACK:
            lived = (now - stamp.at) / SECOND if stamp else None
            raise Violation(
                "a live lock is not taken", f"{said(change)} from {before.holder}, {lived} s after its stamp"
            )
        owner = self.holders.get((before.workset_id, before.token))
        if self.quiet_since is not None and stamp.at > self.quiet_since + ECHO and lives(owner):
            raise Violation("once quiet who works keeps its lock", f"{said(change)} from {before.holder}")

    # leases and starts

    def renewed(self, session: Session, lease: Lease, asked: Asked) -> None:
        """A renewal was written."""
        record, stamp = self.records.get(lease.workset_id), self.stamps.get(lease.workset_id)
        owner = self.holders.get((lease.workset_id, lease.token))
        if stamp is None or not isinstance(record, Workset) or record.token != lease.token or record.holder is None:
            raise Violation("only a lock that stands is renewed", f"{lease}")
        if owner is not session.process or lease.holder != record.holder:
            raise Violation("a robbed holder's writes are never accepted", f"renewal {lease} by {session.actor}")
        if lease.mark == stamp.mark:
            return  # the same bytes again
        if (
            lease.mark != (stamp.mark[0], stamp.mark[1] + 1)
            or lease.expires_at > asked.wall + lease.duration * SECOND + SLACK
        ):
            raise Violation(
                "a renewal is the next, stamped before its call", f"{lease}, was {stamp.mark}, wall {asked.wall}"
            )
        self.stamps[lease.workset_id] = Stamp(lease.mark, asked.at, lease.duration)

    def let_go(self, process: Process, workset_id: str, token: int) -> None:
        """A monitor says that it has lost a lock."""
        record = self.records.get(workset_id)
        ours = self.holders.get((workset_id, token)) is process
        if ours and isinstance(record, Workset) and record.token == token and record.holder is not None:
            raise Violation("nobody lets go of a lock that is theirs", f"{workset_id} token {token}: {process.name}")

    def on_duty(self, session: Session, lease: Lease, stands: Lease | None, asked: Asked, now: int) -> None:
        """The relay's duty was taken, renewed or given back."""
        known, given_back = self.duty, stands is not None and stands.expires_at == 0
        if stands is None or known is None or lease.token != stands.token:
            token = stands.token if stands is not None else 0
            if lease.token != token + 1:
                raise Violation("a duty's token grows by one with each term", f"{lease} after {stands}")
            if known is not None and not given_back and now - known.at < known.duration * SECOND - SLACK:
                raise Violation("a duty is not taken from who does it", f"{lease} after {stands}")
        elif known.process is not session.process or lease.mark != (stands.token, stands.renewal + 1):
            raise Violation("a duty is kept by who took it", f"{lease} after {stands} by {session.process.name}")
        self.duty = Duty(session.process, asked.at, lease.duration)

    def may_start_until(self, workset_id: str, token: int, until: int) -> None:
        """A run was asked for that may start until a (true) moment."""
        stamp = self.taken.get((workset_id, token))
        if stamp is None or until > stamp.at + stamp.duration * SECOND + SLACK:
            raise Violation(
                "a start's deadline is its lock's end", f"{workset_id} token {token}: {stamp}, until {until}"
            )

    def executes(self, workset_id: str, token: int, highest: int, now: int) -> None:
        """A run's first side effect comes now."""
        record, stamp = self.records.get(workset_id), self.taken.get((workset_id, token))
        run = record.run if isinstance(record, Workset) and record.state == "in_progress" else None
        # Who requeues in the middle of a start takes it for dead: it is ended as what was left behind.
        left_behind = self.verdicts.rash and (workset_id, token) in self.started
        if not left_behind and (run is None or run.run_token != token):
            raise Violation("no run without its start", f"{workset_id} token {token} executes; its record is {record}")
        if stamp is None or now - stamp.at > stamp.duration * SECOND + SLACK:
            raise Violation("no start after the lock's deadline", f"{workset_id} token {token}: {stamp}, now {now}")
        if highest > token:
            raise Violation("no start under a token lower than the place's", f"{workset_id} {token} under {highest}")
        if token <= self.last_run.get(workset_id, 0):
            raise Violation("run tokens grow", f"{workset_id} token {token} after {self.last_run[workset_id]}")
        self.last_run[workset_id] = token


def _same(row: Any, record: Any) -> bool:
    return bool(row == record or (isinstance(row, str) and isinstance(record, str) and record.startswith(row)))


def _registered(record: Any) -> tuple[Any, ...]:
    return tuple(getattr(record, name, None) for name in ("bucket", "prefix", "metadata", "requirements"))

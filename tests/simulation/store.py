"""The store as one process reaches it: over a wire that loses, delays and refuses, to tables that conflict and lag."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import greenlet

from tests.simulation.faults import Kind
from tests.simulation.kernel import Process, Violation
from tests.simulation.model import Asked
from tests.simulation.server import Server, Session
from wsmon.adapters.dynamo import feeding, keys
from wsmon.domain.change import Change, Event
from wsmon.domain.errors import StaleWrite, StoreError, StoreUnreachable, WsmonError
from wsmon.domain.lives import LifeChange
from wsmon.domain.states import WorksetPriority, WorksetState
from wsmon.domain.times import Instant, micros
from wsmon.domain.workset import Lease, LeaseMark, Tombstone, Workset
from wsmon.ports import FeedPage, MonitorRecord, OutboxPage, RowPage, StoreInfo

READ_PATIENCE, WRITE_PATIENCE, MAX_TRIES, TIMEOUT = 8.0, 20.0, 14, 8.0
"""As the DynamoDB adapter has them."""
WRITES = ("put_", "remove_", "clear_", "commit_", "forget_")


class FaultStore:
    """The StateStore port of one session."""

    def __init__(self, server: Server, session: Session) -> None:
        self._server, self._session, self._kernel = server, session, server.kernel
        self.info = StoreInfo("simulated", "store", shared=True)

    # the wire

    def _call(
        self, what: str, work: Callable[[], Any], patience: float = READ_PATIENCE, items: Sequence[str] = ()
    ) -> Any:
        """One call, again with jitter within the bound. Raises StoreUnreachable, and what `work` raises."""
        until = self._kernel.now + micros(patience)
        for _ in range(MAX_TRIES):
            answer = self._try(what, work, items)
            if answer is not None:
                return answer()
            self._session.troubled_at = self._kernel.now
            if self._kernel.now >= until:
                break
            self._kernel.sleep(self._session.chance.uniform(0, 0.8))
        raise StoreUnreachable(f"simulated: no answer to {what}")

    def _try(self, what: str, work: Callable[[], Any], items: Sequence[str]) -> Callable[[], Any] | None:
        kernel, faults, session, server = self._kernel, self._server.faults, self._session, self._server
        fault = faults.draw(session.chance)
        ahead = fault is not None and session.chance.random() < 0.5
        if ahead:
            self._befall(fault, what)
        kernel.sleep(session.chance.uniform(0.5, 20.0) if fault is Kind.SLOW else session.chance.uniform(0.001, 0.02))
        if fault is Kind.SLOW:
            faults.counts[fault] += 1
        if not self._reached():
            return None
        if fault is Kind.LOST_REQUEST:
            self._lost(fault, what)
            return None
        if items and fault is Kind.LATE_REQUEST:
            kernel.start(Process("wire"), "late", lambda: _swallow(work), after=session.chance.uniform(8, 150))
            self._lost(fault, what)
            return None
        if items and server.conflicts(items, session.chance.uniform(0.01, 0.4)):
            return None
        answer = _attempt(work)
        if items and fault in {Kind.LOST_REPLY, Kind.UNRESOLVED}:
            if fault is Kind.UNRESOLVED:
                session.dark_until = kernel.now + micros(session.chance.uniform(30, 120))
            self._lost(fault, what)
            return None
        kernel.sleep(session.chance.uniform(0.001, 0.02))
        if not ahead:
            self._befall(fault, what)
        return answer

    def _lost(self, fault: Kind, what: str) -> None:
        """No reply comes, and the caller waits for it until it gives up."""
        self._server.faults.counts[fault] += 1
        self._kernel.note(self._session.actor, f"FAULT {fault}: {what}")
        self._kernel.sleep(TIMEOUT)

    def _reached(self) -> bool:
        """Whether the store answers this process now, after the time it takes to find out."""
        kernel, server, session = self._kernel, self._server, self._session
        if kernel.now < max(server.down_until, session.dark_until):
            kernel.sleep(session.chance.uniform(0.5, 3.0))
            return False
        if kernel.now < server.throttled_until and session.chance.random() < 0.7:
            server.faults.counts[Kind.THROTTLE] += 1
            return False
        return True

    def _befall(self, fault: Kind | None, what: str) -> None:
        """The process itself is hit while the call is on its way."""
        session = self._session
        if fault is Kind.CRASH and session.crash is not None:
            self._kernel.note(session.actor, f"FAULT {fault} in {what}")
            session.crash()
            raise greenlet.GreenletExit
        if fault is Kind.PAUSE and session.pause is not None:
            self._kernel.note(session.actor, f"FAULT {fault} in {what}")
            session.pause(session.chance.uniform(5, 200))
            self._kernel.sleep(0)

    def _asked(self) -> Asked:
        return Asked(self._kernel.now, self._session.clock.now())

    def _write(self, what: str, work: Callable[[], Any], *items: str) -> Any:
        return self._call(what, work, WRITE_PATIENCE, items or ("facts",))

    # writing

    def commit(self, change: Change) -> None:
        asked, name = self._asked(), change.workset_id
        if change.lease_seen is not None:
            self._server.wake(self._session, name, change.lease_seen[0])
        items = [f"WS#{name}", f"TALLY#{sum(name.encode()) % 8}"]
        if change.lease is not None or change.ends_lease:
            items.append(f"LEASE#{name}")
        items += [f"CLAIMS#{hold.cluster}" for hold in change.holds]
        verb = change.event.verb.value
        self._write(f"{verb} {name}", lambda: self._server.commit(self._session, change, asked), *items)

    def commit_life(self, change: LifeChange) -> None:
        name, verb = change.before.name, change.event.verb.value
        self._write(f"{verb} {name}", lambda: self._server.commit_life(self._session, change), f"LIFE#{name}")

    def register_many(self, changes: Sequence[Change]) -> dict[str, Workset | Tombstone]:
        taken: dict[str, Workset | Tombstone] = {}
        for change in changes:
            try:
                self.commit(change)
            except StaleWrite as stale:
                taken[change.workset_id] = stale.current  # type: ignore[assignment]
        return taken

    def renew(self, lease: Lease) -> None:
        asked = self._asked()
        self._write(
            f"renew {lease.workset_id}",
            lambda: self._server.renew(self._session, lease, asked),
            f"LEASE#{lease.workset_id}",
        )

    def put_monitor(self, record: MonitorRecord) -> None:
        self._write("put_monitor", lambda: self._server.base.put_monitor(record))
        for hook in self._server.beating:
            hook(self._session)

    def put_duty(self, lease: Lease, seen: LeaseMark | None) -> None:
        asked = self._asked()
        self._write("put_duty", lambda: self._server.duty(self._session, lease, seen, asked))

    # reading

    def page(
        self,
        state: WorksetState,
        *,
        priority: WorksetPriority | None = None,
        cursor: str | None = None,
        limit: int = 200,
        newest_first: bool = False,
        due: Instant | None = None,
    ) -> RowPage:
        began = self._kernel.now

        def read() -> RowPage:
            found = self._server.base.page(
                state, priority=priority, cursor=cursor, limit=limit, newest_first=newest_first, due=due
            )
            rows = self._server.index.page(list(found.rows), state, priority, due, limit, newest_first=newest_first)
            return RowPage(rows, found.cursor)

        page: RowPage = self._call(f"page {state}", read)
        for tier in [priority] if priority else list(WorksetPriority):
            self._session.paged_at[state.value, tier.value] = began
        self._session.due = self._session.due if due is None else due
        if state is WorksetState.READY:
            for hook in self._server.looked:
                hook(self._session)
        return page

    def stamp(self) -> object | None:
        return None

    def feed_start(self, since: Instant | None = None) -> str:
        return f"{(self._session.clock.now() if since is None else since) - feeding.REREAD:020d}"

    def feed(self, cursor: str, limit: int = 1000) -> FeedPage:
        now = self._session.clock.now()
        mark = feeding.Mark.of(cursor, now)
        events: list[Event] = self._call("feed", lambda: self._server.index.feed(mark.after, limit))
        newest = max((event.at for event in events), default=0)
        cursors = [f"{event.at - feeding.REREAD:020d}" for event in events]
        if len(events) == limit:
            return FeedPage(events, mark.reached(newest, now, keys.feed_sort(events[-1])).text, True, cursors)
        return FeedPage(events, mark.ended(newest, now, len(events)).text, False, cursors)

    def undelivered(self, limit: int = 100, after: str | None = None) -> OutboxPage:
        page: OutboxPage = self._call("undelivered", lambda: self._server.base.undelivered(limit, after))
        gone = self._server.index.still_shown() if after is None else []
        return replace(page, events=[*gone, *self._server.index.surfaced(list(page.events))])

    def undelivered_of(self, workset_id: str) -> OutboxPage:
        if self._server.faults.hit(Kind.LOST_REQUEST, 0.04, self._session.chance):
            # In the middle of a page: part of it is known by then, and the rest is not.
            raise StoreUnreachable(f"simulated: no answer to undelivered_of {workset_id}")
        page: OutboxPage = self._call("undelivered_of", lambda: self._server.base.undelivered_of(workset_id))
        return page

    def mark_delivered(self, events: Sequence[tuple[str, int]]) -> None:
        self._call("mark_delivered", lambda: self._server.mark(self._session, events), WRITE_PATIENCE, ("facts",))

    # the rest of the port

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Clusters, monitors, alerts and whatever the port has besides: one call each over the same wire."""
        real = getattr(self._server.base, name)
        writes = name.startswith(WRITES)

        def call(*args: Any, **given: Any) -> Any:
            if "alert" in name and writes:
                self._kernel.note(self._session.actor, f"{name} {getattr(args[0], 'fingerprint', args[0])}")
            items = ("facts",) if writes else ()
            return self._call(name, lambda: real(*args, **given), WRITE_PATIENCE if writes else READ_PATIENCE, items)

        return call


def _attempt(work: Callable[[], Any]) -> Callable[[], Any]:
    """Do the work now; what it gave, or raised, comes when the reply does."""
    try:
        value = work()
    except StoreError as error:
        raise Violation("the store takes what was decided", f"{error}") from error
    except WsmonError as error:
        refusal = error

        def refuse() -> Any:
            raise refusal

        return refuse
    return lambda: value


def _swallow(work: Callable[[], Any]) -> None:
    """A request arrives whose sender is not there any more."""
    _attempt(work)

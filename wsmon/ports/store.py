"""The state of everything, as one store by subject; both engines keep the whole of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from wsmon.domain.alerts import AlertRecord, SilenceRecord
from wsmon.domain.change import Change, Event
from wsmon.domain.lives import Life, LifeChange
from wsmon.domain.needs import Microdollars
from wsmon.domain.pool import ClusterRecord
from wsmon.domain.states import WorksetPriority, WorksetState
from wsmon.domain.times import Instant
from wsmon.domain.workset import Lease, LeaseMark, Tombstone, Workset
from wsmon.ports.records import FeedPage, MonitorRecord, OutboxPage, RowPage, StoreInfo, TokenRecord


class WorksetStore(Protocol):
    """Worksets with their events, leases and tallies."""

    def record(self, workset_id: str) -> Workset | Tombstone | None:
        """What stands under the id, read consistently."""

    def records(self, workset_ids: Sequence[str]) -> dict[str, Workset]:
        """The worksets of at most 100 ids, in one call; an index's reader may see one a moment old.

        Absent, purged and unreadable ones are left out.
        """

    def commit(self, change: Change) -> None:
        """Write the change as a whole. Raises StaleWrite with the winner, NoCapacity or OverBudget.

        A lost reply is resolved: on return the change is there exactly once.
        """

    def register_many(self, changes: Sequence[Change]) -> dict[str, Workset | Tombstone]:
        """Commit registrations of new ids (`before` None), many to a transaction.

        Those under whose ids something stands already were not written; what stands is given back.
        """

    def renew(self, lease: Lease) -> None:
        """Replace the lease by `lease` (already renewed, renewal + 1) if its token is still there.

        Touches the lease alone. Raises StaleWrite with `lease` what stands there now (or None).
        """

    def lease(self, workset_id: str) -> Lease | None:
        """The lease, read consistently."""

    def leases(self, *, consistent: bool = True) -> list[Lease]:
        """All leases; without `consistent`, here and below, as they stood a moment ago, at half the price."""

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
        """Rows in one state, ordered by (queue_moment, id).

        For ready and retrying without `priority` the tiers come one after the other, urgent
        first (newest_first turns the order within a tier and of the tiers). `due` keeps rows
        whose moment is not after it. An index may lag: the base record decides.
        """

    def tallies(self) -> dict[WorksetState, int]:
        """How many worksets stand in each state; every state is a key."""


class EventStore(Protocol):
    """The feed of all events and the history of each entity."""

    def stamp(self) -> object | None:
        """Equal to an earlier one of this thread only while nothing was written in between; None where that cannot be known."""

    def feed_start(self, since: Instant | None = None) -> str:
        """A feed cursor that stands now, or at `since`."""

    def feed(self, cursor: str, limit: int = 1000) -> FeedPage:
        """Events after the cursor, oldest first."""

    def between(self, since: Instant, until: Instant) -> Iterator[Event]:
        """Events of a span of time, `until` not included: each once, in any order. Raises InvalidInput where it is too long."""

    def history(self, workset_id: str, after_seq: int = 0, limit: int | None = None) -> list[Event]:
        """A workset's events in order, read consistently; a purged one's too."""


class OutboxStore(Protocol):
    """Events not yet delivered, and the duties and cursors of those who deliver them."""

    def undelivered(self, limit: int = 100, after: str | None = None) -> OutboxPage:
        """Events not yet marked delivered, oldest first, from a page's cursor on.

        An index may lag: events may be missing for a while, surface before the cursor, or still
        show though they are marked. The last page's cursor reads a short window again.
        """

    def undelivered_of(self, workset_id: str) -> OutboxPage:
        """A workset's events not yet marked delivered, in order, read consistently; `cursor` is the seq of its last event."""

    def mark_delivered(self, events: Sequence[tuple[str, int]]) -> None:
        """Take events, named (workset_id, seq), off the outbox; marking twice does nothing."""

    def duty(self, name: str) -> Lease | None:
        """Who does a duty that one monitor at a time does, read consistently; `workset_id` is its name."""

    def put_duty(self, lease: Lease, seen: LeaseMark | None) -> None:
        """Take, renew or give back a duty while its lease shows `seen` (None: never taken).

        Raises StaleWrite with `lease` what stands there now. A duty once taken is never removed,
        so that its token only grows.
        """

    def cursors(self) -> dict[str, str]:
        """Every cursor by name, read consistently."""

    def put_cursors(self, cursors: Mapping[str, str | None], duty: Lease, number: int) -> None:
        """Write (or, with None, remove) up to 90 cursors as a whole, while `duty` stands as it is given.

        `number` grows with each write of a term, so that one that arrives late is not laid over what came
        after it. Raises StaleWrite with `lease` what stands there now.
        """


class PoolStore(Protocol):
    """Clusters with the claims on them, the spend of a day, and monitors."""

    def put_cluster(self, cluster: ClusterRecord) -> None:
        """Create or update a cluster's facts; `claims` is not written."""

    def clusters(self, *, consistent: bool = True) -> list[ClusterRecord]:
        """The pool by name, with the claims on it and its life: also what is being made; not what was taken down."""

    def life(self, cluster: str) -> Life:
        """What was decided about a cluster, read consistently; rev 0 where nothing ever was."""

    def lives(self) -> list[Life]:
        """What was decided about every cluster, those that are gone included, read consistently."""

    def commit_life(self, change: LifeChange) -> None:
        """Write a life and its event as a whole. Raises StaleWrite, or InUse where it must be empty and is not.

        From then on no claim gets onto a cluster that is closed, whatever was planned before. A lost
        reply is resolved as that of `commit` is.
        """

    def forget_cluster(self, cluster: str) -> None:
        """Forget what was reported and decided about a cluster that is gone; its events stay."""

    def spent(self, day: str) -> Microdollars:
        """What claims and results have booked on a UTC day such as `2026-11-24`, read consistently."""

    def put_monitor(self, monitor: MonitorRecord) -> None:
        """Record a heartbeat."""

    def remove_monitor(self, name: str) -> None:
        """A monitor ended and is no longer expected."""

    def monitors(self, *, consistent: bool = True) -> list[MonitorRecord]:
        """All monitors by name."""


class AlertStore(Protocol):
    """Alerts, and the silences over them."""

    def put_alert(self, alert: AlertRecord) -> None:
        """Raise an alert; the same fingerprint again updates last_at, text and count (+1).

        It keeps first_at and what was said to it; one that had ended begins anew.
        """

    def mark_alert(self, fingerprint: str, status: str, *, by: str = "", reason: str = "", at: Instant = 0) -> bool:
        """Acknowledge an alert, or note that it has ended (`resolved`); whether there is one."""

    def clear_alert(self, fingerprint: str) -> None:
        """Forget an alert; clearing twice does nothing."""

    def alerts(self, *, consistent: bool = True) -> list[AlertRecord]:
        """All alerts by first_at, those that have ended and wait to be told of included."""

    def put_silence(self, silence: SilenceRecord) -> None:
        """Keep a silence; the same silence_id again replaces it."""

    def remove_silence(self, silence_id: str) -> None:
        """Forget a silence; twice does nothing."""

    def silences(self, *, consistent: bool = True) -> list[SilenceRecord]:
        """All silences by their end."""


class TokenStore(Protocol):
    """Who may use the API."""

    def put_token(self, token: TokenRecord) -> None:
        """Keep a token; the same token_id again replaces it."""

    def remove_token(self, token_id: str) -> None:
        """Forget a token; twice does nothing."""

    def tokens(self) -> list[TokenRecord]:
        """All tokens by name."""


class StateStore(WorksetStore, EventStore, OutboxStore, PoolStore, AlertStore, TokenStore, Protocol):
    """Worksets with their events, leases, tallies and slots. Safe to call from several threads.

    Every method may raise StoreUnreachable or StoreUnusable.
    """

    info: StoreInfo

    def init(self) -> Sequence[str]:
        """Create what is missing, wait until it is usable; says what it did. Safe to run twice."""

    def check(self) -> None:
        """Raise StoreUnusable (naming what is wrong and what would do) unless the store is one of ours."""

    def store_id(self) -> str:
        """Names this very store for ever, whatever leads to it: drawn at its making and kept in it."""

    def close(self) -> None:
        """Give back files and connections."""

"""What the services need from the world, as protocols. Adapters provide them; nothing here imports one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from wsmon.domain.alerts import AlertRecord as AlertRecord  # noqa: PLC0414  the faces read it from here
from wsmon.domain.alerts import SilenceRecord
from wsmon.domain.change import Change, Event
from wsmon.domain.errors import ChannelError
from wsmon.domain.messages import Message
from wsmon.domain.metering import Series
from wsmon.domain.needs import Microdollars
from wsmon.domain.pool import ClusterRecord as ClusterRecord  # noqa: PLC0414  the faces read it from here
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import WorksetPriority, WorksetState
from wsmon.domain.times import Instant
from wsmon.domain.workset import Lease, LeaseMark, Row, RunRecord, Tombstone, Workset


class Clock(Protocol):
    """The three clocks and the one way to wait."""

    def now(self) -> Instant:
        """Wall clock, microseconds since the epoch."""

    def monotonic(self) -> float:
        """Seconds; never goes back, may stand still while the machine sleeps."""

    def boottime(self) -> float:
        """Seconds since boot, sleep included; the same for all processes of the machine."""

    def sleep(self, seconds: float) -> None:
        """Wait."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until the event is set, at most `seconds`; whether it is set."""


class Joinable(Protocol):
    """Work that goes on beside its starter; a thread is one."""

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has ended, at most `timeout` seconds."""


StartBeside = Callable[[str, Callable[[], None]], Joinable]
"""Starts named work beside the caller: a daemon thread, or an actor of the simulation."""


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """How a face names the store."""

    engine: str
    """`sqlite` or `dynamodb`."""
    name: str
    """The file or the table."""
    region: str = ""
    endpoint: str = ""
    shared: bool = False
    """Whether other machines may work on it."""


@dataclass(frozen=True, slots=True)
class RowPage:
    """One page of a queue; `cursor` is None at the end."""

    rows: Sequence[Row]
    cursor: str | None
    malformed: Sequence[str] = ()
    """Ids whose row cannot be read; they break nothing else."""


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Events after a cursor; `cursor` is where to go on, `more` whether another page waits now.

    Events may come twice and, on an index that lags, late; a reader drops what it knows
    by (workset_id, seq) and fills gaps in a seq from the history.
    """

    events: Sequence[Event]
    cursor: str
    more: bool = False
    cursors: Sequence[str] = ()
    """For each event the cursor that goes on after it."""


@dataclass(frozen=True, slots=True)
class OutboxPage:
    """Undelivered events after a place; `cursor` is where to go on, `more` whether another page waits now.

    `broken` names, as (workset_id, seq), events that cannot be read back, each with why.
    """

    events: Sequence[Event]
    cursor: str
    more: bool = False
    broken: Mapping[tuple[str, int], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MonitorRecord:
    """A monitor and its last heartbeat."""

    name: str
    host: str
    pid: int
    started_at: Instant
    heartbeat_at: Instant
    version: str = ""
    place_id: str = ""
    holding: int = 0
    stopping: bool = False


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """Who may use the API, known by the digest of a secret that is kept nowhere."""

    token_id: str
    name: str
    """The actor on its events."""
    role: str
    digest: str
    """SHA-256 of the secret, in hexadecimal digits."""
    created_at: Instant
    created_by: str
    expires_at: Instant | None = None


class StateStore(Protocol):
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

    def feed_start(self, since: Instant | None = None) -> str:
        """A feed cursor that stands now, or at `since`."""

    def feed(self, cursor: str, limit: int = 1000) -> FeedPage:
        """Events after the cursor, oldest first."""

    def history(self, workset_id: str, after_seq: int = 0, limit: int | None = None) -> list[Event]:
        """A workset's events in order, read consistently; a purged one's too."""

    def tallies(self) -> dict[WorksetState, int]:
        """How many worksets stand in each state; every state is a key."""

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

    def put_cursors(self, cursors: Mapping[str, str | None], duty: Lease) -> None:
        """Write (or, with None, remove) up to 90 cursors as a whole, while `duty`'s token stands.

        Raises StaleWrite with `lease` what stands there now.
        """

    def put_cluster(self, cluster: ClusterRecord) -> None:
        """Create or update a cluster's facts; `claims` is not written."""

    def clusters(self, *, consistent: bool = True) -> list[ClusterRecord]:
        """The pool by name, with the claims on it."""

    def set_drained(self, cluster: str, why: str) -> None:
        """Keep new work off a cluster, saying who and why; empty: no longer. The next report leaves it as it is."""

    def spent(self, day: str) -> Microdollars:
        """What claims and results have booked on a UTC day such as `2026-11-24`, read consistently."""

    def put_monitor(self, monitor: MonitorRecord) -> None:
        """Record a heartbeat."""

    def remove_monitor(self, name: str) -> None:
        """A monitor ended and is no longer expected."""

    def monitors(self, *, consistent: bool = True) -> list[MonitorRecord]:
        """All monitors by name."""

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

    def silences(self) -> list[SilenceRecord]:
        """All silences by their end."""

    def put_token(self, token: TokenRecord) -> None:
        """Keep a token; the same token_id again replaces it."""

    def remove_token(self, token_id: str) -> None:
        """Forget a token; twice does nothing."""

    def tokens(self) -> list[TokenRecord]:
        """All tokens by name."""

    def close(self) -> None:
        """Give back files and connections."""


class RunState(StrEnum):
    """What a look at a run's place tells."""

    RUNNING = "running"
    ENDED = "ended"
    ABSENT = "absent"
    """The place answers and knows no such run, and none can start under this or a lower token."""
    UNKNOWN = "unknown"
    """No answer, or another place: the run may live."""


@dataclass(frozen=True, slots=True)
class RunStatus:
    """A run's state and, once ended, its result; exit_code None with ENDED: nobody saw the result."""

    state: RunState
    exit_code: int | None = None
    """128 + n for a command that signal n ended."""
    seconds: float | None = None
    """How long it has run, or ran, on the place's boot-time clock."""
    note: str = ""
    step: str | None = None
    """The step it has reached."""
    metrics: Mapping[str, object] = field(default_factory=dict)
    """What the run told about itself at its end."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a runner starts runs."""

    place_id: str
    host: str
    boot_id: str


@dataclass(frozen=True, slots=True)
class RunRequest:
    """One execution to be started."""

    workset: Workset
    run: RunRecord
    argv: Sequence[str]
    deadline: float
    """Boot-time seconds after which it must not start any more (the lease's end)."""
    env: Mapping[str, str] = field(default_factory=dict)
    pipeline: str = ""
    """Where the pipeline leaves daylily.successful_run or daylily.failed_run, if it does."""


class CommandRunner(Protocol):
    """Starts, finds and ends runs at one place."""

    def place(self) -> Place:
        """This place; raises Refused when its folder cannot be used."""

    def plan(self, workset_id: str, run_token: int, cluster: str | None = None) -> RunRecord:
        """The record `start` commits before anything is spawned; `cluster` is where its slot was claimed."""

    def ready(self, cluster: str | None = None) -> None:
        """Raises Refused while nothing can be started on a cluster, whatever it is: no place, no room."""

    def prepare(self, request: RunRequest) -> None:
        """Make what the run needs of its place, before its start is committed; it raises the place's token.

        Raises StillAlive while an older run of the workset lives here, Refused when a higher token was
        seen, the deadline passed or the place cannot take it. Nothing runs yet, and nothing has to be undone.
        """

    def spawn(self, request: RunRequest) -> None:
        """Start a prepared run detached. Raises Refused when a higher token was seen here or the deadline passed."""

    def raise_token(self, workset_id: str, token: int, run: RunRecord | None = None) -> None:
        """From now on nothing with a lower token starts at the place of `run` (None: the only one)."""

    def newly_reached(self) -> bool:
        """Whether a place answers that did not before: its live runs want to be looked at again."""

    def look(self, workset_id: str, run: RunRecord) -> RunStatus:
        """What became of a run. The caller has raised the place's token first if it adopts."""

    def stop(self, workset_id: str, run: RunRecord, *, force: bool) -> bool:
        """Ask every process of the run to end (TERM), or end it (`force`, KILL); does not wait.

        False where there was nobody to ask yet: it is just being started.
        """

    def live_runs(self) -> list[tuple[str, RunRecord]]:
        """(workset id, run) of every run of this store at this place some process of which lives."""

    def log_from(self, run: RunRecord, offset: int | None, limit: int = 65_536) -> tuple[str, int]:
        """A run's output from an offset on (None: its end), and the offset to go on from. Raises OutsideError."""

    def log_tail(self, run: RunRecord, limit: int = 4096) -> str:
        """The end of a run's output, at most `limit` bytes, decoded with replacement."""


class ClusterSource(Protocol):
    """Knows clusters and how they are."""

    def clusters(self, now: Instant) -> Sequence[ClusterRecord]:
        """The clusters as they are at `now`; `claims` stay empty."""


class Log(Protocol):
    """Where the services tell what they do; a structlog logger is one."""

    def info(self, event: str, **fields: object) -> object:
        """Something that is as it should be."""

    def warning(self, event: str, **fields: object) -> object:
        """Something an operator may want to know."""

    def error(self, event: str, **fields: object) -> object:
        """Something that needs a person."""


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """A workset found in a catalog: what to register, or why it cannot be."""

    source: str
    spec: WorksetSpec | None
    state: WorksetState
    since: Instant
    problem: str | None = None
    known_id: str | None = None
    """The workset's id, where the caller knows it already; then the folder was not read."""


class Catalog(Protocol):
    """A place where workset folders are dropped."""

    def scan(
        self, known: Callable[[str], bool] = ..., states: Collection[WorksetState] | None = None
    ) -> Iterator[CatalogEntry]:
        """Every workset folder in one of `states` (None: any), in order of name.

        Folders that are none are passed over; one whose id is `known` is told of, but not read.
        Raises OutsideError, InvalidInput.
        """


class Sentinels(Protocol):
    """Writes sentinels into workset folders, for tools that read them."""

    def mark(self, bucket: str, prefix: str, word: str, body: str) -> None:
        """Make `word` the sentinel that holds: write it, and take away those that would hold before it."""


@dataclass(frozen=True, slots=True)
class Inspected:
    """What a look into a workset folder told."""

    problems: tuple[str, ...]
    samples: str | None
    """The text of the sample table."""


class Inspector(Protocol):
    """Looks into workset folders before a run."""

    def inspect(self, bucket: str, prefix: str) -> Inspected:
        """What the folder holds. Raises OutsideError where it cannot be asked."""

    def absent(self, bucket: str, prefix: str, references: Sequence[str]) -> dict[str, str]:
        """Of the objects a sample table names, those that are not there: reference -> why."""


class Channel(Protocol):
    """A way to tell people or programs. Made cheaply; connects at the first message."""

    name: str
    incidents: bool
    """Keeps one incident a group, with a begin and an end: groups are never summed up for it."""

    def send(self, message: Message) -> str:
        """Deliver, within ten seconds or so; what the channel answered, without secrets.

        Raises ChannelDown, or ChannelRefused for a message it will never take. The same
        message_id again is the same message: it counts once where the channel can tell.
        """


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a message; `error` None: delivered."""

    channel: str
    message_id: str
    error: ChannelError | None = None
    receipt: str = ""


class Courier(Protocol):
    """Carries messages without making the relay wait; one at a time to each channel."""

    def start(self, channel: Channel, message: Message) -> None:
        """Begin to send."""

    def finished(self) -> list[Sent]:
        """What ended since the last call."""


class MetricSink(Protocol):
    """Where figures go."""

    def report(self, series: Sequence[Series], at: Instant) -> None:
        """Take the figures since the last report; may raise anything, and is given them again then."""

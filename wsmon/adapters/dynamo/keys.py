"""Keys and attribute names of the one table. The leading version lets partitions be split later."""

from __future__ import annotations

import re
import zlib

from wsmon.domain.change import CLUSTER_ID, Event
from wsmon.domain.states import WAITING, WorksetPriority, WorksetState
from wsmon.domain.times import Instant
from wsmon.domain.workset import Workset, queue_moment

VERSION = "1"
TALLY_SHARDS = 8
HOUR = 3_600_000_000
STATE = "STATE"
LEASES, CLUSTERS, CLAIMS, SPEND, MONITORS, ALERTS, TOKENS = (
    f"{VERSION}#{name}" for name in ("LEASES", "CLUSTERS", "CLAIMS", "SPEND", "MONITORS", "ALERTS", "TOKENS")
)
DUTIES, CURSORS, SILENCES, META = (f"{VERSION}#{name}" for name in ("DUTIES", "CURSORS", "SILENCES", "META"))
OUTBOX = f"{VERSION}#OUTBOX"
QUEUE_INDEX, FEED_INDEX, OUTBOX_INDEX = "queue", "feed", "outbox"
INDEXES = {QUEUE_INDEX: "queue", FEED_INDEX: "feed", OUTBOX_INDEX: "outbox"}
"""Index -> prefix of its two key attributes: `queue_pk`, `queue_sk` and so on."""


def workset_key(workset_id: str) -> str:
    """The partition of a workset and its events, or of a cluster's events."""
    if workset_id.startswith(CLUSTER_ID):
        return f"{VERSION}#CLUSTER#{workset_id.removeprefix(CLUSTER_ID)}"
    return f"{VERSION}#WS#{workset_id}"


def event_key(seq: int) -> str:
    """The sort key of an event within its workset."""
    return f"EV#{seq:012d}"


def event_of(partition: str, sort: str) -> tuple[str, int]:
    """The workset, or the entity of a cluster, and seq of an event's keys."""
    entity = partition.removeprefix(f"{VERSION}#WS#")
    return entity.replace(f"{VERSION}#CLUSTER#", CLUSTER_ID, 1), int(sort.removeprefix("EV#"))


def tally_shard(workset_id: str) -> int:
    """Which of the tallies counts a workset; the same on every machine."""
    return zlib.crc32(workset_id.encode()) % TALLY_SHARDS


def tally_key(shard: int) -> str:
    """The partition of a tally."""
    return f"{VERSION}#TALLY#{shard}"


def queue_partition(state: WorksetState, tier: int) -> str:
    """The queue index's partition: by state, and by tier where worksets wait."""
    return f"{VERSION}#Q#{state.value}#{tier}" if state in WAITING else f"{VERSION}#Q#{state.value}"


QUEUE_SORT = re.compile(r"[0-9]{20}#.+")


def queue_sort(moment: Instant, workset_id: str) -> str:
    """The queue index's sort key."""
    return f"{moment:020d}#{workset_id}"


def queue_place(workset: Workset) -> tuple[str, str]:
    """Where a workset stands in the queue index."""
    partition = queue_partition(workset.state, WorksetPriority(workset.priority).tier)
    return partition, queue_sort(queue_moment(workset), workset.workset_id)


def feed_partition(at: Instant) -> str:
    """The feed index's partition: an hour."""
    return f"{VERSION}#FEED#{at // HOUR}"


def feed_sort(event: Event) -> str:
    """The feed's and the outbox's sort key."""
    return f"{event.at:020d}#{event.workset_id}#{event.seq}"

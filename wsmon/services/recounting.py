"""What claims and the day's spend should be by the worksets and events themselves, beside what is kept."""

from __future__ import annotations

import datetime as dt

from wsmon.domain.needs import day_of, dollars, microdollars
from wsmon.domain.pool import Held, Taken
from wsmon.domain.states import WorksetState
from wsmon.domain.times import from_datetime
from wsmon.domain.workset import Workset
from wsmon.ports import Clock, StateStore
from wsmon.services.paging import every_row

HELD = (WorksetState.LOCKED, WorksetState.IN_PROGRESS)


def claims_differ(store: StateStore) -> list[str]:
    """Where the claims on clusters are not what the held worksets took; empty when they agree."""
    clusters = store.clusters()
    found = {
        (cluster.name, workset_id): (held.token, held.vcpus, held.memory_mib)
        for cluster in clusters
        for workset_id, held in cluster.claims.items()
    }
    reported = {cluster.name for cluster in clusters}
    wanted: dict[tuple[str, str], tuple[int, int, int]] = {}
    for state in HELD:
        for row in every_row(store, state):
            record = store.record(row.workset_id)
            if isinstance(record, Workset) and record.slot in reported:
                taken = record.taken or Taken()
                key = (str(record.slot), record.workset_id)
                wanted[key] = (record.token, taken.vcpus, taken.memory_mib)
    return [
        f"{workset_id} on {cluster}: {_said(found.get((cluster, workset_id)))} kept,"
        f" {_said(wanted.get((cluster, workset_id)))} by the workset"
        for cluster, workset_id in sorted(found.keys() | wanted.keys())
        if found.get((cluster, workset_id)) != wanted.get((cluster, workset_id))
    ]


def _said(held: tuple[int, int, int] | None) -> str:
    if held is None:
        return "nothing"
    one = Held(*held)
    return f"a slot (token {one.token}), {one.vcpus} vCPUs, {one.memory_mib} MiB"


def spend_of_today(store: StateStore, clock: Clock) -> tuple[float, float]:
    """Today's dollars as they are kept, and as the events since midnight (UTC) booked them."""
    day = day_of(clock.now())
    midnight = from_datetime(dt.datetime.fromisoformat(f"{day}T00:00:00+00:00"))
    seen: dict[tuple[str, int], int] = {}
    cursor = store.feed_start(midnight)
    while True:
        page = store.feed(cursor)
        for event in page.events:
            booked = (event.detail or {}).get("spend", {}).get(day)
            if booked:
                seen[event.workset_id, event.seq] = microdollars(booked)
        cursor = page.cursor
        if not page.more:
            break
    return dollars(store.spent(day)), dollars(sum(seen.values()))

"""Everything the store reads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wsmon.adapters import codec, cursors
from wsmon.adapters.dynamo import expressions as ex
from wsmon.adapters.dynamo import keys
from wsmon.adapters.dynamo.client import Connection
from wsmon.adapters.dynamo.feeding import HOURS_AT_ONCE, LONGEST_SPAN, OLDEST, REREAD, SKEW, Mark
from wsmon.domain.change import Event
from wsmon.domain.errors import InvalidInput
from wsmon.domain.states import WAITING, WorksetPriority, WorksetState
from wsmon.domain.times import Instant
from wsmon.domain.workset import Lease, Row, Tombstone, Workset
from wsmon.ports import Clock, FeedPage, OutboxPage, RowPage


class Reading:
    """The reading half of the StateStore port."""

    _connection: Connection
    _clock: Clock

    def _item(self, pk: str, sk: str) -> dict[str, Any] | None:
        reply = self._connection.read(
            "get_item", TableName=self._connection.table, Key=ex.wire_item({"pk": pk, "sk": sk}), ConsistentRead=True
        )
        return ex.plain(reply["Item"]) if reply.get("Item") else None

    def _query(self, condition: str, values: dict[str, str], **more: Any) -> Iterator[tuple[dict[str, Any], bool]]:
        """(item, whether more may follow) of every page."""
        wire = {name: ex.wire(value) for name, value in values.items()}
        parameters = {
            "TableName": self._connection.table,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": wire,
            **more,
        }
        while True:
            reply = self._connection.read("query", **parameters)
            last = reply.get("LastEvaluatedKey")
            items = reply["Items"]
            for index, item in enumerate(items):
                yield ex.plain(item), index + 1 < len(items) or bool(last)
            if not last:
                return
            parameters["ExclusiveStartKey"] = last

    def _partition(self, pk: str, consistent: bool) -> Iterator[dict[str, Any]]:
        for item, _ in self._query("pk = :pk", {":pk": pk}, ConsistentRead=consistent):
            yield item

    # worksets

    def record(self, workset_id: str) -> Workset | Tombstone | None:
        """What stands under the id, read consistently."""
        item = self._item(keys.workset_key(workset_id), keys.STATE)
        return codec.readable(workset_id, item) if item else None

    def records(self, workset_ids: Sequence[str]) -> dict[str, Workset]:
        """The worksets of some ids, in one call where they are not too many at once."""
        found: dict[str, dict[str, Any]] = {}
        wanted = [ex.wire_item({"pk": keys.workset_key(one), "sk": keys.STATE}) for one in dict.fromkeys(workset_ids)]
        for item in self._batch(wanted, consistent=False):
            found[item["workset_id"]] = item
        return codec.worksets_from(found.items())

    def _batch(self, wanted: list[dict[str, Any]], *, consistent: bool) -> Iterator[dict[str, Any]]:
        """The items of at most 100 keys."""
        table = self._connection.table
        while wanted:
            reply = self._connection.read(
                "batch_get_item", RequestItems={table: {"Keys": wanted, "ConsistentRead": consistent}}
            )
            for item in reply["Responses"].get(table, []):
                yield ex.plain(item)
            wanted = reply.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])

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
        """Rows in one state in queue order; see the port."""
        tiers = [p.tier for p in WorksetPriority] if state in WAITING else [0]
        if priority is not None and state in WAITING:
            tiers = [priority.tier]
        if newest_first:
            tiers.reverse()
        tier, place = _mark(cursor)
        if tier in tiers:
            tiers = tiers[tiers.index(tier) :]
        found: list[Row] = []
        malformed: list[str] = []
        for one in tiers:
            items = self._tier(state, one, place if one == tier else None, newest_first, due, limit - len(found))
            for sort, text, more in items:
                rows, bad = codec.rows_from([(sort.partition("#")[2], text)])
                malformed += bad
                found += [row for row in rows if priority is None or row.priority is priority]
                if len(found) == limit and (more or one != tiers[-1]):
                    return RowPage(found, json.dumps([one, sort]), malformed)
        return RowPage(found, None, malformed)

    def _tier(
        self, state: WorksetState, tier: int, after: str | None, newest_first: bool, due: Instant | None, limit: int
    ) -> Iterator[tuple[str, str | None, bool]]:
        """(sort key, row as JSON, whether more may follow)."""
        partition = keys.queue_partition(state, tier)
        condition, values = "queue_pk = :pk", {":pk": partition}
        if due is not None:
            condition, values = condition + " AND queue_sk < :due", {**values, ":due": f"{due + 1:020d}"}
        more: dict[str, Any] = {"IndexName": keys.QUEUE_INDEX, "ScanIndexForward": not newest_first}
        more["Limit"] = max(1, limit)
        if after is not None:
            workset_id = after.partition("#")[2]
            start = {"queue_pk": partition, "queue_sk": after, "pk": keys.workset_key(workset_id), "sk": keys.STATE}
            more["ExclusiveStartKey"] = ex.wire_item(start)
        for item, follows in self._query(condition, values, **more):
            yield item["queue_sk"], item.get("row"), follows

    def tallies(self) -> dict[WorksetState, int]:
        """How many worksets stand in each state: one call."""
        wanted = [ex.wire_item({"pk": keys.tally_key(n), "sk": keys.STATE}) for n in range(keys.TALLY_SHARDS)]
        counts = dict.fromkeys(WorksetState, 0)
        for values in self._batch(wanted, consistent=True):
            for state in WorksetState:
                counts[state] += values.get(state.value, 0)
        return counts

    # leases

    def lease(self, workset_id: str) -> Lease | None:
        """The lease, read consistently."""
        item = self._item(keys.LEASES, workset_id)
        return lease_of(item) if item else None

    def leases(self, *, consistent: bool = True) -> list[Lease]:
        """All leases."""
        return [lease_of(item) for item in self._partition(keys.LEASES, consistent)]

    # events

    def stamp(self) -> object | None:
        """None: only reading tells whether anything was written."""
        return None

    def feed_start(self, since: Instant | None = None) -> str:
        """A cursor that stands now, or at `since`."""
        return f"{(self._clock.now() if since is None else since) - REREAD:020d}"

    def feed(self, cursor: str, limit: int = 1000) -> FeedPage:
        """Events after the cursor; the last seconds come again, because the index lags."""
        now = self._clock.now()
        mark, events, newest = Mark.of(cursor, now), list[Event](), 0
        cursors: list[str] = []
        first = int(mark.after[:20]) // keys.HOUR
        if first < (now - OLDEST) // keys.HOUR:
            raise InvalidInput("the feed is asked for events of more than 31 days ago; begin later, or read histories")
        for hour in range(first, (now + SKEW) // keys.HOUR + 1):
            condition = "feed_pk = :pk AND feed_sk > :after"
            values = {":pk": keys.feed_partition(hour * keys.HOUR), ":after": mark.after}
            for item, _ in self._query(condition, values, IndexName=keys.FEED_INDEX, Limit=limit - len(events)):
                events.append(codec.event_from(item))
                newest = max(newest, events[-1].at)
                # Another's clock may be behind this event's, whose own may be ahead.
                cursors.append(f"{min(newest, now) - SKEW - REREAD:020d}")
                if len(events) == limit:
                    return FeedPage(events, mark.reached(newest, now, item["feed_sk"]).text, True, cursors)
        return FeedPage(events, mark.ended(newest, now, len(events)).text, False, cursors)

    def between(self, since: Instant, until: Instant) -> Iterator[Event]:
        """Events of a span; its hours, a query each at least, are asked for side by side."""
        from concurrent.futures import ThreadPoolExecutor  # few commands ask for it

        if until - since > LONGEST_SPAN:
            raise InvalidInput("a table is asked for the events of a year at most; begin later")
        self._connection.client()  # made once, or what is wrong is said once
        with ThreadPoolExecutor(HOURS_AT_ONCE) as pool:
            for events in pool.map(
                lambda hour: self._hour(hour, since, until), range(since // keys.HOUR, (until - 1) // keys.HOUR + 1)
            ):
                yield from events

    def _hour(self, hour: int, since: Instant, until: Instant) -> list[Event]:
        condition = "feed_pk = :pk AND feed_sk BETWEEN :since AND :until"
        values = {":pk": keys.feed_partition(hour * keys.HOUR), ":since": f"{since:020d}", ":until": f"{until:020d}"}
        return [codec.event_from(item) for item, _ in self._query(condition, values, IndexName=keys.FEED_INDEX)]

    def history(self, workset_id: str, after_seq: int = 0, limit: int | None = None) -> list[Event]:
        """A workset's events in order, read consistently."""
        condition = "pk = :pk AND sk BETWEEN :first AND :last"
        first, last = keys.event_key(after_seq + 1), keys.event_key(10**12 - 1)
        values = {":pk": keys.workset_key(workset_id), ":first": first, ":last": last}
        more = {"Limit": limit} if limit is not None else {}
        events: list[Event] = []
        for item, _ in self._query(condition, values, ConsistentRead=True, **more):
            events.append(codec.event_from(item))
            if limit is not None and len(events) == limit:
                break
        return events

    def _change_id_at(self, workset_id: str, seq: int) -> str | None:
        found = self.history(workset_id, seq - 1, 1)
        return found[0].change_id if found else None

    def undelivered(self, limit: int = 100, after: str | None = None) -> OutboxPage:
        """Events not yet marked delivered, oldest first; the last page's cursor goes back by lag and skew."""
        condition, values = "outbox_pk = :pk AND outbox_sk > :after", {":pk": keys.OUTBOX, ":after": after or "0"}
        items: list[dict[str, Any]] = []
        for item, _ in self._query(condition, values, IndexName=keys.OUTBOX_INDEX, Limit=limit):
            items.append(item)
            if len(items) == limit:
                return _outbox(items, item["outbox_sk"], more=True)
        last = items[-1]["outbox_sk"] if items else after or "0"
        if "#" not in last:
            return _outbox(items, last, more=False)  # nothing came, and the window begins there already
        return _outbox(items, f"{max(0, int(last[:20]) - REREAD - SKEW):020d}", more=False)

    def undelivered_of(self, workset_id: str) -> OutboxPage:
        """A workset's events not yet marked delivered, read consistently."""
        condition, values = "pk = :pk AND begins_with(sk, :ev)", {":pk": keys.workset_key(workset_id), ":ev": "EV#"}
        found = [item for item, _ in self._query(condition, values, ConsistentRead=True)]
        last = keys.event_of(found[-1]["pk"], found[-1]["sk"])[1] if found else 0
        return _outbox([item for item in found if "outbox_pk" in item], str(last), more=False)


def _outbox(items: list[dict[str, Any]], cursor: str, *, more: bool) -> OutboxPage:
    """A page; what is no event any more is named and never in the way."""
    events, broken = [], {}
    for item in items:
        try:
            events.append(codec.event_from(item))
        except (KeyError, TypeError, ValueError) as error:
            workset_id, seq = keys.event_of(item["pk"], item["sk"])
            broken[workset_id, seq] = f"{type(error).__name__}: {error}"[: codec.PROBLEM_CHARS]
    return OutboxPage(events, cursor, more, broken)


def lease_of(item: Mapping[str, Any]) -> Lease:
    """A lease of its item, whose sort key is the workset's id."""
    return codec.lease_from({"workset_id": item["sk"], **item})


def _mark(cursor: str | None) -> tuple[int, str | None]:
    """The place a page cursor stands at: tier and sort key."""
    if cursor is None:
        return -1, None
    tier, place = cursors.parts(cursor, int, str)
    if tier not in {known.tier for known in WorksetPriority} or not keys.QUEUE_SORT.fullmatch(str(place)):
        raise cursors.unknown("page", cursor)
    return int(tier), str(place)

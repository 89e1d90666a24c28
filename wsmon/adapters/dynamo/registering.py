"""Registrations in bulk: many to a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from wsmon.adapters.dynamo import keys, writing
from wsmon.adapters.dynamo.client import condition_failed
from wsmon.adapters.dynamo.reading import Reading
from wsmon.adapters.resolving import stands
from wsmon.domain.change import Change
from wsmon.domain.errors import StaleWrite
from wsmon.domain.states import WorksetState
from wsmon.domain.workset import Tombstone, Workset

Standing = dict[str, Workset | Tombstone]


class Registering(Reading):
    """The store's part that takes in many new worksets."""

    def register_many(self, changes: Sequence[Change]) -> Standing:
        """Write registrations, up to 40 of one tally shard in a transaction."""
        shards: dict[int, list[Change]] = {}
        for change in changes:
            shards.setdefault(keys.tally_shard(change.workset_id), []).append(change)
        taken: Standing = {}
        for shard, members in shards.items():
            for pack in writing.packs(members):
                taken |= self._register(shard, pack)
        return taken

    def _register(self, shard: int, changes: list[Change]) -> Standing:
        """One transaction; where ids are taken, another one without them."""
        if not changes:
            return {}
        tries, taken = self._try(self._request(shard, changes), changes)
        if not taken:
            return {}
        rest = [_again(change) for change in changes if change.workset_id not in taken]
        # A try whose reply was lost, or that came twice, may have written them all: then every id is taken, by itself.
        refused = {change.workset_id: change for change in changes}
        taken = {
            workset_id: record
            for workset_id, record in taken.items()
            if not self._ours(refused[workset_id], record, again=tries > 1)
        }
        return taken | self._register(shard, rest)

    def _ours(self, change: Change, record: Workset | Tombstone, *, again: bool) -> bool:
        """Whether what stands there came from this registration; read only where somebody may have gone on from it."""
        if isinstance(record, Workset) and record.change_id == change.event.change_id:
            return True
        return again and stands(change, record.rev, self._change_id_at)

    def _try(self, request: dict[str, Any], changes: Sequence[Change]) -> tuple[int, Standing]:
        """How many tries it took, and what stands in the way; nothing once it is written."""
        tries = 0

        def work() -> Standing:
            nonlocal tries
            tries += 1
            try:
                self._connection.send("transact_write_items", **request)
            except ClientError as error:
                if not condition_failed(error):
                    raise
                taken = writing.standing(error, changes)
                if not taken:
                    raise StaleWrite(changes[0].workset_id, None) from None
                return taken
            return {}

        taken: Standing = self._connection.call(work)
        return tries, taken

    def _request(self, shard: int, changes: Sequence[Change]) -> dict[str, Any]:
        table = self._connection.table
        deltas: dict[WorksetState, int] = {}
        parts: list[dict[str, Any]] = []
        for change in changes:
            parts += [writing.put_record(table, change), *writing.event_parts(table, change)]
            for state, delta in change.tally.items():
                deltas[state] = deltas.get(state, 0) + delta
        parts.append(writing.add_tally(table, shard, deltas))
        return {"TransactItems": parts, "ClientRequestToken": changes[0].event.change_id}


def _again(change: Change) -> Change:
    """The same registration as a new request: a token may not be used for other bytes."""
    change_id = uuid4().hex
    assert isinstance(change.after, Workset)
    after, event = replace(change.after, change_id=change_id), replace(change.event, change_id=change_id)
    past = tuple(replace(one, change_id=change_id) for one in change.past)
    return replace(change, after=after, event=event, past=past)

"""The predecessor's DynamoDB table as a catalog.

The table's key is `workset_id`; its attributes are those of its state database.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Mapping
from decimal import Decimal
from typing import Any

import boto3
from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import BotoCoreError, ClientError

from wsmon.domain.errors import InvalidInput, OutsideError
from wsmon.domain.operating import PastState
from wsmon.domain.spec import MAX_REASON_CHARS, MAX_TEXT_BYTES, WorksetSpec, check_name, parse_priority, shown
from wsmon.domain.states import WorksetState
from wsmon.domain.times import Instant, from_datetime, isoformat
from wsmon.ports import CatalogEntry

MAX_HISTORY = 200
# Its states by the name they have here; what is not named is refused rather than guessed.
STATES = {
    **{state.value: state for state in WorksetState if state is not WorksetState.DELETED},
    "retrying": WorksetState.READY,
    "canceled": WorksetState.IGNORED,
    "cancelled": WorksetState.IGNORED,
}
_PAST_STATES = {**STATES, "retrying": WorksetState.RETRYING, "deleted": WorksetState.DELETED}
_TAKEN = frozenset(
    [
        "workset_id",
        "state",
        "priority",
        "bucket",
        "prefix",
        "metadata",
        "created_at",
        "updated_at",
        "error_details",
    ]
)


class PredecessorTable:
    """The Catalog port over the predecessor's table; it is only read."""

    def __init__(
        self, table: str, *, region: str | None = None, profile: str | None = None, endpoint_url: str | None = None
    ) -> None:
        self._table, self._region, self._profile, self._endpoint = table, region, profile, endpoint_url

    def scan(
        self, known: Callable[[str], bool] = lambda _: False, states: Collection[WorksetState] | None = None
    ) -> Iterator[CatalogEntry]:
        """Every item that is a workset. Raises OutsideError; an item that is none is told of as one that cannot be."""
        for item in self._items():
            entry = self._entry(item)
            if states is not None and entry.state not in states:
                continue
            if entry.spec is not None and known(entry.spec.workset_id):
                known_id, place = entry.spec.workset_id, (entry.spec.bucket, entry.spec.prefix)
                yield CatalogEntry(entry.source, None, entry.state, entry.since, known_id=known_id, place=place)
            else:
                yield entry

    def _items(self) -> Iterator[dict[str, Any]]:
        try:
            session = boto3.session.Session(profile_name=self._profile, region_name=self._region)
            client = session.client("dynamodb", endpoint_url=self._endpoint)
            keys = client.describe_table(TableName=self._table)["Table"]["KeySchema"]
            if [part["AttributeName"] for part in keys] != ["workset_id"]:
                raise InvalidInput(f"table {self._table!r} is not the predecessor's: its key is not workset_id")
            read = TypeDeserializer().deserialize
            for page in client.get_paginator("scan").paginate(TableName=self._table, ConsistentRead=True):
                for item in page["Items"]:
                    yield {name: _plain(read(value)) for name, value in item.items()}
        except (ClientError, BotoCoreError, ValueError) as error:
            raise OutsideError(f"table {self._table!r} cannot be read: {error}") from None

    def _entry(self, item: Mapping[str, Any]) -> CatalogEntry:
        source = f"{self._table}/{item.get('workset_id')}"
        state = STATES.get(str(item.get("state")))
        since = moment(item.get("updated_at"))
        if state is None:
            return CatalogEntry(
                source, None, WorksetState.ERROR, since, f"its state {shown(item.get('state'))} is not known here"
            )
        metadata = item.get("metadata")
        kept = {name: value for name, value in item.items() if name not in _TAKEN and not name.startswith("lock_")}
        told = kept.get("state_history")
        kept["state_history"] = (told if isinstance(told, list) else [told] if told else [])[-MAX_HISTORY:]
        try:
            spec = WorksetSpec(
                str(item.get("workset_id", "")),
                str(item.get("bucket", "")),
                str(item.get("prefix", "")),
                parse_priority(str(item.get("priority", "normal"))),
                {
                    **(metadata if isinstance(metadata, Mapping) else {}),
                    "imported": {"from": self._table, "created_at": isoformat(moment(item.get("created_at"))), **kept},
                },
                affinity=_name(item.get("preferred_cluster")),
            )
        except InvalidInput as error:
            return CatalogEntry(source, None, state, since, str(error))
        failed = state in {WorksetState.ERROR, WorksetState.FAILED}
        problem = str(item.get("error_details") or "no details") if failed else None
        metrics = item.get("metrics")
        return CatalogEntry(
            source,
            spec,
            state,
            since,
            problem,
            past=_history(item),
            metrics=metrics if isinstance(metrics, Mapping) and metrics else None,
            cluster=_name(item.get("cluster_name")),
        )


def _name(value: object) -> str | None:
    """A cluster's name, or nothing where it is none."""
    try:
        return check_name("cluster", value, MAX_TEXT_BYTES)
    except InvalidInput:
        return None


def moment(value: object) -> Instant:
    """A moment of its ISO-8601 text, or of seconds; the epoch where it is neither."""
    try:
        if isinstance(value, int | float):
            return round(value * 1_000_000)
        return from_datetime(dt.datetime.fromisoformat(str(value)))
    except (ValueError, OverflowError):
        return 0


def _history(item: Mapping[str, Any]) -> tuple[PastState, ...]:
    """The states it went through. An entry without a state that is known here is none; without a moment, one of the last's."""
    found: list[PastState] = []
    entries = item.get("state_history")
    for entry in entries if isinstance(entries, list) else ():
        said = str(entry.get("state")) if isinstance(entry, Mapping) else ""
        state = _PAST_STATES.get(said)
        if state is None:
            continue
        last = found[-1].at if found else moment(item.get("created_at"))
        told = entry.get("reason")
        reason = None if told is None else str(told)[:MAX_REASON_CHARS]
        found.append(PastState(state, moment(entry.get("timestamp")) or last, reason, said))
    return tuple(found)


def _plain(value: Any) -> Any:
    """DynamoDB's numbers and sets as JSON has them."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | set | frozenset | tuple):
        return [_plain(item) for item in value]
    return value.hex() if isinstance(value, bytes) else value

"""One verb said to many worksets: chosen first, shown, and then each written as it was shown or left alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from wsmon.domain.errors import IllegalTransition, NotFound, StoreError, WsmonError
from wsmon.domain.spec import check_name
from wsmon.domain.states import WorksetPriority
from wsmon.domain.workset import Workset, row_of
from wsmon.services import asking
from wsmon.services.commands import Commands
from wsmon.services.listing import Query, everything

if TYPE_CHECKING:
    from wsmon.domain.filters import Filter
    from wsmon.domain.times import Instant

BATCH = 100


@dataclass(slots=True)
class Chosen:
    """The worksets a verb would be said to, as they stand, and those that it cannot be said to from where they stand."""

    possible: list[Workset] = field(default_factory=list)
    impossible: list[Workset] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one; `error` None: it was done."""

    workset_id: str
    error: WsmonError | None = None
    after: Workset | None = None


def by_filter(commands: Commands, verb: str, wanted: Filter) -> Chosen:
    """Everything the filter lets pass, read whole: an index may lag, and decides nothing."""
    now = commands.clock.now()
    ids = (row.workset_id for row in everything(commands.store, Query(passes=wanted, now=now)))
    found = (record for record in _records(commands, ids) if wanted(row_of(record), now))
    return _sorted_out(verb, found, now)


def by_ids(commands: Commands, verb: str, ids: Sequence[str]) -> Chosen:
    """These, in this order. Raises NotFound for the first that is not there, InvalidInput for what is no id.

    A typing mistake changes nothing.
    """
    for workset_id in ids:
        check_name("workset id", workset_id)
    found = {record.workset_id: record for record in _records(commands, ids)}
    for workset_id in ids:
        if workset_id not in found:
            raise NotFound(workset_id)
    return _sorted_out(verb, (found[workset_id] for workset_id in dict.fromkeys(ids)), commands.clock.now())


def carry_out(
    commands: Commands, verb: str, targets: Iterable[Workset], *, reason: str | None, value: str | None = None
) -> Iterator[Outcome]:
    """Say it to each, conditional on the version that was shown. Raises StoreError, which leaves the rest as it is."""
    for target in targets:
        try:
            yield Outcome(target.workset_id, after=say(commands, verb, target, reason=reason, value=value))
        except StoreError:
            raise
        except WsmonError as error:
            yield Outcome(target.workset_id, error)


def say(commands: Commands, verb: str, target: Workset, *, reason: str | None, value: str | None) -> Workset | None:
    """A verb by its name; `value` is the tier or the cluster ("" for none) where the verb wants one."""
    known: dict[str, Any] = {"reason": reason, "seen": target.rev}
    if verb == "priority":
        return commands.set_priority(target.workset_id, WorksetPriority(value or ""), **known)
    if verb == "affinity":
        return commands.set_affinity(target.workset_id, value or None, **known)
    after: Workset | None = getattr(commands, verb)(target.workset_id, **known)
    return after


def _records(commands: Commands, ids: Iterable[str]) -> Iterator[Workset]:
    rest = iter(ids)
    while some := list(islice(rest, BATCH)):
        found = commands.store.records(some)
        yield from (found[workset_id] for workset_id in some if workset_id in found)


def _sorted_out(verb: str, found: Iterable[Workset], now: Instant) -> Chosen:
    chosen = Chosen()
    for record in found:
        try:
            asking.possible(verb, record, now)
        except IllegalTransition:
            chosen.impossible.append(record)
        else:
            chosen.possible.append(record)
    return chosen

"""Records, events and leases come out of their stored form as they went in."""

from __future__ import annotations

import string
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.cases import fuzzed
from wsmon.adapters import codec
from wsmon.adapters.dynamo import expressions as ex
from wsmon.adapters.dynamo.writing import record_item
from wsmon.domain.change import Event
from wsmon.domain.diff import apply, diff
from wsmon.domain.states import ErrorCategory, Verb, WorksetPriority, WorksetState
from wsmon.domain.workset import CancelRequest, Failure, Lease, RunRecord, Workset, row_of

moments = st.integers(0, 4_000_000_000_000_000)
names = st.text(string.ascii_letters + "世é-_/;[] ", min_size=1, max_size=20)
free = st.text(max_size=60).filter(lambda text: not any("\ud800" <= c <= "\udfff" for c in text))
numbers = st.one_of(st.integers(-(2**63), 2**63), st.floats(allow_nan=False, allow_infinity=False))
documents = st.dictionaries(
    free,
    st.recursive(
        st.one_of(free, numbers, st.booleans(), st.none()), lambda inner: st.lists(inner, max_size=3), max_leaves=6
    ),
    max_size=3,
)


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """It, or nothing."""
    return st.one_of(st.none(), strategy)


failures = st.builds(Failure, st.sampled_from(ErrorCategory), free, moments, optional(names))
runs = st.builds(RunRecord, st.integers(1, 9), names, names, names, names)
worksets = st.builds(
    Workset,
    workset_id=names,
    bucket=names,
    prefix=free,
    state=st.sampled_from(WorksetState),
    priority=st.sampled_from(WorksetPriority),
    rev=st.integers(1, 2**40),
    registered_at=moments,
    queued_at=moments,
    updated_at=moments,
    metadata=documents,
    requirements=documents,
    metrics=documents,
    token=st.integers(0, 2**40),
    holder=optional(names),
    locked_at=optional(moments),
    started_at=optional(moments),
    ended_at=optional(moments),
    retry_after=optional(moments),
    attempt=st.integers(0, 99),
    current_step=optional(free.filter(bool)),
    run=optional(runs),
    failure=optional(failures),
    cancel=optional(st.builds(CancelRequest, names, moments, free)),
    archived_from=optional(st.sampled_from(WorksetState)),
)
events = st.builds(
    Event,
    workset_id=names,
    seq=st.integers(1, 2**40),
    at=moments,
    verb=st.sampled_from(Verb),
    actor=names,
    before=optional(st.sampled_from(WorksetState)),
    after=optional(st.sampled_from(WorksetState)),
    token=st.integers(0, 2**40),
    change_id=names,
    reason=optional(free.filter(bool)),
    detail=optional(documents),
    row=optional(worksets.map(row_of)),
)
leases = st.builds(
    Lease,
    names,
    names,
    st.integers(1, 99),
    st.integers(0, 99),
    st.integers(1, 10**12).map(lambda us: us / 1e6),
    moments,
    moments,
)


@fuzzed
@given(worksets)
def test_a_workset(workset: Workset) -> None:
    attributes = codec.record_attributes(workset)
    assert codec.record_from(attributes) == workset
    assert codec.record_from(ex.plain(ex.wire_item(record_item(workset)))) == workset


@fuzzed
@given(events)
def test_an_event(event: Event) -> None:
    assert codec.event_from(ex.plain(ex.wire_item(codec.event_attributes(event)))) == event


@fuzzed
@given(leases)
def test_a_lease(lease: Lease) -> None:
    assert codec.lease_from(codec.lease_attributes(lease)) == lease


@fuzzed
@given(worksets, worksets)
def test_a_difference_makes_the_other(a: Workset, b: Workset) -> None:
    assert apply(a, diff(a, b)) == b
    parts = ex.update(record_item(a), record_item(replace(b, rev=a.rev + 1)))
    assert "UpdateExpression" in parts
    for name in parts["ExpressionAttributeNames"].values():
        assert name not in parts["UpdateExpression"].split(), "no name stands bare"

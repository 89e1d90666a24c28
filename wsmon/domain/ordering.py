"""The moment that orders what stands in one state; apart from the records, so that the first frame need not load them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsmon.domain.states import TERMINAL, WorksetState

if TYPE_CHECKING:
    from wsmon.domain.times import Instant
    from wsmon.domain.workset import Row, Workset


def queue_moment(record: Workset | Row) -> Instant:
    """The moment that orders a record within its state (the queue index's sort key)."""
    state = record.state
    moment = None
    if state is WorksetState.READY:
        moment = record.queued_at
    elif state is WorksetState.RETRYING:
        moment = record.retry_after
    elif state is WorksetState.LOCKED:
        moment = record.locked_at
    elif state is WorksetState.IN_PROGRESS:
        moment = record.started_at
    elif state in TERMINAL:
        moment = record.ended_at
    return record.updated_at if moment is None else moment

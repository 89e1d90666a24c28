"""What an operator says beside the table of states: a retry at once, a state taken over from elsewhere."""

from __future__ import annotations

import pytest

from tests.domain.build import T0, after, ctx, ended, locked, ready, running
from wsmon.domain import operating
from wsmon.domain.errors import IllegalTransition
from wsmon.domain.operating import Standing
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import ErrorCategory, WorksetState
from wsmon.domain.workset import Workset

S = WorksetState


def test_a_retry_at_once_keeps_the_attempts_it_has_used() -> None:
    workset = ended(ErrorCategory.TRANSIENT)
    assert (workset.state, workset.attempt) == (S.RETRYING, 1)
    again = after(operating.retry_now(workset, ctx(T0 + 1)))
    assert (again.state, again.attempt, again.retry_after) == (S.READY, 1, None)
    assert after(operating.requeue(workset, ctx(T0 + 1))).attempt == 0


@pytest.mark.parametrize("workset", [ready(), locked(), running(), ended(ErrorCategory.DATA)], ids=lambda w: w.state)
def test_only_what_is_retrying_is_retried_at_once(workset: Workset) -> None:
    with pytest.raises(IllegalTransition, match="not retrying"):
        operating.retry_now(workset, ctx())


@pytest.mark.parametrize("state", list(S))
def test_a_state_is_taken_over_only_where_nobody_would_have_to_hold_a_lock(state: WorksetState) -> None:
    spec, elsewhere = WorksetSpec("w", "b", "p"), Standing(state, T0 - 5)
    if state in {S.LOCKED, S.IN_PROGRESS, S.RETRYING, S.DELETED}:
        with pytest.raises(IllegalTransition, match="taken over"):
            operating.register(spec, ctx(), None, elsewhere)
    else:
        taken = after(operating.register(spec, ctx(), None, elsewhere))
        assert (taken.state, taken.holder, taken.token) == (state, None, 0)

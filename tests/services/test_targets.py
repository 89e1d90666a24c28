"""Naming a state instead of a verb, and locks of callers that renew by themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.services.desk import Desk
from wsmon.domain.errors import IllegalTransition, InvalidInput, LockHeld, LockLost, NotFound, StaleWrite
from wsmon.domain.states import ErrorCategory, Verb, WorksetState
from wsmon.services.locking import Locks
from wsmon.services.targets import Target, move

S = WorksetState


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def working(desk: Desk, workset_id: str = "w") -> int:
    desk.register(workset_id)
    token = desk.commands.acquire(workset_id, holder="me", seconds=60).token
    move(desk.commands, workset_id, Target(S.IN_PROGRESS, "go", cluster="c1"), owner="me")
    return token


def test_each_target_says_its_verb_with_the_reason(desk: Desk) -> None:
    steps = {
        S.IN_PROGRESS: Verb.START,
        S.RETRYING: Verb.FAIL,
        S.READY: Verb.REQUEUE,
        S.IGNORED: Verb.IGNORE,
        S.ARCHIVED: Verb.ARCHIVE,
        S.DELETED: Verb.DELETE,
    }
    desk.register()
    desk.commands.acquire("w", holder="me", seconds=60)
    for state, verb in steps.items():
        after = move(desk.commands, "w", Target(state, f"to {state.value}", cluster="c1"))
        assert after.state is state
        event = desk.store.history("w")[-1]
        assert (event.verb, event.reason) == (verb, f"to {state.value}")
    assert desk.commands.get("w").cluster == "c1"


def test_what_was_measured_is_kept_wherever_it_is_said(desk: Desk) -> None:
    """Figures of a start, of a step and of a failure too: a run that failed has cost something."""
    desk.register()
    desk.commands.acquire("w", holder="me", seconds=60)
    move(desk.commands, "w", Target(S.IN_PROGRESS, "go", cluster="c1", metrics={"samples": 3}))
    after = move(desk.commands, "w", Target(S.IN_PROGRESS, "align", cluster="c2", metrics={"reads": 7}))
    assert (after.cluster, after.current_step, after.metrics) == ("c2", "align", {"samples": 3, "reads": 7})
    assert desk.store.history("w")[-1].detail == {"step": "align", "metrics": {"reads": 7}}
    for state in (S.RETRYING, S.ERROR, S.FAILED):
        working(desk, state.value)
        failed = move(desk.commands, state.value, Target(state, "r", metrics={"cost_usd": 1.5}))
        assert (failed.state, failed.metrics) == (state, {"cost_usd": 1.5})
        detail = desk.store.history(state.value)[-1].detail
        assert detail is not None
        assert detail["metrics"] == {"cost_usd": 1.5}
    for state in (S.READY, S.IGNORED, S.ARCHIVED, S.DELETED):
        with pytest.raises(InvalidInput, match=f"in_progress, complete.*move to {state.value} has none"):
            Target(state, "r", metrics={"a": 1})


def test_failures_end_where_the_target_says(desk: Desk) -> None:
    for state, category in ((S.ERROR, ErrorCategory.PERMANENT), (S.FAILED, ErrorCategory.TRANSIENT)):
        working(desk, state.value)
        after = move(desk.commands, state.value, Target(state, "r", error_details="boom", failed_step="align"))
        assert after.state is state
        assert after.failure is not None
        assert (after.failure.category, after.failure.details, after.failure.failed_step) == (category, "boom", "align")
        assert after.holder is None
    working(desk, "d")
    data = move(desk.commands, "d", Target(S.ERROR, category=ErrorCategory.DATA))
    assert data.failure is not None
    assert data.failure.category is ErrorCategory.DATA
    working(desk, "x")
    with pytest.raises(InvalidInput, match="transient"):
        move(desk.commands, "x", Target(S.ERROR, category=ErrorCategory.TRANSIENT))


def test_metrics_and_progress_are_kept(desk: Desk) -> None:
    working(desk)
    assert move(desk.commands, "w", Target(S.IN_PROGRESS, "align")).current_step == "align"
    assert move(desk.commands, "w", Target(S.COMPLETE, "done", metrics={"hours": 1.5})).metrics == {"hours": 1.5}


def test_what_the_table_has_not_is_refused(desk: Desk) -> None:
    desk.register()
    for state in (S.COMPLETE, S.RETRYING, S.LOCKED, S.READY):
        with pytest.raises(IllegalTransition, match="'w' is ready"):
            move(desk.commands, "w", Target(state, "r"))
    assert len(desk.store.history("w")) == 1
    with pytest.raises(NotFound):
        move(desk.commands, "nowhere", Target(S.COMPLETE))
    working(desk, "x")
    with pytest.raises(IllegalTransition, match="may still live"):
        move(desk.commands, "x", Target(S.READY, "r"))


def test_another_than_the_holder_and_a_robbed_one_are_refused(desk: Desk) -> None:
    token = working(desk)
    with pytest.raises(LockLost, match="'me'"):
        move(desk.commands, "w", Target(S.COMPLETE), owner="you")
    desk.commands.unlock("w", reason="r")
    with pytest.raises(LockLost, match="forced"):
        move(desk.commands, "w", Target(S.COMPLETE), token=token)


def test_a_version_that_was_seen_must_still_stand(desk: Desk) -> None:
    working(desk)
    rev = desk.commands.get("w").rev
    with pytest.raises(StaleWrite):
        move(desk.commands, "w", Target(S.COMPLETE), seen=rev - 1)
    assert move(desk.commands, "w", Target(S.COMPLETE), seen=rev).rev == rev + 1


def test_a_dead_lock_is_taken_and_a_live_one_never(desk: Desk) -> None:
    locks = Locks(desk.clock, skew=60)
    desk.register()
    first = locks.take(desk.commands, "w", holder="a", seconds=10)
    desk.clock.move(9)
    with pytest.raises(LockHeld):
        locks.take(desk.commands, "w", holder="b", seconds=10)
    desk.commands.refresh("w", holder="a")
    desk.clock.move(9)
    with pytest.raises(LockHeld):
        locks.take(desk.commands, "w", holder="b", seconds=10)
    desk.clock.move(10.1)
    second = locks.take(desk.commands, "w", holder="b", seconds=10)
    assert second.token == first.token + 1


def test_an_observer_whose_wall_clock_is_ahead_robs_nobody(desk: Desk) -> None:
    locks = Locks(desk.clock, skew=60)
    desk.register()
    desk.commands.acquire("w", holder="a", seconds=10)
    desk.clock.wall += 50_000_000
    with pytest.raises(LockHeld):
        locks.take(desk.commands, "w", holder="b", seconds=10)
    desk.clock.mono += 10.1
    assert locks.take(desk.commands, "w", holder="b", seconds=10).holder == "b"

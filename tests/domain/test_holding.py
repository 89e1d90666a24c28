"""Locks, fencing, attempts and cancels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.domain.build import (
    IN_STATE,
    POLICY,
    RUN,
    SECOND,
    T0,
    after,
    complete,
    ctx,
    ended,
    failed,
    locked,
    ready,
    running,
)
from wsmon.domain import holding, operating, reaping
from wsmon.domain.change import Change, SlotClaim
from wsmon.domain.errors import AlreadyExists, IllegalTransition, LockHeld, LockLost, NotDue
from wsmon.domain.pool import Held
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import ErrorCategory, WorksetPriority, WorksetState
from wsmon.domain.visible import clip
from wsmon.domain.workset import RetryPolicy, Tombstone, Workset, queue_moment

S = WorksetState


def fail(workset: Workset, category: ErrorCategory = ErrorCategory.TRANSIENT, jitter: float = 0.0) -> Workset:
    return after(
        holding.fail(workset, ctx(jitter=jitter), token=workset.token, category=category, details="x", policy=POLICY)
    )


def test_an_acquisition_begins_a_lease_under_the_next_token() -> None:
    change = holding.acquire(ready(), ctx(), holder="m1", duration=60)
    assert change.lease is not None
    assert (change.lease.token, change.lease.renewal, change.lease.holder) == (1, 0, "m1")
    assert change.lease.expires_at == T0 + 60 * SECOND
    assert after(change).token == 1


def test_the_token_only_grows_through_every_way_round() -> None:
    tokens = []
    workset = ready()
    for _ in range(3):
        workset = locked(workset)
        tokens.append(workset.token)
        workset = after(holding.release(workset, ctx(), token=workset.token))
    deleted = after(operating.delete(workset, ctx()))
    grave = operating.purge(deleted, ctx()).after
    assert isinstance(grave, Tombstone)
    again = operating.register(WorksetSpec("w1", "b"), ctx(), grave)
    assert again.event.seq == grave.rev + 1
    tokens.append(locked(after(again)).token)
    assert tokens == [1, 2, 3, 4]


def test_a_dead_lock_is_taken_only_by_who_proved_it() -> None:
    held = locked()
    with pytest.raises(LockHeld):
        holding.acquire(held, ctx(), holder="m2", duration=60)
    with pytest.raises(LockHeld):
        holding.acquire(held, ctx(), holder="m2", duration=60, dead=(held.token + 1, 0))
    change = holding.acquire(held, ctx(), holder="m2", duration=60, dead=(held.token, 4))
    assert change.lease_seen == (held.token, 4)
    assert after(change).holder == "m2"
    with pytest.raises(LockHeld):
        reaping.expire(held, ctx(), dead=(held.token - 1, 0), policy=POLICY)


def test_a_run_may_not_be_locked_anew_while_it_may_live() -> None:
    with pytest.raises(LockHeld):
        holding.acquire(running(), ctx(), holder="m2", duration=60)
    unattended = after(holding.unlock(running(), ctx()))
    with pytest.raises(IllegalTransition, match="may still live"):
        holding.acquire(unattended, ctx(), holder="m2", duration=60)


def test_a_retry_waits_for_its_moment() -> None:
    workset = fail(running())
    assert workset.state is S.RETRYING
    assert workset.retry_after is not None
    with pytest.raises(NotDue):
        holding.acquire(workset, ctx(workset.retry_after - 1), holder="m", duration=60)
    again = after(holding.acquire(workset, ctx(workset.retry_after), holder="m", duration=60))
    assert again.retry_after is None
    assert again.run is None


def test_failures_go_where_their_category_says() -> None:
    assert fail(running(), ErrorCategory.RESOURCE).state is S.RETRYING
    for category in (ErrorCategory.DATA, ErrorCategory.CONFIGURATION, ErrorCategory.PERMANENT):
        assert fail(running(), category).state is S.ERROR
    spent = failed()
    assert (spent.state, spent.attempt) == (S.FAILED, POLICY.max_attempts)
    assert spent.failure is not None
    assert spent.failure.details == "again"


def test_a_failure_before_the_start_uses_an_attempt_too() -> None:
    assert fail(locked()).attempt == 1


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 5), (2, 10), (3, 20), (4, 30), (5000, 30)])
def test_backoff_doubles_up_to_the_cap(attempt: int, seconds: float) -> None:
    assert POLICY.delay(attempt, 0.0) == seconds
    assert seconds < POLICY.delay(attempt, 0.5) < seconds * 2
    assert RetryPolicy(base=0).delay(attempt, 0.9) == 0


def test_three_expiries_count_as_an_attempt_and_the_last_attempt_fails() -> None:
    workset, seen = ready(), []
    for _ in range(9):
        held = locked(workset)
        workset = after(reaping.expire(held, ctx(), dead=(held.token, 0), policy=POLICY))
        seen.append((workset.state, workset.attempt, workset.expiries))
    assert seen[:3] == [(S.READY, 0, 1), (S.READY, 0, 2), (S.READY, 1, 0)]
    assert seen[5] == (S.READY, 2, 0)
    assert seen[8] == (S.FAILED, 3, 0)


def test_a_start_forgets_the_expiries() -> None:
    held = locked()
    once = after(reaping.expire(held, ctx(), dead=(held.token, 0), policy=POLICY))
    assert running(locked(once)).expiries == 0


def test_a_robbed_holder_is_refused_and_told_why() -> None:
    workset = running()
    forced = after(holding.unlock(workset, ctx(reason="stuck")))
    adopted = after(reaping.adopt(forced, ctx(), holder="m2", duration=60))
    expired_held = locked()
    expired = after(reaping.expire(expired_held, ctx(), dead=(1, 0), policy=POLICY))
    for current, reason in ((forced, "forced"), (adopted, "stolen"), (expired, "unknown")):
        with pytest.raises(LockLost) as caught:
            holding.complete(current, ctx(), token=1)
        assert caught.value.reason == reason


def test_a_release_by_the_robbed_is_refused_and_one_too_many_is_done() -> None:
    done = complete()
    assert holding.release(done, ctx(), token=1) is None
    adopted = after(reaping.adopt(after(holding.unlock(running(), ctx())), ctx(), holder="m2", duration=60))
    with pytest.raises(LockLost):
        holding.release(adopted, ctx(), token=1)
    with pytest.raises(IllegalTransition, match="the lock ended with complete"):
        holding.progress(done, ctx(), token=1, step="late")


def test_a_release_in_progress_leaves_the_run_unattended_with_its_slot() -> None:
    workset = running(locked(slot=True))
    left = after(holding.release(workset, ctx(), token=workset.token))
    assert (left.state, left.holder, left.slot, left.run) == (S.IN_PROGRESS, None, "pool", RUN)


def test_an_adoption_takes_the_next_token_and_keeps_the_run() -> None:
    workset = running(locked(slot=True))
    with pytest.raises(LockHeld):
        reaping.adopt(workset, ctx(), holder="m2", duration=60)
    change = reaping.adopt(workset, ctx(), holder="m2", duration=60, dead=(workset.token, 7))
    adopted = after(change)
    assert (adopted.token, adopted.run, adopted.attempt, adopted.slot) == (2, RUN, 1, "pool")
    assert change.lease_seen == (1, 7)
    assert [(hold.cluster, hold.held) for hold in change.holds] == [("pool", Held(2))]


@pytest.mark.parametrize("way_out", ["release", "complete", "fail", "expire", "unlock", "requeue"])
def test_a_slot_is_freed_on_every_way_out(way_out: str) -> None:
    held = after(holding.acquire(ready(), ctx(), holder="m1", duration=60, claim=SlotClaim("pool", 1)))
    assert held.slot == "pool"
    changes: dict[str, Callable[[], Change | None]] = {
        "release": lambda: holding.release(held, ctx(), token=1),
        "complete": lambda: holding.complete(running(held), ctx(), token=1),
        "fail": lambda: holding.fail(held, ctx(), token=1, category=ErrorCategory.DATA, details="", policy=POLICY),
        "expire": lambda: reaping.expire(held, ctx(), dead=(1, 0), policy=POLICY),
        "unlock": lambda: holding.unlock(held, ctx()),
        "requeue": lambda: operating.requeue(after(holding.unlock(running(held), ctx())), ctx()),
    }
    change = changes[way_out]()
    assert change is not None
    assert [(hold.cluster, hold.held) for hold in change.holds] == [("pool", None)]
    assert after(change).slot is None


class TestCancel:
    """Under a cancel nothing starts and whatever ends the lock ends in ignored."""

    def asked(self, workset: Workset) -> Workset:
        return after(operating.cancel(workset, ctx(reason="enough")))

    def test_start_is_refused(self) -> None:
        with pytest.raises(IllegalTransition, match="cancel"):
            holding.start(self.asked(locked()), ctx(), token=1, run=None)

    def test_a_second_cancel_is_refused(self) -> None:
        with pytest.raises(IllegalTransition, match="already"):
            operating.cancel(self.asked(locked()), ctx())

    def test_what_ends_a_lock_goes_to_ignored(self) -> None:
        held, run = self.asked(locked()), self.asked(running())
        changes = [
            reaping.expire(held, ctx(), dead=(1, 0), policy=POLICY),
            holding.release(held, ctx(), token=1),
            holding.unlock(held, ctx()),
            holding.fail(run, ctx(), token=1, category=ErrorCategory.TRANSIENT, details="", policy=POLICY),
            holding.cancelled(run, ctx(), token=1),
            holding.cancelled(held, ctx(), token=1),
        ]
        for change in changes:
            workset = after(change)
            assert (workset.state, workset.cancel, workset.holder) == (S.IGNORED, None, None)

    def test_success_stays_success(self) -> None:
        assert after(holding.complete(self.asked(running()), ctx(), token=1)).state is S.COMPLETE

    def test_a_dead_cancelled_lock_is_not_taken(self) -> None:
        with pytest.raises(IllegalTransition):
            holding.acquire(self.asked(locked()), ctx(), holder="m2", duration=60, dead=(1, 0))

    def test_cancelled_needs_a_request(self) -> None:
        with pytest.raises(IllegalTransition):
            holding.cancelled(running(), ctx(), token=1)


def test_a_requeue_starts_anew_and_needs_the_lock_gone() -> None:
    fresh = after(operating.requeue(failed(), ctx(T0 + 5 * SECOND)))
    assert (fresh.attempt, fresh.failure, fresh.queued_at) == (0, None, T0 + 5 * SECOND)
    with pytest.raises(IllegalTransition, match="unlock"):
        operating.requeue(running(), ctx())


def test_register_refuses_an_id_that_is_taken() -> None:
    with pytest.raises(AlreadyExists):
        operating.register(WorksetSpec("w1", "b"), ctx(), ready())


def test_restore_brings_the_state_back() -> None:
    for make in (complete, lambda: ended(ErrorCategory.DATA)):
        workset = make()
        archived = after(operating.archive(workset, ctx()))
        assert after(operating.restore(archived, ctx())).state is workset.state


def test_unlock_needs_a_lock() -> None:
    with pytest.raises(IllegalTransition, match="no lock"):
        holding.unlock(after(holding.unlock(running(), ctx())), ctx())


def test_details_are_cut_with_a_note() -> None:
    assert clip("short", 10) == "short"
    cut = clip("x" * 100_000, 4096)
    assert len(cut) == 4096
    assert cut.endswith("(100000 characters in all)")


@pytest.mark.parametrize("state", IN_STATE)
def test_each_state_has_a_moment_that_orders_it(state: WorksetState) -> None:
    workset = IN_STATE[state]()
    expected = {
        S.READY: workset.queued_at,
        S.RETRYING: workset.retry_after,
        S.LOCKED: workset.locked_at,
        S.IN_PROGRESS: workset.started_at,
        S.ARCHIVED: workset.updated_at,
        S.DELETED: workset.updated_at,
    }
    assert queue_moment(workset) == expected.get(state, workset.ended_at)


def test_a_claim_planned_for_an_urgent_workset_pays_from_the_budget_once_it_is_none() -> None:
    claim = SlotClaim("pool", 2, budget=5)
    normal = replace(ready(), priority=WorksetPriority.NORMAL)
    urgent = replace(ready(), priority=WorksetPriority.URGENT)
    for workset, budget in ((normal, 5), (urgent, None)):
        change = holding.acquire(workset, ctx(), holder="m", duration=60, claim=claim)
        assert change.claim is not None
        assert change.claim.budget == budget


def test_what_was_registered_anew_since_the_plan_is_not_claimed_with_the_needs_of_the_old() -> None:
    workset = ready()
    claim = SlotClaim("pool", 2, registered_at=workset.registered_at)
    assert holding.acquire(workset, ctx(), holder="m", duration=60, claim=claim).claim is not None
    anew = replace(workset, registered_at=workset.registered_at + 1)
    with pytest.raises(IllegalTransition, match="registered anew"):
        holding.acquire(anew, ctx(), holder="m", duration=60, claim=claim)


def test_a_workset_tied_elsewhere_since_the_plan_is_not_claimed_there() -> None:
    with pytest.raises(IllegalTransition, match="tied to 'other'"):
        holding.acquire(replace(ready(), affinity="other"), ctx(), holder="m", duration=60, claim=SlotClaim("pool", 2))

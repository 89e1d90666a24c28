"""The state table, row by row: what is in it works, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.domain.build import IN_STATE, POLICY, RUN, after, ctx
from wsmon.domain import holding, operating, reaping
from wsmon.domain.change import Change
from wsmon.domain.errors import IllegalTransition, LockHeld, LockLost, NotDue
from wsmon.domain.states import ErrorCategory, Verb, WorksetPriority, WorksetState
from wsmon.domain.workset import Tombstone, Workset

S = WorksetState
VERBS: dict[Verb, Callable[[Workset], Change | None]] = {
    Verb.ACQUIRE: lambda w: holding.acquire(w, ctx(), holder="m2", duration=60),
    Verb.START: lambda w: holding.start(w, ctx(), token=w.token, run=RUN),
    Verb.PROGRESS: lambda w: holding.progress(w, ctx(), token=w.token, step="align"),
    Verb.COMPLETE: lambda w: holding.complete(w, ctx(), token=w.token),
    Verb.FAIL: lambda w: holding.fail(
        w, ctx(), token=w.token, category=ErrorCategory.DATA, details="bad", policy=POLICY
    ),
    Verb.EXPIRE: lambda w: reaping.expire(w, ctx(), dead=(w.token, 0), policy=POLICY),
    Verb.ADOPT: lambda w: reaping.adopt(w, ctx(), holder="m2", duration=60, dead=(w.token, 0)),
    Verb.UNLOCK: lambda w: holding.unlock(w, ctx()),
    Verb.REQUEUE: lambda w: operating.requeue(w, ctx()),
    Verb.IGNORE: lambda w: operating.ignore(w, ctx()),
    Verb.CANCEL: lambda w: operating.cancel(w, ctx()),
    Verb.SET_PRIORITY: lambda w: operating.set_priority(w, ctx(), WorksetPriority.LOW),
    Verb.SET_AFFINITY: lambda w: operating.set_affinity(w, ctx(), "c1"),
    Verb.ARCHIVE: lambda w: operating.archive(w, ctx()),
    Verb.RESTORE: lambda w: operating.restore(w, ctx()),
    Verb.DELETE: lambda w: operating.delete(w, ctx()),
    Verb.PURGE: lambda w: operating.purge(w, ctx()),
}

# state -> {verb: state after it}; "-" is a tombstone. Written out by hand from the design's table.
TABLE: dict[WorksetState, dict[Verb, str]] = {
    S.READY: {
        Verb.ACQUIRE: "locked",
        Verb.IGNORE: "ignored",
        Verb.SET_PRIORITY: "ready",
        Verb.SET_AFFINITY: "ready",
        Verb.DELETE: "deleted",
    },
    S.LOCKED: {
        Verb.START: "in_progress",
        Verb.FAIL: "error",
        Verb.EXPIRE: "ready",
        Verb.UNLOCK: "ready",
        Verb.CANCEL: "locked",
        Verb.SET_PRIORITY: "locked",
        Verb.SET_AFFINITY: "locked",
    },
    S.IN_PROGRESS: {
        Verb.PROGRESS: "in_progress",
        Verb.COMPLETE: "complete",
        Verb.FAIL: "error",
        Verb.ADOPT: "in_progress",
        Verb.UNLOCK: "in_progress",
        Verb.CANCEL: "in_progress",
        Verb.SET_PRIORITY: "in_progress",
        Verb.SET_AFFINITY: "in_progress",
    },
    S.COMPLETE: {Verb.REQUEUE: "ready", Verb.ARCHIVE: "archived", Verb.DELETE: "deleted"},
    S.ERROR: {
        Verb.REQUEUE: "ready",
        Verb.IGNORE: "ignored",
        Verb.SET_PRIORITY: "error",
        Verb.SET_AFFINITY: "error",
        Verb.ARCHIVE: "archived",
        Verb.DELETE: "deleted",
    },
    S.FAILED: {
        Verb.REQUEUE: "ready",
        Verb.IGNORE: "ignored",
        Verb.SET_PRIORITY: "failed",
        Verb.SET_AFFINITY: "failed",
        Verb.ARCHIVE: "archived",
        Verb.DELETE: "deleted",
    },
    S.RETRYING: {
        Verb.REQUEUE: "ready",
        Verb.IGNORE: "ignored",
        Verb.SET_PRIORITY: "retrying",
        Verb.SET_AFFINITY: "retrying",
        Verb.DELETE: "deleted",
    },
    S.IGNORED: {
        Verb.REQUEUE: "ready",
        Verb.SET_PRIORITY: "ignored",
        Verb.SET_AFFINITY: "ignored",
        Verb.ARCHIVE: "archived",
        Verb.DELETE: "deleted",
    },
    S.ARCHIVED: {Verb.RESTORE: "complete", Verb.DELETE: "deleted"},
    S.DELETED: {Verb.PURGE: "-"},
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("state", IN_STATE)
def test_each_cell(state: WorksetState, verb: Verb) -> None:
    before = IN_STATE[state]()
    assert before.state is state
    expected = TABLE[state].get(verb)
    if expected is None:
        with pytest.raises((IllegalTransition, LockHeld, LockLost, NotDue)):
            VERBS[verb](before)
        return
    change = VERBS[verb](before)
    assert change is not None
    result = "-" if isinstance(change.after, Tombstone) else change.after.state.value
    assert result == expected
    assert change.event.verb is verb
    assert change.event.seq == change.after.rev == before.rev + 1
    assert change.event.at == change.after.updated_at > before.updated_at
    assert change.event.token == change.after.token
    assert (change.event.before, change.event.after) == (state, None if expected == "-" else S(expected))
    moved = {} if state.value == expected else {state: -1} | ({} if expected == "-" else {S(expected): 1})
    assert change.tally == moved


@pytest.mark.parametrize("state", IN_STATE)
def test_an_illegal_transition_names_what_is_allowed(state: WorksetState) -> None:
    workset = IN_STATE[state]()
    with pytest.raises(IllegalTransition) as caught:
        holding.require(workset, Verb.REGISTER)
    text = str(caught.value)
    assert state.value in text
    assert "register" in text
    for verb in TABLE[state]:
        assert verb.value in text


def test_the_clock_never_goes_back_within_a_workset() -> None:
    workset = IN_STATE[S.LOCKED]()
    change = holding.start(workset, ctx(now=5), token=workset.token, run=RUN)
    assert after(change).updated_at == workset.updated_at + 1

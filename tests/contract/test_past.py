"""A registration that brings its past along: a history, and no news."""

from __future__ import annotations

import uuid

import pytest

from tests.contract.conftest import World
from tests.contract.test_commit import tallied
from wsmon.domain import operating
from wsmon.domain.change import Change, Context
from wsmon.domain.operating import PastState, Standing
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import HELD, Verb, WorksetState
from wsmon.domain.timeline import phases

S = WorksetState


def _taken_over(name: str, states: int, now: int) -> Change:
    """A registration with a past of so many states, a minute each, up to an hour ago."""
    turns = (S.READY, S.LOCKED, S.IN_PROGRESS, S.ERROR)
    first = now - (states + 60) * 60_000_000
    past = tuple(PastState(turns[n % 4], first + n * 60_000_000, f"reason {n}") for n in range(states))
    standing = Standing(S.COMPLETE, now - 3_600_000_000, past=past)
    return operating.register(WorksetSpec(name, "b"), Context(now, "t", uuid.uuid4().hex), None, standing)


@pytest.mark.parametrize("states", [1, 7, 100])
def test_the_past_of_a_registration_is_its_history_and_no_news(world: World, states: int) -> None:
    now = world.commands.clock.now()
    since = world.store.feed_start(now - 7_200_000_000)
    change = _taken_over("w1", states, now)
    world.store.commit(change)
    world.store.commit(change)  # its answer was lost
    kept = min(states, operating.MAX_PAST)
    record, history = world.store.record("w1"), world.store.history("w1")
    assert record is not None
    assert record.rev == kept + 1
    assert [event.seq for event in history] == list(range(1, kept + 2))
    assert [event.reason for event in history[:-1]] == [f"reason {n}" for n in range(states - kept, states)]
    assert [event.at for event in history] == sorted(event.at for event in history)
    assert all(event.row is not None and event.row.state is event.after for event in history)
    assert (history[-1].detail or {}).get("older_states", 0) == states - kept
    held = [phase for phase in phases(history) if phase.state in HELD]
    assert all(phase.who == "another system" for phase in held)
    assert all(phase.attempt == 1 for phase in held if phase.state is S.IN_PROGRESS)
    assert tallied(world) == {S.COMPLETE: 1}
    for start in (since, world.store.feed_start(now - 10_000_000_000)):
        assert {(e.workset_id, e.seq) for e in world.store.feed(start).events} == {("w1", kept + 1)}
    waiting = [(event.workset_id, event.seq) for event in world.store.undelivered().events]
    assert waiting == [("w1", kept + 1)]


def test_many_registrations_with_a_past(world: World) -> None:
    world.register("w7")
    now = world.commands.clock.now()
    changes = [_taken_over(f"w{n}", n % 9 * 10, now) for n in range(19)]
    assert list(world.store.register_many(changes)) == ["w7"]
    assert tallied(world) == {S.COMPLETE: 18, S.READY: 1}
    for n in (0, 8, 18):
        assert [event.seq for event in world.store.history(f"w{n}")] == list(range(1, n % 9 * 10 + 2))
    assert sorted(world.store.register_many(changes[8:])) == []
    again = [_taken_over(f"w{n}", n % 9 * 10, now) for n in range(19)]
    assert sorted(world.store.register_many(again)) == sorted(f"w{n}" for n in range(19))
    assert world.commands.requeue("w8", reason="again").rev == 8 % 9 * 10 + 2


def test_moments_of_a_past_that_cannot_be(world: World) -> None:
    """Not in order, none at all, or of tomorrow: the history stands in order and ends before the registration."""
    now = world.commands.clock.now()
    moments = (now - 5_000_000, 0, now - 9_000_000, now + 86_400_000_000, now + 1)
    past = tuple(PastState(S.READY, at) for at in moments)
    spec = WorksetSpec("w1", "b")
    change = operating.register(spec, Context(now, "t", uuid.uuid4().hex), None, Standing(S.READY, now, past=past))
    world.store.commit(change)
    ats = [event.at for event in world.store.history("w1")]
    assert ats == sorted(set(ats))
    assert ats[-1] == now
    assert world.store.history("w1")[0].verb is Verb.REGISTER

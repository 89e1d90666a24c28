"""`commit`: whole or not at all, with the winner when it lost."""

from __future__ import annotations

import uuid

import pytest

from tests.contract.conftest import World
from wsmon.domain import holding, operating, reaping
from wsmon.domain.change import Context, SlotClaim
from wsmon.domain.errors import AlreadyExists, InvalidInput, LockHeld, NoCapacity, StaleWrite
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import ErrorCategory, Verb, WorksetState
from wsmon.domain.workset import RetryPolicy, RunRecord, Tombstone, Workset
from wsmon.ports import ClusterRecord

S = WorksetState
RUN = RunRecord(1, "place", "host", "boot", "/runs/1")


def ctx(world: World, reason: str | None = None) -> Context:
    return Context(world.commands.clock.now(), "tester", uuid.uuid4().hex, reason)


def counted(world: World) -> dict[WorksetState, int]:
    return {state: len(list(world.commands.rows(state))) for state in S if list(world.commands.rows(state))}


def tallied(world: World) -> dict[WorksetState, int]:
    return {state: n for state, n in world.store.tallies().items() if n}


def test_a_workset_comes_back_as_it_went_in(world: World) -> None:
    registered = world.register(n=1)
    assert world.other().record("w1") == registered
    assert world.store.record("none") is None
    assert tallied(world) == {S.READY: 1}
    with pytest.raises(AlreadyExists):
        world.register()
    assert tallied(world) == {S.READY: 1}


def test_the_loser_gets_the_winner_and_changes_nothing(world: World) -> None:
    first = world.register()
    one = holding.acquire(first, ctx(world), holder="one", duration=60)
    two = holding.acquire(first, ctx(world), holder="two", duration=60)
    world.store.commit(one)
    with pytest.raises(StaleWrite) as caught:
        world.other().commit(two)
    assert caught.value.current == one.after
    assert caught.value.lease == one.lease
    assert [event.actor for event in world.store.history("w1")] == ["tester", "tester"]
    assert tallied(world) == {S.LOCKED: 1}
    assert world.store.lease("w1") == one.lease


def test_the_same_change_again_is_applied_once(world: World) -> None:
    first = world.register()
    change = holding.acquire(first, ctx(world), holder="one", duration=60)
    for _ in range(3):
        world.store.commit(change)
    assert tallied(world) == {S.LOCKED: 1}
    assert len(world.store.history("w1")) == 2


def test_an_applied_change_is_known_again_after_others_followed(world: World) -> None:
    first = world.register()
    change = holding.acquire(first, ctx(world), holder="one", duration=60)
    world.store.commit(change)
    assert isinstance(change.after, Workset)
    world.store.commit(holding.start(change.after, ctx(world), token=1, run=None))
    world.other().commit(change)
    assert len(world.store.history("w1")) == 3


def test_events_are_dense_and_tallies_equal_a_count_through_a_whole_life(world: World) -> None:
    commands = world.commands
    for name in ("a", "b", "c"):
        world.register(name)
    policy = RetryPolicy(max_attempts=1)
    commands.policy = policy
    a = commands.acquire("a", holder="m", seconds=60)
    commands.start("a", token=a.token, run=RUN)
    commands.progress("a", token=a.token, step="align")
    assert counted(world) == tallied(world) == {S.READY: 2, S.IN_PROGRESS: 1}
    commands.complete("a", token=a.token, metrics={"hours": 1.5})
    b = commands.acquire("b", holder="m", seconds=60)
    commands.start("b", token=b.token)
    commands.fail("b", token=b.token, category=ErrorCategory.TRANSIENT, details="x" * 100_000)
    commands.requeue("b", reason="again")
    commands.ignore("b", reason="no")
    commands.archive("a")
    commands.restore("a")
    commands.delete("c")
    assert counted(world) == tallied(world) == {S.COMPLETE: 1, S.IGNORED: 1, S.DELETED: 1}
    commands.purge("c")
    assert counted(world) == tallied(world) == {S.COMPLETE: 1, S.IGNORED: 1}
    for name in ("a", "b", "c"):
        events = world.store.history(name)
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert len({event.change_id for event in events}) == len(events)
        ats = [event.at for event in events]
        assert ats == sorted(set(ats))
    assert world.store.leases() == []
    assert commands.get("a").metrics == {"hours": 1.5}


def test_token_and_seq_go_on_after_a_purge(world: World) -> None:
    world.register()
    token = world.commands.acquire("w1", holder="m", seconds=60).token
    world.commands.release("w1", token=token)
    world.commands.delete("w1")
    world.commands.purge("w1")
    grave = world.store.record("w1")
    assert isinstance(grave, Tombstone)
    again = world.register()
    assert again.rev == grave.rev + 1
    assert again.metadata == {}
    assert world.commands.acquire("w1", holder="m", seconds=60).token == token + 1
    assert [event.seq for event in world.store.history("w1")] == list(range(1, grave.rev + 3))


class TestLeases:
    def test_begin_renew_end(self, world: World) -> None:
        world.register()
        lease = world.commands.acquire("w1", holder="m", seconds=60)
        assert world.other().leases() == [lease]
        renewed = lease.renewed(lease.expires_at)
        world.store.renew(renewed)
        world.store.renew(renewed)
        assert world.store.lease("w1") == renewed
        assert world.commands.get("w1").rev == 2
        with pytest.raises(StaleWrite) as caught:
            world.store.renew(lease.renewed(lease.expires_at + 5))
        assert caught.value.lease == renewed
        world.commands.release("w1", token=lease.token)
        assert world.store.lease("w1") is None
        with pytest.raises(StaleWrite) as gone:
            world.store.renew(renewed.renewed(5))
        assert gone.value.lease is None

    def test_a_renewal_saves_the_lock_from_a_takeover(self, world: World) -> None:
        world.register()
        lease = world.commands.acquire("w1", holder="m", seconds=60)
        workset = world.commands.get("w1")
        rob = holding.acquire(workset, ctx(world), holder="thief", duration=60, dead=lease.mark)
        expire = reaping.expire(workset, ctx(world), dead=lease.mark, policy=RetryPolicy())
        renewed = lease.renewed(lease.expires_at)
        world.store.renew(renewed)
        for change in (rob, expire):
            with pytest.raises(StaleWrite) as caught:
                world.store.commit(change)
            assert caught.value.lease == renewed
            assert caught.value.current == workset
        assert tallied(world) == {S.LOCKED: 1}
        assert len(world.store.history("w1")) == 2

    def test_a_proven_dead_lock_is_taken_over_once(self, world: World) -> None:
        world.register()
        lease = world.commands.acquire("w1", holder="m", seconds=60)
        taken = world.commands.acquire("w1", holder="heir", seconds=60, dead=lease.mark)
        assert taken.token == 2
        with pytest.raises(LockHeld):
            world.commands.acquire("w1", holder="late", seconds=60, dead=lease.mark)
        assert world.store.leases() == [taken]

    def test_a_lease_that_is_gone_cannot_be_robbed(self, world: World) -> None:
        world.register()
        lease = world.commands.acquire("w1", holder="m", seconds=60)
        started = world.commands.start("w1", token=lease.token, run=RUN)
        adopt = reaping.adopt(started, ctx(world), holder="heir", duration=60, dead=lease.mark)
        world.commands.complete("w1", token=lease.token)
        with pytest.raises(StaleWrite):
            world.store.commit(adopt)


class TestSlots:
    def claim(self, world: World, name: str) -> int:
        return world.commands.acquire(name, holder="m", seconds=60, claim=SlotClaim("pool", 2)).token

    def held(self, world: World) -> dict[str, int]:
        return {name: held.token for name, held in world.other().clusters()[0].claims.items()}

    def test_never_more_than_there_are(self, world: World) -> None:
        world.store.put_cluster(ClusterRecord("pool", 2, 1))
        for name in ("a", "b", "c"):
            world.register(name)
        assert [self.claim(world, "a"), self.claim(world, "b")] == [1, 1]
        with pytest.raises(NoCapacity):
            self.claim(world, "c")
        assert world.commands.get("c").state is S.READY
        assert self.held(world) == {"a": 1, "b": 1}
        world.commands.release("a", token=1)
        assert self.claim(world, "c") == 1
        assert self.held(world) == {"b": 1, "c": 1}

    def test_a_slot_is_kept_unattended_and_handed_on(self, world: World) -> None:
        world.store.put_cluster(ClusterRecord("pool", 2, 1))
        world.register()
        token = self.claim(world, "w1")
        world.commands.start("w1", token=token, run=RUN)
        world.commands.unlock("w1", reason="test")
        assert self.held(world) == {"w1": 1}
        _, lease = world.commands.adopt("w1", holder="heir", seconds=60)
        assert self.held(world) == {"w1": 2}
        world.commands.complete("w1", token=lease.token)
        assert self.held(world) == {}

    def test_a_cluster_nobody_reported_yet_can_be_claimed(self, world: World) -> None:
        world.register()
        assert self.claim(world, "w1") == 1
        world.store.put_cluster(ClusterRecord("pool", 2, 1))
        assert self.held(world) == {"w1": 1}

    def test_a_dead_lock_taken_over_in_a_full_pool_keeps_its_slot(self, world: World) -> None:
        world.store.put_cluster(ClusterRecord("pool", 1, 1))
        world.register()
        lease = world.commands.acquire("w1", holder="m", seconds=60, claim=SlotClaim("pool", 1))
        taken = world.commands.acquire("w1", holder="n", seconds=60, dead=lease.mark, claim=SlotClaim("pool", 1))
        assert self.held(world) == {"w1": taken.token}


def test_many_registrations_tell_what_existed(world: World) -> None:
    world.register("w7")
    now = world.commands.clock.now()
    changes = [operating.register(WorksetSpec(f"w{n}", "b"), Context(now, "t", uuid.uuid4().hex)) for n in range(200)]
    assert list(world.store.register_many(changes)) == ["w7"]
    assert tallied(world) == {S.READY: 200}
    assert len(list(world.commands.rows(S.READY))) == 200
    assert [event.verb for event in world.store.history("w123")] == [Verb.REGISTER]
    again = [operating.register(WorksetSpec(f"w{n}", "b"), Context(now, "t", uuid.uuid4().hex)) for n in range(200)]
    assert sorted(world.store.register_many(again)) == sorted(f"w{n}" for n in range(200))
    assert tallied(world) == {S.READY: 200}


def test_registrations_larger_than_one_transaction_holds(world: World) -> None:
    now, metadata = world.commands.clock.now(), {"text": "x" * 290_000}
    specs = [WorksetSpec(f"w{n}", "b", metadata=metadata) for n in range(0, 160, 4)]
    changes = [operating.register(spec, Context(now, "t", uuid.uuid4().hex)) for spec in specs]
    assert world.store.register_many(changes) == {}
    assert tallied(world) == {S.READY: len(specs)}


@pytest.mark.parametrize(
    "cursor", ["null", "{}", "[7,0]", '[7,0,"x"]', "[Infinity,0,1]", '[0,0,"\\ud800"]', "[" * 9000, "[1e30,0]"]
)
def test_a_made_up_page_cursor_is_refused(world: World, cursor: str) -> None:
    with pytest.raises(InvalidInput, match="cursor"):
        world.store.page(S.READY, cursor=cursor)


@pytest.mark.parametrize("cursor", ["", "-1", "\u0663" * 20, "9" * 5000, "1e3"])
def test_a_made_up_feed_cursor_is_refused(world: World, cursor: str) -> None:
    with pytest.raises(InvalidInput, match="cursor"):
        world.store.feed(cursor)

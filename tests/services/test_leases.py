"""The keeper of locks outlives whatever one renewal meets; a lock's length is what a store can keep."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.services.desk import Desk
from tests.services.world import CLOCK, SilentLog, World
from tests.waiting import wait_for
from wsmon.domain.errors import LockLost
from wsmon.domain.workset import Lease
from wsmon.services.leases import LeaseKeeper


def test_one_renewal_that_goes_wrong_costs_no_other_lock(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    leases = []
    for name in ("w1", "w2"):
        world.register(name)
        leases.append(world.commands.acquire(name, holder="m", seconds=10))
    renew = world.store.renew

    def broken(lease: Lease) -> None:
        if lease.workset_id == "w1":
            raise RuntimeError("an endpoint said something unheard of")
        renew(lease)

    monkeypatch.setattr(world.store, "renew", broken)
    log = SilentLog()
    keeper = LeaseKeeper(world.store, CLOCK, log, 0.05)
    for lease in leases:
        keeper.hold(lease)
    before = threading.active_count()
    keeper.start()
    wait_for(lambda: log.told("renewal failed") and (world.store.lease("w2") or leases[1]).renewal >= 2)
    assert threading.active_count() > before
    monkeypatch.undo()
    wait_for(lambda: (world.store.lease("w1") or leases[0]).renewal >= 1)
    keeper.stop()
    assert keeper.lost() == {}


def test_a_lock_is_the_same_before_and_after_the_store(tmp_path: Path) -> None:
    """Else a renewal whose reply was lost is not found to be its own."""
    desk = Desk(tmp_path)
    desk.register()
    lease = desk.commands.acquire("w", holder="m", seconds=10 / 3)
    assert desk.store.lease("w") == lease


def test_an_older_lock_of_the_same_holder_is_not_renewed_under_the_new_one(world: World) -> None:
    world.register()
    old = world.commands.acquire("w1", holder="m", seconds=60)
    world.commands.unlock("w1", reason="stuck")
    new = world.commands.acquire("w1", holder="m", seconds=60)
    with pytest.raises(LockLost):
        world.commands.refresh("w1", holder="m", token=old.token)
    assert world.store.lease("w1") == new
    assert world.commands.refresh("w1", holder="m", token=new.token).renewal == 1

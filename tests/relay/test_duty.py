"""One monitor at a time does a duty, and whoever lost it knows."""

from __future__ import annotations

from tests.relay.world import RelayWorld
from wsmon.services.duties import Duty

SECONDS, SKEW = 30.0, 5.0


def duty(world: RelayWorld, holder: str) -> Duty:
    return Duty(world.store, world.clock, "duty", holder, seconds=SECONDS, skew=SKEW)


def test_it_is_not_taken_from_who_does_it_and_passes_on_when_given_back(world: RelayWorld) -> None:
    first, second = duty(world, "m1"), duty(world, "m2")
    assert first.hold()
    for _ in range(20):
        world.clock.sleep(SECONDS / 3 + 0.1)
        assert first.hold()
        assert not second.hold()
    first.give_back()
    world.clock.sleep(SECONDS / 3 + 0.1)
    assert second.hold()
    assert second.lease is not None
    assert second.lease.token == 2
    assert not first.hold()


def test_whoever_lost_it_hears_of_it_at_the_next_renewal(world: RelayWorld) -> None:
    paused, heir = duty(world, "paused"), duty(world, "heir")
    assert paused.hold()
    assert not heir.hold()
    world.clock.sleep(SECONDS + SKEW + 1)
    assert heir.hold()
    assert not paused.hold()
    assert paused.lease is None
    assert heir.lease is not None
    assert world.store.duty("duty") == heir.lease

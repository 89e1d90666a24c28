"""Many places as one: what does not answer holds nobody up for long."""

from __future__ import annotations

from typing import Any, cast

from tests.live.clocks import Turning
from wsmon.adapters.runner.pool import LONGEST_REST, PoolRunner
from wsmon.domain.errors import OutsideError
from wsmon.ports import Place


class Head:
    """A head node that answers, or keeps its caller waiting for nothing."""

    def __init__(self, clock: Turning) -> None:
        self.clock, self.waits, self.asked = clock, 0.0, 0

    def place(self) -> Place:
        self.asked += 1
        self.clock.ahead += self.waits
        if self.waits:
            raise OutsideError("it cannot be reached")
        return Place("p", "h", "b")


def test_what_kept_its_caller_waiting_is_asked_less_often() -> None:
    clock = Turning()
    head = Head(clock)
    pool = PoolRunner(cast("Any", None), "home", {"c1": cast("Any", head)}, clock)
    for _ in range(3):
        pool.look_around()
    assert (head.asked, pool.problem("c1")) == (3, "")
    head.waits = 0.001  # refused at once: nobody is kept
    for _ in range(3):
        pool.look_around()
        clock.ahead += 1
    assert head.asked == 6
    head.waits = 10.0
    pool.look_around()
    assert (head.asked, pool.problem("c1")) == (7, "it cannot be reached")
    for _ in range(9):
        clock.ahead += 5
        pool.look_around()
    assert head.asked == 7, "the others are attended meanwhile"
    head.waits = 0.0
    clock.ahead += LONGEST_REST - 45
    pool.look_around()
    assert (head.asked, pool.problem("c1")) == (8, "")
    pool.look_around()
    assert head.asked == 9

"""A place that gave no answer to a start: the run is followed if it began, barred if it did not, and never started twice."""

from __future__ import annotations

import pytest

from tests.services.world import World
from tests.waiting import wait_for
from wsmon.adapters.runner import LocalRunner
from wsmon.domain.errors import OutsideError, Refused
from wsmon.domain.states import Verb, WorksetState
from wsmon.ports import RunRequest

S = WorksetState


def _answers_once_not(monkeypatch: pytest.MonkeyPatch, *, started: bool) -> list[RunRequest]:
    """The first spawn ends without an answer, whether it began or not; the requests that were lost so."""
    lost: list[RunRequest] = []
    spawn = LocalRunner.spawn

    def cut(self: LocalRunner, request: RunRequest) -> None:
        if not lost:
            lost.append(request)
            if started:
                spawn(self, request)
            raise OutsideError("the connection was cut")
        spawn(self, request)

    monkeypatch.setattr(LocalRunner, "spawn", cut)
    return lost


def test_a_start_that_came_through_without_an_answer_is_followed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = _answers_once_not(monkeypatch, started=True)
    world.register()
    world.until(world.monitor(command=world.command(0.3)), S.COMPLETE)
    assert (len(lost), world.log.told("start not confirmed")) == (1, True)
    assert world.verbs() == [Verb.REGISTER, Verb.ACQUIRE, Verb.START, Verb.COMPLETE]
    assert len([line for line in world.lines() if line.startswith("start")]) == 1


def test_a_start_that_never_came_is_barred_before_it_is_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = _answers_once_not(monkeypatch, started=False)
    world.register()
    monitor = world.monitor()
    failed = world.until(monitor, S.RETRYING)
    assert failed.failure is not None
    assert "the run is gone" in failed.failure.details
    # The first request comes through after all, as a packet that was long on its way.
    with pytest.raises(Exception, match="a newer lock"):
        LocalRunner.spawn(monitor.runs._runner, lost[0])  # type: ignore[arg-type]
    world.until(monitor, S.COMPLETE)
    assert len([line for line in world.lines() if line.startswith("start")]) == 1


@pytest.mark.parametrize("elsewhere", [True, False])
def test_a_start_still_on_its_way_is_barred_once_its_workset_goes_on_without_it(
    world: World, monkeypatch: pytest.MonkeyPatch, elsewhere: bool
) -> None:
    lost = _answers_once_not(monkeypatch, started=False)
    world.register()
    monitor = world.monitor(max_concurrent=1)
    world.until(monitor, S.IN_PROGRESS)
    world.commands.unlock("w1", reason="looks stuck")
    world.commands.requeue("w1", reason="run it elsewhere")
    if elsewhere:
        world.commands.acquire("w1", holder="elsewhere", seconds=60)
    else:
        world.commands.ignore("w1", reason="not at all")

    def noticed() -> bool:
        monitor.keeper.renew_due()
        return bool(monitor.keeper._lost)

    wait_for(noticed)  # before it ever looks at the run
    monitor.step()
    assert not monitor.runs.attended
    with pytest.raises(Refused, match="a newer lock"):
        LocalRunner.spawn(monitor.runs._runner, lost[0])  # type: ignore[arg-type]
    assert world.lines() == []

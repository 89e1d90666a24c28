"""A run whose cluster is gone, for certain, with all that ran there."""

from __future__ import annotations

from tests.services.world import World
from wsmon.domain.states import ErrorCategory, WorksetState
from wsmon.ports import RunState, RunStatus

S = WorksetState
WHY = "the stack of local was deleted, and none of its instances is left"


def test_an_unattended_run_there_has_failed_and_is_tried_again(world: World) -> None:
    world.register()
    far = world.monitor("far", place="far-runs", command=world.command(0.1))
    far.step()
    said: list[str] = []
    heir = world.monitor("heir", gone=lambda name: said.append(name) or (WHY if len(said) > 3 else ""), cluster="other")  # type: ignore[func-returns-value]
    world.drive(heir, lambda: world.get().state is S.RETRYING)
    found = world.get()
    assert set(said) == {"local"}
    assert found.failure is not None
    assert (found.failure.category, found.failure.details) == (ErrorCategory.TRANSIENT, WHY)
    assert found.slot is None
    assert heir.runs.attended == {}
    assert world.store.lease("w1") is None


def test_a_run_that_is_attended_ends_with_its_cluster_and_not_before(world: World) -> None:
    world.register()
    gone: list[str] = []
    monitor = world.monitor(command=world.command(30), gone=lambda _: gone[0] if gone else "")
    monitor.step()
    real = monitor._runner.look
    monitor._runner.look = lambda *_: RunStatus(RunState.UNKNOWN, note="no answer")  # type: ignore[method-assign]
    for _ in range(3):
        monitor.step()
    assert world.get().state is S.IN_PROGRESS, "no answer is unknown, never gone"
    gone.append(WHY)
    monitor.runs.watch()
    assert world.get().state is S.RETRYING
    assert monitor.runs.attended == {}
    monitor._runner.look = real  # type: ignore[method-assign]
    for _, run in monitor._runner.live_runs():
        monitor._runner.stop("w1", run, force=True)

"""No second run beside a first that may live, and a place that can start nothing costs nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.services.world import World
from tests.waiting import wait_for
from wsmon.adapters.runner import LocalRunner
from wsmon.domain.errors import Refused, StaleWrite, StoreUnreachable
from wsmon.domain.states import ErrorCategory, Verb, WorksetState
from wsmon.domain.workset import RunRecord, Workset
from wsmon.ports import AlertRecord, RunRequest, RunState
from wsmon.services.monitor import Monitor

S = WorksetState


def running(world: World, monitor: Monitor) -> RunRecord:
    world.register()
    world.until(monitor, S.IN_PROGRESS)
    wait_for(world.lines)
    run = world.get().run
    assert run is not None
    return run


def unlock_and_requeue(world: World) -> None:
    world.commands.unlock("w1", reason="looks stuck")
    world.commands.requeue("w1", reason="run it again")


@pytest.mark.parametrize("told", [True, False])
def test_a_requeue_ends_the_living_run_before_another_starts(world: World, told: bool) -> None:
    """`told`: whether the monitor has heard that its lock is gone before it meets the workset in the queue."""
    monitor = world.monitor(command=world.command(60))
    first = running(world, monitor)
    unlock_and_requeue(world)
    if told:
        monitor.keeper.renew_due()
    living: list[int] = []
    look = monitor._runner.look

    def overlap() -> bool:
        second = world.get().run
        if second is not None and second.run_token != first.run_token:
            living.append([look("w1", run).state for run in (first, second)].count(RunState.RUNNING))
        return world.get().state is S.IN_PROGRESS

    world.drive(monitor, overlap)
    assert max(living) <= 1
    assert look("w1", first).exit_code == 137
    assert [alert.kind for alert in world.store.alerts()] == ["duplicate"]
    assert world.get().attempt == 1
    assert set(world.verbs()) <= {Verb.REGISTER, Verb.ACQUIRE, Verb.START, Verb.UNLOCK, Verb.REQUEUE, Verb.RELEASE}


def test_a_run_let_go_of_is_ended_once_its_workset_goes_on_elsewhere(world: World) -> None:
    monitor = world.monitor(command=world.command(60), max_concurrent=1)
    first = running(world, monitor)
    monitor.step()  # whatever a first pass does more is done
    unlock_and_requeue(world)
    world.commands.acquire("w1", holder="elsewhere", seconds=60)

    def noticed() -> bool:
        monitor.keeper.renew_due()
        monitor._look()
        return not monitor.runs.attended

    wait_for(noticed)
    monitor.step()
    wait_for(lambda: monitor._runner.look("w1", first).state is RunState.ENDED)
    assert world.store.alerts()[0].kind == "duplicate"


def test_a_run_that_ends_while_it_is_judged_is_no_duplicate(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    one = world.monitor(command=world.command(0.2))
    running(world, one)
    two = world.monitor("m2")
    scan = LocalRunner.live_runs

    def slow(runner: LocalRunner) -> list[tuple[str, RunRecord]]:
        found = scan(runner)
        world.until(one, S.COMPLETE)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(two._runner, "live_runs", lambda: slow(two._runner))  # type: ignore[arg-type]
        two.step()
    assert world.store.alerts() == []


def test_two_names_of_one_place_end_nothing(world: World) -> None:
    (world.folder / "link").symlink_to(world.folder / "runs")
    one = world.monitor(command=world.command(60))
    first = running(world, one)
    two = world.monitor("m2", place="link")
    two.step()
    assert two._runner.place() == one._runner.place()
    assert one._runner.look("w1", first).state is RunState.RUNNING
    assert world.store.alerts() == []


def test_a_root_that_went_away_starts_no_second_run(world: World) -> None:
    monitor = world.monitor(command=world.command(60))
    first = running(world, monitor)
    root = world.folder / "runs"
    root.rename(world.folder / "away")
    for _ in range(3):
        monitor._pass()
        monitor._look()
    assert (world.get().state, world.get().run, world.lines()) == (S.IN_PROGRESS, first, ["start w1 1 1"])
    assert sum(event == "run out of sight" for event, _ in world.log.lines) == 1
    (world.folder / "away").rename(root)
    assert monitor._runner.look("w1", first).state is RunState.RUNNING


Break = Callable[[pytest.MonkeyPatch], None]


def no_room(patched: pytest.MonkeyPatch) -> None:
    def ready(runner: LocalRunner, cluster: str | None = None) -> None:
        raise Refused("the disk is full")

    patched.setattr(LocalRunner, "ready", ready)


def no_folder(patched: pytest.MonkeyPatch) -> None:
    def make(runner: LocalRunner, folder: str, request: RunRequest) -> None:
        raise Refused("the run folder cannot be made")

    patched.setattr(LocalRunner, "_make", make)


def no_answer(patched: pytest.MonkeyPatch) -> None:
    def make(runner: LocalRunner, folder: str, request: RunRequest) -> None:
        raise OSError(5, "Input/output error")

    patched.setattr(LocalRunner, "_make", make)


@pytest.mark.parametrize("trouble", [no_room, no_folder, no_answer])
def test_a_place_that_can_start_nothing_spends_no_attempt(world: World, trouble: Break) -> None:
    for n in range(3):
        world.register(f"w{n}")
    monitor = world.monitor()
    with pytest.MonkeyPatch.context() as patched:
        trouble(patched)
        for _ in range(3):
            monitor._pass()
    assert world.store.tallies()[S.READY] == 3
    assert all(Verb.START not in world.verbs(f"w{n}") for n in range(3))
    claims = sum(verb is Verb.ACQUIRE for n in range(3) for verb in world.verbs(f"w{n}"))
    assert claims <= (0 if trouble is no_room else 3), "one try a pass, and none where it is known before"
    world.drive(monitor, lambda: world.store.tallies()[S.COMPLETE] == 3)
    assert [world.get(f"w{n}").attempt for n in range(3)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("error", "state", "category"),
    [
        (Refused("no process could be started"), S.RETRYING, ErrorCategory.TRANSIENT),
        (OSError(12, "Cannot allocate memory"), S.RETRYING, ErrorCategory.TRANSIENT),
        (ValueError("embedded null byte"), S.ERROR, ErrorCategory.CONFIGURATION),
    ],
)
def test_a_start_that_fails_is_recorded_and_the_monitor_lives(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception, state: S, category: ErrorCategory
) -> None:
    def launch(runner: LocalRunner, folder: str, request: RunRequest) -> None:
        raise error

    world.register()
    monitor = world.monitor()
    monkeypatch.setattr(LocalRunner, "_launch", launch)
    monitor._pass()
    failed = world.get()
    assert failed.failure is not None
    assert (failed.state, failed.failure.category) == (state, category)
    assert monitor.runs.attended == {}
    assert world.store.leases() == []


def test_a_lock_forced_while_the_place_is_busy_does_not_end_the_monitor(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.register()
    world.until(world.monitor("dead", command=world.command(60)), S.IN_PROGRESS)
    world.commands.unlock("w1", reason="it is dead")
    heir = world.monitor("heir")

    def busy(runner: LocalRunner, workset_id: str, token: int, run: RunRecord | None = None) -> None:
        world.commands.unlock(workset_id, reason="wrong monitor")
        raise Refused("the place is busy")

    with monkeypatch.context() as patched:
        patched.setattr(LocalRunner, "raise_token", busy)
        heir._pass()
    assert world.log.told("place busy")
    assert world.log.told("not released")
    world.drive(heir, lambda: world.get().holder == "heir")


@pytest.mark.parametrize("error", [StaleWrite("w1", None), StoreUnreachable("away")])
def test_no_result_that_cannot_be_recorded_ends_the_monitor(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    for name in ("w1", "w2"):
        world.register(name)
    monitor = world.monitor()
    monitor.step()
    complete = monitor.commands.complete

    def refuse_one(workset: Workset, **more: object) -> Workset:
        if workset.workset_id == "w1":
            raise error
        return complete(workset, **more)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(monitor.commands, "complete", refuse_one)
        wait_for(lambda: all(monitor._runner.look(n, a.run).exit_code == 0 for n, a in monitor.runs.attended.items()))
        monitor._look()
        assert "w1" in monitor.runs.attended
        if isinstance(error, StaleWrite):
            assert world.get("w2").state is S.COMPLETE, "the other's result waits for nothing"
    world.until(monitor, S.COMPLETE)


def test_a_term_is_sent_again_until_somebody_got_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancel in the moment of the start: the command gets its TERM and its grace all the same."""
    world.register()
    caught = world.folder / "caught"
    script = f"trap 'echo TERM > {caught}; exit 3' TERM; echo up > {world.effects}; while :; do sleep 0.02; done"
    monitor = world.monitor(command=("sh", "-c", script), stop_grace_seconds=5)
    world.until(monitor, S.IN_PROGRESS)
    world.commands.cancel("w1", reason="at once")
    stop, asked = LocalRunner.stop, []

    def too_early(runner: LocalRunner, workset_id: str, run: RunRecord, *, force: bool) -> bool:
        asked.append(force)
        if len(asked) < 3 or not Path(world.effects).exists():
            return False
        return stop(runner, workset_id, run, force=force)

    monkeypatch.setattr(LocalRunner, "stop", too_early)
    world.until(monitor, S.IGNORED)
    assert caught.read_text() == "TERM\n"
    assert not any(asked)


def test_the_alert_of_a_run_left_behind_is_told_again_when_it_did_not_get_through(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitor = world.monitor(command=world.command(60))
    first = running(world, monitor)
    unlock_and_requeue(world)
    monitor.keeper.renew_due()
    put, tried = world.store.put_alert, list[str]()

    def lost(alert: AlertRecord) -> None:
        tried.append(alert.kind)
        if tried.count("duplicate") == 1 and alert.kind == "duplicate":
            raise StoreUnreachable("simulated")
        put(alert)

    monkeypatch.setattr(world.store, "put_alert", lost)
    with pytest.raises(StoreUnreachable):
        world.drive(monitor, lambda: False)
    world.drive(monitor, lambda: monitor._runner.look("w1", first).state is RunState.ENDED)
    assert tried.count("duplicate") == 2
    assert [alert.kind for alert in world.store.alerts()] == ["duplicate"]

"""A monitor on real processes: claims, runs, results, timeouts, cancels and clean ends."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.services.world import World
from tests.waiting import wait_for
from wsmon.domain.errors import SettingsError
from wsmon.domain.states import ErrorCategory, Verb, WorksetState
from wsmon.services.config import MonitorConfig

S = WorksetState
SLEEP = ("sleep", "60")


def test_once_runs_everything_that_fits_in_order_of_priority(world: World) -> None:
    for name, priority in (("l", "low"), ("n1", "normal"), ("u", "urgent"), ("n2", "normal")):
        world.register(name, priority)
    monitor = world.monitor(max_concurrent=1)
    world.drive(monitor, lambda: world.store.tallies()[S.COMPLETE] == 4)
    started = [line.split()[1] for line in world.lines() if line.startswith("start")]
    assert started == ["u", "n1", "n2", "l"]
    done = world.get("u")
    assert done.metrics["exit_code"] == 0
    assert done.metrics["duration_seconds"] >= 0
    assert (done.holder, done.slot, world.store.leases()) == (None, None, [])
    assert world.verbs("u") == [Verb.REGISTER, Verb.ACQUIRE, Verb.START, Verb.COMPLETE]


def test_run_once_waits_for_what_it_started(world: World) -> None:
    for n in range(3):
        world.register(f"w{n}")
    world.monitor(command=world.command(0.3), max_concurrent=2).run(once=True)
    assert world.store.tallies()[S.COMPLETE] == 2
    assert world.store.tallies()[S.READY] == 1
    assert world.store.monitors() == []


@pytest.mark.parametrize(
    ("code", "category", "state"),
    [
        (75, ErrorCategory.TRANSIENT, S.FAILED),
        (71, ErrorCategory.RESOURCE, S.FAILED),
        (65, ErrorCategory.DATA, S.ERROR),
        (78, ErrorCategory.CONFIGURATION, S.ERROR),
        (1, ErrorCategory.PERMANENT, S.ERROR),
    ],
)
def test_failures_by_exit_code(world: World, code: int, category: ErrorCategory, state: WorksetState) -> None:
    world.register()
    failed = world.until(world.monitor(command=world.command(0, code)), state)
    assert failed.failure is not None
    assert failed.failure.category is category
    assert f"exit code {code}" in failed.failure.details
    attempts = 3 if category.retryable else 1
    assert failed.attempt == attempts
    assert len([line for line in world.lines() if line.startswith("start")]) == attempts


def test_the_last_line_of_the_log_is_in_the_details(world: World) -> None:
    world.register()
    failed = world.until(world.monitor(command=("sh", "-c", "echo one; echo [bold]two; exit 9")), S.ERROR)
    assert failed.failure is not None
    assert failed.failure.details == "exit code 9; [bold]two"


def test_a_run_that_hangs_is_ended_at_its_timeout(world: World) -> None:
    world.register()
    monitor = world.monitor(command=("sh", "-c", "trap '' TERM; sleep 60 & wait; sleep 60"), timeout_seconds=0.3)
    retrying = world.until(monitor, S.RETRYING)
    assert retrying.failure is not None
    assert "longer than 0.3 s" in retrying.failure.details
    assert monitor.runs.attended == {}


def test_a_cancel_ends_the_run_and_ignores_the_workset(world: World) -> None:
    world.register()
    monitor = world.monitor(command=SLEEP)
    world.until(monitor, S.IN_PROGRESS)
    world.commands.cancel("w1", reason="not needed")
    world.until(monitor, S.IGNORED)
    assert world.verbs()[-2:] == [Verb.CANCEL, Verb.CANCELLED]
    assert world.history()[-2].reason == "not needed"


def test_a_cancel_of_an_unattended_run_is_carried_out_by_its_adopter(world: World) -> None:
    world.register()
    world.until(world.monitor(command=SLEEP), S.IN_PROGRESS)
    world.commands.unlock("w1", reason="test")
    world.commands.cancel("w1", reason="test")
    world.until(world.monitor("m2"), S.IGNORED)


@pytest.mark.parametrize(
    ("command", "metadata", "said"),
    [
        (("run", "{metadata.args}"), {}, "metadata.args"),
        ((), {}, "no command is set"),
        (("run", "{metadata.args}"), {"args": "a\0b"}, "NUL"),
        (("{*metadata.args}",), {"args": ""}, "is empty"),
    ],
)
def test_a_command_that_cannot_be_made_is_a_configuration_error(
    world: World, command: tuple[str, ...], metadata: dict[str, Any], said: str
) -> None:
    world.register(**metadata)
    error = world.until(world.monitor(command=command), S.ERROR)
    assert error.failure is not None
    assert error.failure.category is ErrorCategory.CONFIGURATION
    assert said in error.failure.details
    assert world.store.leases() == []


def test_a_worksets_own_command_needs_the_settings_leave(world: World) -> None:
    own = [*world.command()[:-1], "9"]
    world.register("a", command=own)
    world.until(world.monitor(), S.COMPLETE, "a")
    world.register("b", command=own)
    world.until(world.monitor(allow_metadata_command=True), S.ERROR, "b")
    world.register("c", command="sh -c x")
    error = world.until(world.monitor(allow_metadata_command=True), S.ERROR, "c")
    assert error.failure is not None
    assert "list of texts" in error.failure.details


def test_braces_in_a_worksets_own_command_are_its_own(world: World) -> None:
    world.register(command=["sh", "-c", "x=abc; echo ${x} {workset_id}; exit 9"])
    error = world.until(world.monitor(allow_metadata_command=True), S.ERROR)
    assert error.failure is not None
    assert error.failure.details.endswith("abc {workset_id}")


def test_never_more_than_the_pool_has(world: World) -> None:
    for n in range(6):
        world.register(f"w{n}")
    one, two = (world.monitor(name, slots=3, command=world.command(0.3)) for name in ("m1", "m2"))
    one.step()
    two.step()
    assert len(one.runs.attended) == 3
    assert two.runs.attended == {}
    assert len(world.store.clusters()[0].claims) == 3

    def all_done() -> bool:
        one.step()
        return world.store.tallies()[S.COMPLETE] == 6

    world.drive(two, all_done)
    assert world.store.clusters()[0].claims == {}


def test_a_preview_changes_nothing(world: World) -> None:
    for n in range(6):
        world.register(f"w{n}")
    preview = world.monitor(max_concurrent=4).preview()
    assert [row.workset_id for row in preview] == ["w0", "w1", "w2", "w3"]
    assert world.store.tallies()[S.READY] == 6
    assert world.store.monitors() == []


class TestStopping:
    """The first signal ends cleanly, the second at once."""

    def running(self, world: World, **config: Any) -> tuple[Any, threading.Thread]:
        world.register()
        monitor = world.monitor(**config)
        thread = threading.Thread(target=monitor.run)
        thread.start()
        wait_for(lambda: world.get().state is S.IN_PROGRESS)
        return monitor, thread

    def test_leave(self, world: World) -> None:
        monitor, thread = self.running(world, command=world.command(1.0))
        wait_for(world.lines)  # before that, an adopter rightly keeps it from starting
        monitor.stop()
        thread.join(5)
        left = world.get()
        assert (left.state, left.holder, world.store.leases()) == (S.IN_PROGRESS, None, [])
        assert world.verbs()[-1] is Verb.RELEASE
        world.until(world.monitor("m2"), S.COMPLETE)
        assert world.lines() == ["start w1 1 1", "end w1 1 1"]
        assert world.get().token == 2

    def test_wait(self, world: World) -> None:
        monitor, thread = self.running(world, command=world.command(0.5), on_stop="wait")
        world.register("later")
        monitor.stop()
        thread.join(5)
        assert world.get().state is S.COMPLETE
        assert world.get("later").state is S.READY

    def test_now(self, world: World) -> None:
        monitor, thread = self.running(world, command=SLEEP, on_stop="wait")
        monitor.stop()
        monitor.stop()
        thread.join(5)
        assert not thread.is_alive()
        assert world.get().holder == "m1"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"lease_seconds": 1, "renew_seconds": 0.6}, "twice"),
        ({"poll_seconds": 0}, "poll_seconds"),
        ({"max_concurrent": 0}, "max_concurrent"),
        ({"command": ("{nope}",)}, "nope"),
    ],
)
def test_settings_that_cannot_be(config: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        MonitorConfig(name="m", cluster="c", **{"slots": 1, **config})

"""Monitors on a cluster over SSH: adoption after a kill, a network cut in the middle, each workset run once."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cli.run import Cli
from tests.services.world import CLOCK, POLICY, WORK, World
from tests.ssh.conftest import Daemon
from tests.waiting import wait_for
from wsmon.adapters.runner import LocalRunner
from wsmon.adapters.runner.pool import PoolRunner, ReachedPool
from wsmon.adapters.runner.ssh import SshRunner
from wsmon.domain.errors import OutsideError, Refused
from wsmon.domain.pool import ClusterRecord
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import Verb, WorksetState
from wsmon.services.config import MonitorConfig
from wsmon.services.monitor import Monitor

pytestmark = pytest.mark.system
S = WorksetState
WORKSETS = int(os.environ.get("WSMON_SSH_WORKSETS", "5"))
CUT_SECONDS = float(os.environ.get("WSMON_SSH_CUT_SECONDS", "2"))


class Field:
    """Monitors that reach one cluster over SSH and run nothing at home."""

    def __init__(self, world: World, sshd: Daemon) -> None:
        self.world, self.sshd = world, sshd
        self.runners: list[PoolRunner] = []

    def monitor(self, name: str, seconds: float = 0.0, slots: int = 4, **config: Any) -> Monitor:
        own = LocalRunner(self.world.folder / f"own-{name}", CLOCK)
        runner = PoolRunner(own, "home", {"far": SshRunner(self.sshd.target(), CLOCK)})
        self.runners.append(runner)
        far = ClusterRecord("far", slots, 0, vcpus=8, cost_per_vcpu_hour=3600.0)
        settings: dict[str, Any] = {
            "cluster": "home",
            "slots": 1,
            "command": (sys.executable, "-I", "-S", "-c", WORK, str(self.world.effects), str(seconds), "0"),
            "poll_seconds": 0.2,
            "max_concurrent": 8,
            "lease_seconds": 3.0,
            "renew_seconds": 0.6,
            "skew_seconds": 1.0,
        }
        return Monitor(
            self.world.store,
            CLOCK,
            runner,
            ReachedPool(None, [far], runner),
            MonitorConfig(name=name, **{**settings, **config}),
            policy=POLICY,
            log=self.world.log,
        )


@pytest.fixture
def field(world: World, sshd: Daemon) -> Iterator[Field]:
    made = Field(world, sshd)
    yield made
    with contextlib.suppress(Exception):
        line = SshRunner(sshd.target(), CLOCK)
        for workset_id, run in line.live_runs():
            line.stop(workset_id, run, force=True)
        line.close()
    for runner in made.runners:
        runner.close()


def once_each(world: World, count: int) -> None:
    started = sorted(line.split()[1] for line in world.lines() if line.startswith("start"))
    assert started == sorted(f"w{n:02}" for n in range(count)), "each ran exactly once"
    assert len([line for line in world.lines() if line.startswith("end")]) == count


def test_killed_adopted_and_cut_off_each_workset_ran_once(field: Field, sshd: Daemon) -> None:
    """20 worksets and 20 s without sshd where it is asked for (WSMON_SSH_WORKSETS, WSMON_SSH_CUT_SECONDS)."""
    world = field.world
    for n in range(WORKSETS):
        world.register(f"w{n:02}")
    dead = field.monitor("dead", seconds=CUT_SECONDS + 1)
    world.drive(dead, lambda: len(world.lines()) >= min(2, WORKSETS))
    heir = field.monitor("heir", seconds=CUT_SECONDS + 1)  # the first is never heard of again
    world.drive(heir, lambda: any(e.verb is Verb.ADOPT for e in world.history("w00")), seconds=30)
    sshd.kill()
    until = time.monotonic() + CUT_SECONDS
    while time.monotonic() < until:
        heir.keeper.renew_due()
        heir.step()
        assert world.store.clusters()[0].health == "unreachable" or time.monotonic() < until
        time.sleep(0.2)
    assert heir.runs.attended, "what cannot be seen is not given up"
    sshd.start()
    world.drive(heir, lambda: world.store.tallies()[S.COMPLETE] == WORKSETS, seconds=110)
    once_each(world, WORKSETS)
    assert world.store.clusters()[0].claims == {}
    assert {world.get(f"w{n:02}").attempt for n in range(WORKSETS)} == {1}


@pytest.mark.soak
def test_cost_follows_what_was_claimed(field: Field) -> None:
    world = field.world
    world.commands.register(WorksetSpec("w1", "b", "p", requirements={"vcpus": 2}))
    done = world.until(field.monitor("m", seconds=0.5), S.COMPLETE)
    seconds = done.metrics["duration_seconds"]
    assert done.metrics["cost_usd"] == pytest.approx(2 * seconds, rel=0.01)
    assert world.store.spent(time.strftime("%Y-%m-%d", time.gmtime())) == pytest.approx(
        done.metrics["cost_usd"] * 1e6, abs=2
    )


def test_a_start_whose_answer_never_came_is_found_running_not_repeated(field: Field) -> None:
    world = field.world
    world.register("w1")
    monitor = field.monitor("m", seconds=1.0)
    line = field.runners[0]._far["far"].runner._line
    real = line.ask

    def cut(operation: str, **request: Any) -> dict[str, Any]:
        reply = real(operation, **request)
        if operation == "spawn":
            raise OutsideError("the line was cut after it was sent (test)")
        return reply

    line.ask = cut  # type: ignore[method-assign]
    done = world.until(monitor, S.COMPLETE)
    assert done.attempt == 1
    assert world.lines() == ["start w1 1 1", "end w1 1 1"]
    assert world.log.told("start not confirmed")


def test_a_start_that_never_arrived_is_barred_before_it_is_called_gone(field: Field) -> None:
    world = field.world
    world.register("w1")
    monitor = field.monitor("m")
    line = field.runners[0]._far["far"].runner._line
    real, late = line.ask, list[dict[str, Any]]()

    def hold(operation: str, **request: Any) -> dict[str, Any]:
        if operation == "spawn" and not late:
            late.append(request)
            raise OutsideError("on its way (test)")
        return real(operation, **request)

    line.ask = hold  # type: ignore[method-assign]
    world.drive(monitor, lambda: world.get("w1").failure is not None)
    with pytest.raises(Refused, match="newer lock"):
        real("spawn", **late[0])
    done = world.until(monitor, S.COMPLETE)
    assert done.attempt == 2
    assert world.lines() == ["start w1 2 2", "end w1 2 2"]


def test_steps_are_events_and_the_failed_one_is_named(field: Field) -> None:
    world = field.world
    world.register("w1")
    steps = {"stage": ("sleep", "2.5"), "clone": ("true",), "run": ("sh", "-c", "sleep 2.5; exit 65", "{workset_id}")}
    monitor = field.monitor("m", steps=steps)
    failed = world.until(monitor, S.ERROR)
    told = [e.detail["step"] for e in world.history("w1") if e.verb is Verb.PROGRESS and e.detail]
    assert told[0] == "stage"
    assert "run" in told
    assert failed.failure is not None
    assert (failed.failure.failed_step, failed.failure.category.value) == ("run", "data")


def test_logs_of_a_far_run(cli: Cli, sshd: Daemon) -> None:
    target = sshd.target()
    (cli.folder / "wsmon.toml").write_text(
        f"""[store]
url = "sqlite:w.db"
[pool]
local = false
[monitor]
poll_seconds = 0.2
command = ["sh", "-c", "echo hello from $WSMON_WORKSET_ID; echo {{workset_id}}"]
[clusters.far]
host = "127.0.0.1"
user = "{target.user}"
port = {target.port}
identity_file = "{target.identity_file}"
known_hosts = "{target.known_hosts}"
root = "{target.root}"
detach = "setsid"
"""
    )
    cli("register", "w1", "--bucket", "b", "--prefix", "p")
    cli("logs", "w1", code=1)
    cli("monitor", "--once")
    assert cli("logs", "w1").stdout == "hello from w1\nw1\n"
    assert cli("logs", "w1", "--follow").stdout == "hello from w1\nw1\n", "it ends with the run"
    (found,) = cli.json("clusters")
    assert (found["name"], found["health"], found["slots"]) == ("far", "running", 3)
    found = cli.json("why", "w1")
    assert found["cluster"] == "far"


@pytest.mark.soak
def test_a_cluster_that_does_not_answer_is_unreachable_and_its_runs_unknown(field: Field, sshd: Daemon) -> None:
    world = field.world
    sshd.kill()
    world.register("w1")
    monitor = field.monitor("m")
    monitor.step()
    (far,) = world.store.clusters()
    assert far.health == "unreachable"
    assert "cannot be reached" in far.note
    assert world.get("w1").state is S.READY
    sshd.start()
    world.until(monitor, S.COMPLETE)
    wait_for(world.lines)

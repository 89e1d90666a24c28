"""Slurm as its commands tell of it, in recorded text of several versions, and a real one."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import peers
from tests.services.world import World
from tests.system import need
from wsmon.adapters.slurm import SINFO, SQUEUE, Jobs, SlurmView, read_sinfo, read_squeue, with_nodes
from wsmon.domain.errors import OutsideError
from wsmon.domain.pool import ClusterRecord
from wsmon.domain.queueing import Policy
from wsmon.domain.states import WorksetState

NOW = 1_800_000_000_000_000
# As slurm 20.11, 22.05 and 23.11 on ParallelCluster's head nodes print them.
CLOUD = """i8-dy-i8-1|idle~|8|15564|none
i8-dy-i8-2|allocated|8|15564|none
i8-dy-i8-2|allocated|8|15564|none
i8-dy-i8-3|mixed#|8|15564|none
i128-dy-1|down#|128|249036|(Code:InsufficientInstanceCapacity)Failure when resuming nodes
i128-dy-2|down*|128|249036|Not responding
i128-dy-3|drained|128|249036|kernel
i128-dy-4|idle%|128+|249036+|none
i192-dy-1|drained~|192|384000|x
"""


def test_a_promise_counts_and_what_is_down_or_drained_does_not() -> None:
    nodes = {node.name: node for node in read_sinfo(CLOUD)}
    assert len(nodes) == 8, "a node in two partitions is one"
    usable = {name for name, node in nodes.items() if node.usable}
    assert usable == {"i8-dy-i8-1", "i8-dy-i8-2", "i8-dy-i8-3", "i128-dy-4"}
    assert {name for name, node in nodes.items() if node.promised} == {"i8-dy-i8-1", "i8-dy-i8-3"}
    assert nodes["i128-dy-4"].vcpus == 128
    seen = with_nodes(ClusterRecord("c", 3, NOW), nodes.values(), Jobs(2, 5, 16), NOW)
    assert (seen.health, seen.vcpus, seen.load, seen.refused_at) == ("degraded", 152, 16.0, NOW)
    assert "2 switched off until needed" in seen.note
    assert "2 jobs running, 5 pending" in seen.note


def test_nothing_usable_is_failed_and_set_capacity_stands() -> None:
    down = read_sinfo("n1|down|4|1000|x\n")
    assert with_nodes(ClusterRecord("c", 3, NOW), down, Jobs(0, 0, 0), NOW).health == "failed"
    fine = read_sinfo("n1|idle|4|1000|none\n")
    seen = with_nodes(ClusterRecord("c", 3, NOW, vcpus=2), fine, Jobs(0, 0, 0), NOW)
    assert (seen.health, seen.vcpus, seen.memory_mib, seen.refused_at) == ("running", 2, 1000, None)


@pytest.mark.parametrize("text", ["", "\n\n", "sinfo: error: x\n", "|||\n", "a|b\n"])
def test_text_that_is_none(text: str) -> None:
    assert read_sinfo(text) == []
    assert read_squeue(text) == Jobs(0, 0, 0)


def test_jobs() -> None:
    assert read_squeue("1|RUNNING|4|a|b\n2|PENDING|8|x\n3_[1-4]|PENDING|8|x\n4|COMPLETING|2|y\n") == Jobs(2, 2, 6)


@pytest.mark.parametrize("command", [SINFO, SQUEUE])
def test_slurm_is_found_where_no_login_shell_says_where_it_is(command: str, tmp_path: Path) -> None:
    bare, slurm = tmp_path / "bare", tmp_path / "slurm"
    for folder, name, target in (
        (bare, "env", "/usr/bin/env"),
        (slurm, "sinfo", "/bin/echo"),
        (slurm, "squeue", "/bin/echo"),
    ):
        folder.mkdir(exist_ok=True)
        (folder / name).symlink_to(target)
    line = command.replace("/opt/slurm/bin", str(slurm)).replace("/usr/local/bin", "/nowhere")
    done = subprocess.run(["/bin/sh", "-c", line], env={"PATH": str(bare)}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("-h "), "the words stay whole"


def test_a_slurm_that_does_not_answer_is_failed_and_asked_again() -> None:
    answers: list[str | None] = [None, "n1|idle|4|1000|none", ""]

    def shell(command: str) -> str:
        found = answers.pop(0)
        if found is None:
            raise OutsideError("slurm_load_partitions: Unable to contact slurm controller")
        return found

    view = SlurmView(shell)
    assert view.seen(ClusterRecord("c", 3, NOW), NOW).health == "failed"
    assert view.seen(ClusterRecord("c", 3, NOW), NOW).health == "running"
    assert view.seen(ClusterRecord("c", 3, NOW), NOW + 1).health == "running", "fresh enough, not asked again"


class Controller:
    """A real Slurm of one node: munge, slurmctld and slurmd, with ports and files of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for program in ("munged", "slurmctld", "slurmd", "sinfo"):
            need(program, "slurm-wlm")
        if os.getuid() != 0:
            pytest.skip("slurmd runs jobs as root alone")
        self.env = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
        self.started: list[subprocess.Popen[bytes]] = []
        self._munge()
        self._slurm()

    def _run(self, *argv: str) -> None:
        with (self.folder / "log").open("ab") as log:
            self.started.append(subprocess.Popen(argv, env=self.env, stdout=log, stderr=log, start_new_session=True))

    def _munge(self) -> None:
        (self.folder / "key").write_bytes(os.urandom(128))
        (self.folder / "key").chmod(0o600)
        names = {
            "socket": "munge.sock",
            "key-file": "key",
            "log-file": "munge.log",
            "pid-file": "munge.pid",
            "seed-file": "seed",
        }
        self._run("munged", "-F", "--force", *(f"--{name}={self.folder / file}" for name, file in names.items()))

    def _slurm(self) -> None:
        host = os.uname().nodename.split(".")[0]
        for name in ("state", "spool"):
            (self.folder / name).mkdir()
        (self.folder / "slurm.conf").write_text(
            f"ClusterName=test\nSlurmctldHost={host}(127.0.0.1)\nSlurmctldPort={peers.free_port()}\n"
            f"SlurmdPort={peers.free_port()}\nAuthType=auth/munge\nAuthInfo=socket={self.folder}/munge.sock\n"
            f"CredType=cred/munge\nSlurmUser=root\nSlurmdUser=root\nStateSaveLocation={self.folder}/state\n"
            f"SlurmdSpoolDir={self.folder}/spool\nSlurmctldPidFile={self.folder}/c.pid\nSlurmdPidFile={self.folder}/d.pid\n"
            "ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nSelectType=select/cons_tres\n"
            "SelectTypeParameters=CR_Core\nMpiDefault=none\nReturnToService=2\nSchedulerParameters=sched_interval=1\n"
            f"NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=500 State=UNKNOWN\n"
            "PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP\n"
        )
        self._run("slurmctld", "-D")
        self._run("slurmd", "-D")
        until = time.monotonic() + 40
        while not any(node.usable for node in read_sinfo(self.try_shell(SINFO))):
            if time.monotonic() > until:
                raise RuntimeError((self.folder / "log").read_text()[-2000:])
            time.sleep(0.3)

    def try_shell(self, command: str) -> str:
        return subprocess.run(command, shell=True, env=self.env, capture_output=True, text=True, check=False).stdout

    def shell(self, command: str) -> str:
        done = subprocess.run(command, shell=True, env=self.env, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise OutsideError(done.stderr)
        return done.stdout

    def close(self) -> None:
        self.try_shell("scancel --user=root")
        for process in reversed(self.started):
            process.terminate()
        for process in reversed(self.started):
            process.wait(20)


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[Controller]:
    short = Path("/tmp") / f"slurm-{os.getpid()}"  # a socket's path is short
    shutil.rmtree(short, ignore_errors=True)
    short.mkdir(mode=0o755)
    made = Controller(short)
    yield made
    made.close()
    shutil.rmtree(short, ignore_errors=True)


@pytest.mark.system
def test_a_real_slurm_feeds_the_pool_and_runs_the_jobs(controller: Controller, tmp_path: Path) -> None:
    world = World(tmp_path)
    view = SlurmView(controller.shell)

    class Source:
        def clusters(self, now: int) -> list[ClusterRecord]:
            return [view.seen(ClusterRecord("local", 2, now), now)]

    for n in range(3):
        world.register(f"w{n}")
    monitor = world.monitor(
        command=(
            "sbatch",
            "--wait",
            "--quiet",
            "-o",
            "job.log",
            "--wrap",
            "echo $WSMON_WORKSET_ID:$WSMON_FENCING_TOKEN",
        ),
        scheduling=Policy(),
        env={"SLURM_CONF": controller.env["SLURM_CONF"]},
        lease_seconds=20.0,
        renew_seconds=5.0,
    )
    monitor._source = Source()
    world.drive(monitor, lambda: world.store.tallies()[WorksetState.COMPLETE] == 3, seconds=60)
    (cluster,) = world.store.clusters()
    assert (cluster.kind, cluster.health, cluster.vcpus, cluster.memory_mib) == ("slurm", "running", 2, 500)
    for n in range(3):
        run = world.get(f"w{n}").run
        assert run is not None
        assert (Path(run.folder) / "job.log").read_text().strip() == f"w{n}:1"
    assert read_squeue(controller.shell(SQUEUE)) == Jobs(0, 0, 0)
    world.store.close()

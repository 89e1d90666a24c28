"""Which processes are a run's own: these are seen and ended, and no others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.runner.runs import CLOCK, PY, ended, locked, process, spawn
from tests.waiting import wait_for
from wsmon.adapters.runner import LocalRunner
from wsmon.ports import RunRequest, RunState

CLOSES_ALL = "import os,time; os.closerange(3, 256); open('up','w').close(); time.sleep(60)"


def test_a_command_that_closed_the_lock_still_runs_when_its_supervisor_dies(runner: LocalRunner) -> None:
    """As sudo does, which closes what it inherited."""
    run = spawn(runner, [PY, "-S", "-c", CLOSES_ALL])
    wait_for((Path(run.folder) / "up").exists)
    os.kill(process(run)["supervisor"], signal.SIGKILL)
    wait_for(lambda: runner.look("w1", run).note == "it let go of its lock")
    assert runner.look("w1", run).state is RunState.RUNNING
    assert runner.live_runs() == [("w1", run)]
    assert runner.stop("w1", run, force=False)
    assert ended(runner, run).exit_code is None


def test_a_child_that_left_session_and_lock_is_known_by_its_environment(runner: LocalRunner) -> None:
    script = f"import os; os.fork() and os._exit(0); os.setsid(); {CLOSES_ALL}"
    run = spawn(runner, [PY, "-S", "-c", f"import os\nif os.fork() == 0:\n    {script}\nimport time; time.sleep(60)"])
    wait_for((Path(run.folder) / "up").exists)
    assert runner.stop("w1", run, force=True)
    wait_for(lambda: not [p for p in psutil.process_iter() if named(p) == run.folder])
    assert ended(runner, run).exit_code == 137


def named(process: psutil.Process) -> str | None:
    try:
        return process.environ().get("WSMON_RUN_FOLDER")
    except psutil.Error:
        return None


def test_who_merely_has_the_lock_file_open_is_left_alone(runner: LocalRunner) -> None:
    """A backup, a pager, another monitor that looks: opened, even locked to read, but not inherited."""
    run = spawn(runner, ["sleep", "60"])
    process(run)
    reader = (
        "import fcntl,sys,time; f=open(sys.argv[1]); print('open', flush=True)\n"
        "while True:\n try: fcntl.flock(f, fcntl.LOCK_SH | fcntl.LOCK_NB)\n except OSError: time.sleep(0.01)"
    )
    command = [sys.executable, "-S", "-c", reader, f"{run.folder}/run.lock"]
    with subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE) as bystander:
        assert bystander.stdout is not None
        bystander.stdout.readline()
        for force in (False, True):
            runner.stop("w1", run, force=force)
        assert ended(runner, run).exit_code in {137, 143}
        runner.stop("w1", run, force=True)
        time.sleep(0.05)
        assert bystander.poll() is None
        bystander.kill()


def test_a_run_behind_a_link_is_ended(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    runner = LocalRunner(tmp_path / "link" / "runs", CLOCK)
    run = spawn(runner, ["sleep", "60"])
    process(run)
    assert runner.stop("w1", run, force=False)
    assert ended(runner, run).exit_code == 143
    direct = LocalRunner(tmp_path / "real" / "runs", CLOCK)
    assert direct.plan("w1", 1) == runner.plan("w1", 1)


def test_a_number_given_to_another_process_is_not_the_command(runner: LocalRunner) -> None:
    run = spawn(runner, ["true"])
    assert ended(runner, run).exit_code == 0
    (Path(run.folder) / "exit.json").unlink()
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as other:
        (Path(run.folder) / "process.json").write_text(f'{{"pid": {other.pid}, "started": 1, "supervisor": 1}}')
        assert runner.look("w1", run).state is RunState.ENDED
        runner.stop("w1", run, force=True)
        assert other.poll() is None
        other.kill()


def test_a_term_before_there_is_a_command_is_not_taken_for_sent(runner: LocalRunner) -> None:
    workset = locked()
    run = runner.plan("w1", 1)
    request = RunRequest(workset, run, ["sleep", "60"], CLOCK.boottime() + 60)
    runner.prepare(request)
    with runner._locked():  # as a slow machine would
        runner._launch(run.folder, request)
        assert not runner.stop("w1", run, force=False)
        assert runner.look("w1", run).state is RunState.RUNNING
    process(run)
    assert runner.stop("w1", run, force=False)
    assert ended(runner, run).exit_code == 143


def test_a_lock_file_that_was_cleaned_away_frees_nothing(runner: LocalRunner) -> None:
    run = spawn(runner, ["sleep", "60"])
    process(run)
    (Path(run.folder) / "run.lock").unlink()
    assert runner.look("w1", run).state is RunState.RUNNING
    assert runner.stop("w1", run, force=False)
    assert ended(runner, run).exit_code == 143

"""Runs on real processes: started once, found again, ended whole."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.runner.runs import CLOCK, PY, ended, locked, process, spawn
from tests.waiting import wait_for
from wsmon.adapters.clock import SystemClock
from wsmon.adapters.runner import LocalRunner
from wsmon.adapters.runner.place import folder_key
from wsmon.domain.errors import Refused
from wsmon.ports import RunRequest, RunState


def test_output_exit_and_environment(runner: LocalRunner) -> None:
    script = "import os,sys;print(os.environ['WSMON_X'], os.getcwd());print('oops',file=sys.stderr);sys.exit(3)"
    run = spawn(runner, [PY, "-c", script], WSMON_X="a b")
    status = ended(runner, run)
    assert (status.state, status.exit_code) == (RunState.ENDED, 3)
    assert status.seconds is not None
    assert runner.log_tail(run).splitlines() == [f"a b {run.folder}", "oops"]
    assert runner.log_tail(run, limit=3) == "ps\n"


def test_no_shell_reads_an_argument(runner: LocalRunner, tmp_path: Path) -> None:
    evil = f"a;touch {tmp_path / 'owned'} $(touch {tmp_path / 'owned'})"
    run = spawn(runner, [PY, "-c", "import sys;print(sys.argv[1])", evil], workset=locked(evil))
    assert ended(runner, run).exit_code == 0
    assert runner.log_tail(run).strip() == evil
    assert not (tmp_path / "owned").exists()


def test_a_second_start_under_one_token_is_refused(runner: LocalRunner) -> None:
    run = spawn(runner, ["true"])
    with pytest.raises(Refused, match="exists already"):
        spawn(runner, ["true"])
    assert ended(runner, run).exit_code == 0


def test_a_lower_token_never_starts(runner: LocalRunner) -> None:
    runner.raise_token("w1", 5)
    runner.raise_token("w1", 3)
    with pytest.raises(Refused, match="newer lock"):
        spawn(runner, ["true"], workset=locked(token=4))
    assert ended(runner, spawn(runner, ["true"], workset=locked(token=5))).exit_code == 0


class Woken(SystemClock):
    """The clock of a machine that slept an hour: its monotonic clock has not seen it."""

    def boottime(self) -> float:
        return super().boottime() + 3600


def test_a_deadline_that_passed_in_a_machines_sleep_has_passed(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="ran out"):
        spawn(LocalRunner(tmp_path / "runs", Woken()), ["touch", str(tmp_path / "x")], deadline=60)
    assert not (tmp_path / "x").exists()


def test_a_passed_deadline_never_starts(runner: LocalRunner, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="ran out"):
        spawn(runner, ["touch", str(tmp_path / "x")], deadline=-0.001)
    assert not (tmp_path / "x").exists()


def test_the_supervisor_checks_again_right_before_exec(runner: LocalRunner, tmp_path: Path) -> None:
    """A token raised, or a deadline passed, between the spawn and the exec stops the run."""
    for token, deadline, newer, said in ((1, 60.0, 2, "newer lock"), (3, 0.3, 0, "ran out")):
        workset = locked(token=token)
        run = runner.plan("w1", token)
        # Stand in the place's lock, as a slow machine would, while the supervisor comes up.
        request = RunRequest(workset, run, ["touch", str(tmp_path / "x")], CLOCK.boottime() + deadline, {})
        with runner._locked():
            runner._raise_to("w1", token)
            runner._make(run.folder, request)
            runner._launch(run.folder, request)
            assert runner.look("w1", run).state is RunState.RUNNING
            if newer:
                runner._raise_to("w1", newer)
            else:
                time.sleep(0.4)
        status = ended(runner, run)
        assert status.exit_code is None
        assert said in status.note
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(("argv", "code"), [(["no-such-program-here"], 127), (["/etc/hostname"], 126)])
def test_a_program_that_cannot_be_executed(runner: LocalRunner, argv: list[str], code: int) -> None:
    status = ended(runner, spawn(runner, argv))
    assert status.exit_code == code
    assert status.note.startswith(f"{argv[0]} cannot be executed: ")
    assert "Errno" not in status.note


def test_killing_the_supervisor_alone_leaves_the_command_running(runner: LocalRunner) -> None:
    run = spawn(runner, ["sleep", "60"])
    pids = process(run)
    os.kill(pids["supervisor"], signal.SIGKILL)
    wait_for(lambda: dead(pids["supervisor"]))
    assert runner.look("w1", run).state is RunState.RUNNING
    assert runner.live_runs() == [("w1", run)]
    runner.stop("w1", run, force=False)
    status = ended(runner, run)
    assert (status.state, status.exit_code) == (RunState.ENDED, None)
    assert "nobody saw" in status.note


def dead(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def test_another_runner_finds_it_running_and_ended(runner: LocalRunner, tmp_path: Path) -> None:
    run = spawn(runner, ["sleep", "0.5"])
    other = LocalRunner(tmp_path / "runs", CLOCK)
    assert other.look("w1", run).state is RunState.RUNNING
    assert ended(other, run).exit_code == 0


def test_it_outlives_the_process_that_started_it(runner: LocalRunner, tmp_path: Path) -> None:
    script = f"""
import os, signal
from pathlib import Path
from tests.runner.runs import LocalRunner, CLOCK, spawn
spawn(LocalRunner(Path({str(tmp_path / "runs")!r}), CLOCK), ["sh", "-c", "sleep 0.5; echo done"])
os.kill(0, signal.SIGKILL)
"""
    subprocess.run([PY, "-c", script], check=False, start_new_session=True)
    (found,) = runner.live_runs()
    assert found[0] == "w1"
    assert ended(runner, found[1]).exit_code == 0
    assert runner.log_tail(found[1]) == "done\n"


def test_the_whole_group_is_ended_and_what_ignores_term_is_killed(runner: LocalRunner) -> None:
    script = "trap '' TERM; sleep 61 & setsid sleep 62 & echo up; wait; while :; do sleep 1; done"
    run = spawn(runner, ["sh", "-c", script])
    wait_for(lambda: "up" in runner.log_tail(run))
    runner.stop("w1", run, force=False)
    assert runner.look("w1", run).state is RunState.RUNNING

    def killed() -> bool:
        runner.stop("w1", run, force=True)
        return runner.look("w1", run).state is not RunState.RUNNING

    wait_for(killed, pause=0.2)
    status = ended(runner, run)
    assert status.exit_code == 137
    left = [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] in (["sleep", "61"], ["sleep", "62"])]
    assert left == []


def test_a_child_that_stays_keeps_the_run_alive(runner: LocalRunner) -> None:
    run = spawn(runner, ["sh", "-c", "sleep 0.6 & exit 0"])
    wait_for((Path(run.folder) / "exit.json").exists)
    assert runner.look("w1", run).state is RunState.RUNNING
    assert ended(runner, run).exit_code == 0


def test_other_places_boots_and_missing_folders(runner: LocalRunner, tmp_path: Path) -> None:
    run = spawn(runner, ["true"])
    assert ended(runner, run).exit_code == 0
    elsewhere = replace(run, place_id="another")
    assert runner.look("w1", elsewhere).state is RunState.UNKNOWN
    missing = replace(run, folder=str(tmp_path / "runs" / "runs" / "none"))
    assert runner.look("w1", missing).state is RunState.ABSENT
    (Path(run.folder) / "exit.json").unlink()
    assert runner.look("w1", replace(run, boot_id="before")).state is RunState.ABSENT
    assert runner.look("w1", run).exit_code is None
    (Path(run.folder) / "exit.json").write_text("half a fi")
    assert "cannot be read" in runner.look("w1", run).note


def test_the_place_has_one_identity_and_a_clear_refusal(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    assert LocalRunner(root, CLOCK).place() == LocalRunner(root, CLOCK).place()
    (root / "place.json").write_text("{")
    with pytest.raises(Refused, match=r"place\.json"):
        LocalRunner(root, CLOCK).place()
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match="run root"):
        LocalRunner(tmp_path / "file" / "runs", CLOCK).place()


def test_keys_are_safe_and_different() -> None:
    ids = ["a/b", "a_b", "..", "x" * 512, "ä" * 200, "a;rm -rf ~"]
    keys = [folder_key(name) for name in ids]
    assert len(set(keys)) == len(ids)
    assert all(len(key) < 80 and "/" not in key and not key.startswith(".") for key in keys)

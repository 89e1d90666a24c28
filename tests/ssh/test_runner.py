"""The run folder's contract over SSH: started once, found again, barred by a newer token, ended whole."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.domain.build import ready
from tests.services.world import CLOCK
from tests.ssh.conftest import Daemon
from tests.waiting import wait_for
from wsmon.adapters.runner.line import SshLine
from wsmon.adapters.runner.ssh import SshRunner, metrics_of
from wsmon.domain.errors import OutsideError, Refused
from wsmon.domain.steps import script
from wsmon.domain.workset import RunRecord
from wsmon.ports import RunRequest, RunState, RunStatus

pytestmark = pytest.mark.system
HOSTILE = ["a b", "$HOME", "`id`", "'; touch /tmp/never; '", "ü\n", "*", ""]


def start(runner: SshRunner, *argv: str, token: int = 1, seconds: float = 60, **more: Any) -> RunRecord:
    workset = ready()
    run = runner.plan(workset.workset_id, token)
    request = RunRequest(workset, run, argv, CLOCK.boottime() + seconds, **more)
    runner.prepare(request)
    runner.spawn(request)
    return run


def ended(runner: SshRunner, run: RunRecord) -> RunStatus:
    wait_for(lambda: runner.look("w1", run).state is not RunState.RUNNING)
    return runner.look("w1", run)


def test_a_run_ends_with_its_code_and_every_argument_arrives_as_it_was(runner: SshRunner) -> None:
    code = "import json,os,sys;print(json.dumps([sys.argv[1:],os.environ['X']]));sys.exit(7)"
    run = start(runner, sys.executable, "-c", code, *HOSTILE, env={"X": HOSTILE[3]})
    status = ended(runner, run)
    assert (status.state, status.exit_code) == (RunState.ENDED, 7)
    assert json.loads(runner.log_tail(run)) == [HOSTILE, HOSTILE[3]]


@pytest.mark.parametrize("detach", ["setsid", "tmux"])
def test_it_outlives_the_connection_and_is_found_by_another_monitor(sshd: Daemon, detach: str) -> None:
    first = SshRunner(sshd.target(detach=detach), CLOCK)
    gate = sshd.folder / f"gate-{detach}"
    run = start(first, "sh", "-c", f"echo one; while [ ! -e {gate} ]; do sleep 0.1; done; echo two")
    sshd.kill()
    assert first.look("w1", run).state is RunState.UNKNOWN
    sshd.start()
    second = SshRunner(sshd.target(), CLOCK)
    assert second.live_runs() == [("w1", run)]
    gate.touch()
    status = ended(second, run)
    assert status.exit_code == 0
    assert second.log_tail(run).split() == ["one", "two"]
    text, offset = second.log_from(run, 0, 4)
    assert (text, second.log_from(run, offset)[0]) == ("one\n", "two\n")


def test_a_newer_token_bars_an_older_start_and_a_run_starts_once(runner: SshRunner) -> None:
    runner.raise_token("w1", 5)
    with pytest.raises(Refused, match="token 5"):
        start(runner, "true", token=4)
    run = start(runner, "true", token=5)
    with pytest.raises(Refused, match="started before"):
        start(runner, "true", token=5)
    assert ended(runner, run).exit_code == 0
    assert runner.look("w1", dataclasses.replace(run, folder=run.folder + "x")).state is RunState.ABSENT
    assert runner.look("w1", dataclasses.replace(run, place_id="other")).state is RunState.UNKNOWN


def test_a_deadline_that_passed_starts_nothing(runner: SshRunner) -> None:
    with pytest.raises(Refused, match="ran out"):
        start(runner, "true", seconds=-0.1)
    assert runner.live_runs() == []


def test_term_then_kill_reaches_what_listens_to_neither_terminal_nor_parent(runner: SshRunner) -> None:
    run = start(runner, "sh", "-c", "trap '' TERM; (setsid sleep 60 &) ; sleep 60")
    wait_for(lambda: runner.look("w1", run).state is RunState.RUNNING)
    runner.stop("w1", run, force=False)
    runner.stop("w1", run, force=True)
    wait_for(lambda: ended(runner, run).state is RunState.ENDED)
    assert ended(runner, run).exit_code == 137


def test_steps_are_told_and_metrics_come_home(runner: SshRunner) -> None:
    steps = {
        "stage": ["true"],
        "run": ["sh", "-c", 'echo \'{"bytes_exported": 12}\' > "$1/metrics.json"; sleep 3', "x", "F"],
    }
    run = runner.plan("w1", 1)
    steps["run"][-1] = run.folder
    steps["export"] = ["sh", "-c", "exit 9"]
    request = RunRequest(ready(), run, [*script(steps), run.folder], CLOCK.boottime() + 60)
    runner.prepare(request)
    runner.spawn(request)
    wait_for(lambda: runner.look("w1", run).step == "run")
    status = ended(runner, run)
    assert (status.exit_code, status.step, status.metrics) == (9, "export", {"bytes_exported": 12})


@pytest.mark.parametrize(
    ("name", "state", "code"), [("daylily.successful_run", "ended", 0), ("daylily.failed_run", "ended", 1)]
)
def test_the_pipelines_own_word_counts_where_nobody_saw_the_end(
    runner: SshRunner, tmp_path: Path, name: str, state: str, code: int
) -> None:
    run = start(runner, "sh", "-c", f"touch {tmp_path}/{name}; kill -9 $PPID; sleep 0.1", pipeline=str(tmp_path))
    status = ended(runner, run)
    assert (status.state.value, status.exit_code) == (state, code)
    assert name in status.note


def test_a_session_that_vanished_without_a_word(runner: SshRunner) -> None:
    status = ended(runner, start(runner, "sh", "-c", "kill -9 $PPID"))
    assert (status.state, status.exit_code) == (RunState.ENDED, None)


def test_a_long_tmpdir_keeps_nobody_from_a_shared_connection(sshd: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = sshd.folder / ("d" * 60)
    deep.mkdir(exist_ok=True)
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    line = SshLine(sshd.target())
    assert line.run("echo here").stdout == b"here\n"
    shared = subprocess.run(
        ["ssh", "-O", "check", *line.target.argv(line._control)[1:]], capture_output=True, check=False, timeout=20
    )
    assert shared.returncode == 0, shared.stderr
    # A Mac's TMPDIR has 49 characters, a socket's path 104, and OpenSSH hangs 17 on while it binds.
    (path,) = (part for part in line.target.argv("/x") if part.startswith("ControlPath="))
    assert 49 + len("/wsmon-ssh-12345678") + len(path.removeprefix("ControlPath=/x")) + 17 < 104
    line.close()


def test_an_unknown_host_key_is_refused_unless_told_otherwise(sshd: Daemon) -> None:
    strict = SshRunner(sshd.target(known_hosts=str(sshd.folder / "nobody")), CLOCK)
    with pytest.raises(OutsideError, match="cannot be reached"):
        strict.place()
    taken = SshRunner(sshd.target(known_hosts=str(sshd.folder / "new"), host_key_checking="accept-new"), CLOCK)
    assert taken.place().place_id
    assert (sshd.folder / "new").exists()


@pytest.mark.parametrize("files", [1, 4])
def test_a_cut_while_the_agent_is_put_there_is_mended_by_the_next_call(sshd: Daemon, files: int) -> None:
    class Cut(SshLine):
        """After so many files."""

        def run(self, command: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
            if self.calls > files:
                raise OutsideError("cut")
            return super().run(command, stdin)

    cut, line = Cut(sshd.target()), SshLine(sshd.target())
    cut._agent = line._agent = str(sshd.runs / "agent")
    with pytest.raises(OutsideError, match="cut"):
        cut.ask("place", known_boot="")
    assert len(list((sshd.runs / "agent").iterdir())) == files
    assert line.ask("place", known_boot="")["place_id"]
    for one in (cut, line):
        one.close()


def test_many_looks_are_one_call(runner: SshRunner) -> None:
    runs = []
    for n in range(4):
        workset = dataclasses.replace(ready(), workset_id=f"w{n}")
        run = runner.plan(workset.workset_id, 1)
        request = RunRequest(workset, run, ["sleep", "30"], CLOCK.boottime() + 60)
        runner.prepare(request)
        runner.spawn(request)
        runs.append(run)
    for run in runs:
        runner.look("w", run)
    before = runner._line.calls
    for _ in range(5):
        assert {runner.look("w", run).state for run in runs} == {RunState.RUNNING}
    assert runner._line.calls - before <= 1


@pytest.mark.parametrize(
    ("text", "found"),
    [(None, {}), ("x", {}), ("[1]", {}), ('{"a": 1, "b": "x", "c": [1], "d": null}', {"a": 1, "b": "x"})],
)
def test_metrics_that_a_run_wrote(text: str | None, found: dict[str, object]) -> None:
    assert metrics_of(text) == found

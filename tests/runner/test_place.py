"""A place that goes, comes, fills up, is copied or shared: nothing is taken for dead that may live."""

from __future__ import annotations

import json
import os
import shutil
import socket
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.runner.runs import CLOCK, ended, locked, process, spawn
from wsmon.adapters.runner import LocalRunner, supervise
from wsmon.adapters.runner import place as place_module
from wsmon.domain.errors import Refused, StillAlive
from wsmon.ports import RunRequest, RunState


def prepare(runner: LocalRunner, token: int) -> None:
    run = runner.plan("w1", token)
    runner.prepare(RunRequest(locked(token=token), run, ["true"], CLOCK.boottime() + 60))


def test_no_second_run_beside_a_first_that_lives(runner: LocalRunner) -> None:
    first = spawn(runner, ["sleep", "60"])
    process(first)
    for _ in range(2):
        with pytest.raises(StillAlive, match="run token 1") as refused:
            prepare(runner, 2)
    assert refused.value.runs == (first,)
    with pytest.raises(Refused, match="newer lock"):
        prepare(runner, 1)
    runner.stop("w1", first, force=True)
    ended(runner, first)
    prepare(runner, 3)
    other = replace(locked("w2"), token=1)
    runner.prepare(RunRequest(other, runner.plan("w2", 1), ["true"], CLOCK.boottime() + 60))


def test_a_root_that_went_away_knows_nothing(runner: LocalRunner, tmp_path: Path) -> None:
    run = spawn(runner, ["sleep", "60"])
    process(run)
    root, away = tmp_path / "runs", tmp_path / "away"
    root.rename(away)
    for _ in range(2):
        status = runner.look("w1", run)
        assert (status.state, "gone" in status.note) == (RunState.UNKNOWN, True)
        with pytest.raises(Refused, match="is gone"):
            runner.raise_token("w1", 5)
    assert not root.exists()
    LocalRunner(root, CLOCK).place()  # what a monitor started meanwhile finds there is another place
    assert runner.look("w1", run).state is RunState.UNKNOWN
    assert LocalRunner(root, CLOCK).look("w1", run).state is RunState.UNKNOWN
    shutil.rmtree(root)
    away.rename(root)
    assert runner.look("w1", run).state is RunState.RUNNING


def test_a_deleted_run_folder_is_no_proof_of_death(runner: LocalRunner) -> None:
    run = spawn(runner, ["sleep", "60"])
    process(run)
    shutil.rmtree(run.folder)
    assert runner.look("w1", run).state is RunState.RUNNING
    runner.stop("w1", run, force=True)
    assert ended(runner, run).state is RunState.ABSENT


def test_a_copied_root_is_not_the_place(runner: LocalRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cloned machine, a restored backup: the run it names may live on the first one."""
    run = spawn(runner, ["sleep", "60"])
    process(run)
    shutil.copytree(tmp_path / "runs", tmp_path / "copy")
    with monkeypatch.context() as patched:
        patched.setattr(socket, "gethostname", lambda: "clone")
        patched.setattr(place_module, "boot_id", lambda: "another")
        clone = LocalRunner(tmp_path / "copy", CLOCK)
        assert clone.look("w1", run).state is RunState.UNKNOWN
        patched.setattr(place_module, "machine_id", lambda: "another")
        with pytest.raises(Refused, match="another machine"):
            LocalRunner(tmp_path / "copy", CLOCK).place()
        assert LocalRunner(tmp_path / "copy", CLOCK).look("w1", run).state is RunState.UNKNOWN


def test_stores_that_share_a_root_do_not_see_each_others_runs(tmp_path: Path) -> None:
    one, two = (LocalRunner(tmp_path / "runs", CLOCK, partial(str, name)) for name in ("one", "two"))
    first = spawn(one, ["sleep", "60"], workset=locked(token=7))
    assert one.live_runs() == [("w1", first)]
    assert two.live_runs() == []
    second = spawn(two, ["true"])  # its token 1 is not lower than anything of its own
    assert second.place_id == first.place_id
    assert ended(two, second).exit_code == 0
    one.stop("w1", first, force=True)
    ended(one, first)


def test_what_cannot_be_read_is_unknown(runner: LocalRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    run = spawn(runner, ["true"])
    assert ended(runner, run).exit_code == 0

    stat = os.stat

    def denied(path: Any, **options: Any) -> os.stat_result:
        if str(path) == run.folder:
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, **options)

    with monkeypatch.context() as patched:
        patched.setattr(os, "stat", denied)
        assert runner.look("w1", run).state is RunState.UNKNOWN


def test_a_network_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place_module, "network_file_system", lambda _: "nfs4")
    with pytest.raises(Refused, match="nfs4"):
        LocalRunner(tmp_path / "runs", CLOCK).place()
    assert not (tmp_path / "runs").exists()


def test_a_full_disk_takes_no_run(runner: LocalRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    runner.ready()
    full = SimpleNamespace(f_bavail=1, f_frsize=4096, f_files=100, f_favail=100)
    for disk in (full, SimpleNamespace(f_bavail=10**6, f_frsize=4096, f_files=100, f_favail=3)):
        monkeypatch.setattr(os, "statvfs", lambda _, disk=disk: disk)
        with pytest.raises(Refused, match="is full"):
            runner.ready()
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=99, f_frsize=4096, f_files=0, f_favail=0))
    runner.ready()


def test_a_run_folder_that_cannot_be_filled_leaves_nothing(
    runner: LocalRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: str) -> None:
        raise OSError(28, "No space left on device", path)

    with monkeypatch.context() as patched:
        patched.setattr(supervise, "reserve", full)
        with pytest.raises(Refused, match="No space left"):
            prepare(runner, 1)
    assert list((tmp_path / "runs" / "runs").glob("*/*")) == []
    prepare(runner, 1)


def test_a_result_finds_its_space_on_a_disk_that_filled_up(tmp_path: Path) -> None:
    """What was reserved is written in place: no block and no inode is asked for."""
    target = tmp_path / "exit.json"
    supervise.reserve(str(target))
    before = (tmp_path / "exit.json.new").stat()
    supervise.write_whole(str(target), supervise.not_started("x" * supervise.NOTE_CHARS))
    after = target.stat()
    assert (after.st_ino, after.st_size, after.st_blocks) == (before.st_ino, before.st_size, before.st_blocks)
    assert json.loads(target.read_text())["note"].endswith("x")


def test_a_prepared_run_that_nobody_started_is_absent(runner: LocalRunner) -> None:
    prepare(runner, 1)
    assert runner.look("w1", runner.plan("w1", 1)).state is RunState.ABSENT
    assert runner.live_runs() == []


def test_a_lock_file_that_was_cleaned_away_is_made_again(runner: LocalRunner, tmp_path: Path) -> None:
    runner.raise_token("w1", 3)
    (tmp_path / "runs" / "place.lock").unlink()
    with pytest.raises(Refused, match="newer lock"):
        prepare(runner, 2)

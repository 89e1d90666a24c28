"""Output of a run on a cluster that was found, not named in the settings; `ssh` is one that stays on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.services.world import CLOCK
from wsmon.adapters.parallelcluster import Found, ParallelClusters
from wsmon.adapters.runner.line import SshTarget
from wsmon.adapters.runner.ssh import SshRunner
from wsmon.domain.errors import OutsideError
from wsmon.domain.pool import ClusterRecord
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import WorksetState
from wsmon.engine import open_engine
from wsmon.ports import RunRequest
from wsmon.settings import Settings

SSH = """#!/bin/sh
for last; do :; done
for word; do case "$word" in ControlPath=*) echo "$word" >> "{folder}/paths";; esac; done
[ "$last" = 10.0.0.7 ] && exit 0
HOME={folder}/home exec sh -c "$last"
"""


def test_it_is_found_where_it_ran_and_followed_over_one_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin/ssh"
    program.parent.mkdir()
    program.write_text(SSH.format(folder=tmp_path))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    found = [Found(ClusterRecord("pc1", 3, 5, kind="parallelcluster"), {"private": "10.0.0.7"})]
    monkeypatch.setattr(ParallelClusters, "look", lambda *_: found)
    document = {
        "store": {"url": f"sqlite:{tmp_path}/w.db"},
        "parallelcluster": {"enabled": True, "region": "us-east-1", "root": f"{tmp_path}/far", "slurm": False},
    }
    opened = open_engine(Settings.model_validate(document))
    workset = opened.commands.register(WorksetSpec("w1", "b", "p"))
    head = SshRunner(SshTarget("10.0.0.7", root=f"{tmp_path}/far"), CLOCK, store_id=opened.store.store_id)
    run = head.plan("w1", 1)
    request = RunRequest(workset, run, ["sh", "-c", "echo one; sleep 0.3; echo two"], CLOCK.boottime() + 60)
    head.prepare(request)
    head.spawn(request)
    (tmp_path / "paths").write_text("")
    opened.commands.acquire("w1", holder="m", seconds=60)
    started = opened.commands.start("w1", token=1, run=run)
    assert started.state is WorksetState.IN_PROGRESS
    text, offset = opened.run_log(started, 0)
    while "two" not in text:
        more, offset = opened.run_log(started, offset)
        text += more
    assert text == "one\ntwo\n"
    assert len(set((tmp_path / "paths").read_text().split())) == 1
    found.clear()
    opened.close()
    other = open_engine(Settings.model_validate(document))
    with pytest.raises(OutsideError, match="none that is reached from here"):
        other.run_log(started, 0)
    other.close()

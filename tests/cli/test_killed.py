"""A registration that is killed half-way is run again, and nothing is there twice or missing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.cli.run import Cli
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.states import WorksetState

LINES = int(os.environ.get("WSMON_REGISTER_LINES", "2000"))


def test_run_again_it_registers_what_is_missing_and_nothing_twice(tmp_path: Path) -> None:
    file, path = tmp_path / "worksets.jsonl", tmp_path / "w.db"
    with file.open("w") as out:
        for number in range(LINES):
            print(json.dumps({"workset_id": f"ws-{number}", "bucket": "b", "prefix": f"runs/{number}"}), file=out)
    cli = Cli(tmp_path, f"sqlite:{path}")
    cli("init")
    store = SqliteStore(path)
    command = [sys.executable, "-m", "wsmon", "--store", f"sqlite:{path}", "register", "--file", str(file)]
    process = subprocess.Popen(command, env=cli.env, cwd=tmp_path, stdout=subprocess.DEVNULL)
    while store.tallies()[WorksetState.READY] < LINES // 4 and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL

    before = store.tallies()[WorksetState.READY]
    assert LINES // 4 <= before < LINES
    counts = cli.json("register", "--file", str(file))
    assert counts == {"registered": LINES - before, "existing": before, "bad": 0, "problems": []}
    assert store.tallies() == {state: LINES if state is WorksetState.READY else 0 for state in WorksetState}
    rows = cli("list", "--state", "ready", "--columns", "id").stdout.split()[1:]
    assert len(rows) == len(set(rows)) == LINES
    for number in (0, before - 1, before, LINES - 1):
        assert [event.seq for event in store.history(f"ws-{number}")] == [1]
    store.close()

"""What the pages for operators say is so: their commands run in their order, their pictures and units are there."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import peers
from tests.cli.run import Cli
from tests.folder.test_folder import make
from tests.project.pages import ROOT
from wsmon.adapters.clock import SystemClock
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.pool import ClusterRecord
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.workset import RunRecord
from wsmon.services.commands import Commands

SETTINGS = """
[store]
url = "sqlite:./worksets.db"
[monitor]
command = ["sh", "-c", 'if test "$1" = RUN-003; then echo "line 4: no such sample"; exit 65; fi', "run", "{workset_id}"]
"""
MAY_WARN = {"doctor", "validate"}


def commands_of(page: str) -> list[str]:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return [line for block in re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL) for line in block.splitlines()]


def duty(tmp_path: Path) -> Cli:
    """What somebody on duty may find: an error, a lock whose holder hangs, an unattended run, something that waits."""
    (tmp_path / "wsmon.toml").write_text(SETTINGS, encoding="utf-8")
    for name in ("RUN-003", "RUN-006"):
        make(tmp_path / "worksets" / name)
    cli = Cli(tmp_path)
    cli("import", "folder", "./worksets")
    cli("monitor", "--once")
    store = SqliteStore(tmp_path / "worksets.db")
    commands = Commands(store, SystemClock(), "mon-2")
    for name in ("RUN-001", "RUN-004", "RUN-005"):
        commands.register(WorksetSpec(name, "b", "p", affinity="cl1" if name == "RUN-001" else None))
    commands.acquire("RUN-004", holder="mon-2", seconds=3600)
    token = commands.acquire("RUN-005", holder="mon-2", seconds=3600).token
    commands.start("RUN-005", token=token, run=RunRecord(token, "place", "node-9", "boot", "/runs"))
    commands.release("RUN-005", token=token)
    store.put_cluster(ClusterRecord("cl1", 3, commands.clock.now()))
    store.close()
    return cli


@pytest.mark.parametrize("page", ["operating.md", "security.md", "deploy.md"])
def test_the_commands_of_a_page_run_in_its_order(tmp_path: Path, page: str) -> None:
    lines = commands_of(page)
    assert lines
    cli = duty(tmp_path) if page == "operating.md" else Cli(tmp_path)
    if any("dynamodb:" in line for line in lines):
        cli.env |= {"AWS_ENDPOINT_URL_DYNAMODB": peers.url("ministack"), "AWS_REGION": "us-east-1"}
    for line in lines:
        args = shlex.split(line)
        assert args[0] == "wsmon"
        done = cli(*args[1:], code=None)
        if "--dry-run" in args:
            assert "RUN-003" in done.stdout, done
        assert done.returncode == 0 or (args[1] in MAY_WARN and done.returncode == 1), f"{line}: {done}"
    if page == "operating.md":  # and what they promise has happened
        states = {row["workset_id"]: row["state"] for row in cli.json("list")}
        ready = dict.fromkeys(("RUN-001", "RUN-003", "RUN-004", "RUN-005"), "ready")
        assert states == {**ready, "RUN-006": "complete"}
        shown = cli.json("show", "RUN-001")
        assert (shown["priority"], shown["affinity"]) == ("urgent", None)


def test_every_alert_has_a_line() -> None:
    table = (ROOT / "docs/operating.md").read_text(encoding="utf-8").partition("## Every alert")[2]
    source = "".join(
        (ROOT / name).read_text(encoding="utf-8")
        for name in (
            "wsmon/domain/alerts.py",
            "wsmon/services/draining.py",
            "wsmon/services/troubles.py",
            "wsmon/services/discovery.py",
            "wsmon/services/alerting.py",
        )
    )
    kinds = set(re.findall(r'AlertRecord\(\s*[^,]+,\s*"([a-z ]+)"', source)) | {
        "error",
        "failed",
        "orphaned",
        "duplicate",
    }
    assert len(kinds) > 10
    assert not [kind for kind in sorted(kinds) if f"`{kind}`" not in table]


@pytest.mark.parametrize("kind", ["monitor", "api", "web"])
def test_a_unit_starts_a_command_that_is_one(tmp_path: Path, kind: str) -> None:
    unit = (ROOT / f"deploy/wsmon-{kind}.service").read_text(encoding="utf-8")
    (command,) = re.findall(r"ExecStart=/opt/wsmon/bin/(.*)", unit)
    (tmp_path / "none.toml").write_text("")
    args = [str(tmp_path / "none.toml") if arg.startswith("/etc") else arg for arg in shlex.split(command)[1:]]
    assert "Example:" in Cli(tmp_path)(*args, "--help").stdout
    assert ("KillMode=process" in unit) is (kind == "monitor")
    if (analyze := shutil.which("systemd-analyze")) is not None:
        trial = tmp_path / f"wsmon-{kind}.service"
        trial.write_text(unit.replace("/opt/wsmon/bin/wsmon", "/bin/true").replace("=wsmon\n", "=root\n"))
        done = subprocess.run([analyze, "verify", trial], capture_output=True, text=True, check=False)
        assert f"wsmon-{kind}" not in done.stderr, done.stderr

"""The container file: what can be tried of it without a container engine is."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.pages import ROOT
from wsmon.cli.main import COMMANDS
from wsmon.settings import ApiSettings, WebSettings

TEXT = (ROOT / "deploy/Containerfile").read_text(encoding="utf-8")


def lines(word: str) -> list[str]:
    """What follows an instruction's word, its continued lines joined."""
    return re.findall(rf"^{word} (.*)$", TEXT.replace("\\\n", ""), flags=re.MULTILINE)


def test_it_starts_a_command_that_there_is_on_the_ports_that_it_takes() -> None:
    assert json.loads(lines("ENTRYPOINT")[0]) == ["tini", "--", "wsmon"]
    assert {*json.loads(lines("CMD")[0])} <= {*COMMANDS}
    assert [int(port) for port in lines("EXPOSE")[0].split()] == [ApiSettings().port, WebSettings().port]
    assert lines("USER") == [re.findall(r"useradd .* (\w+)", lines("RUN")[0])[0]]
    for word in lines("COPY")[0].split()[:-1]:
        assert word in {"constraints.txt", "dist/wsmon-*.whl"}
    assert (ROOT / "constraints.txt").is_file()


@pytest.mark.ci
def test_its_installation_works_in_an_empty_environment(tmp_path: Path) -> None:
    """`make ci` has built the wheel before."""
    wheels = list((ROOT / "dist").glob("wsmon-*.whl"))
    if not wheels:
        pytest.fail("there is no wheel; `make wheel` builds it") if os.environ.get(
            "WSMON_REQUIRE_PEERS"
        ) else pytest.skip("there is no wheel; `make wheel` builds it")
    folder = tmp_path / "copied"
    folder.mkdir()
    for file in (ROOT / "constraints.txt", wheels[0]):
        shutil.copy(file, folder)
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    step = lines("RUN")[1].replace("/tmp/", f"{folder}/")
    path = {**os.environ, "PATH": f"{tmp_path / 'venv/bin'}:{os.environ['PATH']}"}
    subprocess.run(["/bin/sh", "-ec", step], env=path, check=True, cwd=tmp_path)
    assert not list(folder.iterdir())
    for command in (
        ["wsmon", "--version"],
        ["wsmon", "web", "--help"],
        ["python", "-c", "import aiohttp, textual_serve"],
    ):
        subprocess.run(command, env=path, check=True, cwd=tmp_path, capture_output=True)

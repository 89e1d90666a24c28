"""The README's commands work in the order it gives them, and the drawn pages are current."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import click
import httpx
import pytest

from tests import peers, warm
from tests.folder.test_folder import make
from tests.project.cli_page import cli_page, examples
from tests.project.pages import ROOT, keys_page, settings_page
from tests.project.routes import api_page
from tests.tui.terminal import Terminal
from tests.waiting import wait_for
from tui.actions import ACTIONS
from wsmon.cli.main import COMMANDS, cli

README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", README, flags=re.DOTALL)


def commands() -> list[str]:
    """Every line of every shell block, in order."""
    return [line for block in blocks("sh") for line in block.splitlines() if line]


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder as the README's reader has it: the three files of the page, and some workset folders."""
    (tmp_path / "wsmon.toml").write_text(blocks("toml")[0], encoding="utf-8")
    (tmp_path / "worksets.jsonl").write_text(blocks("jsonl")[0], encoding="utf-8")
    make(tmp_path / "worksets" / "first")
    make(tmp_path / "worksets" / "second")
    (tmp_path / "pipeline.sh").write_text(blocks("bash")[0], encoding="utf-8")
    return tmp_path


def environment(desk: Path) -> dict[str, str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, "HOME": str(desk), "PATH": path, "WSMON_MONITOR__POLL_SECONDS": "0.3"}


def run(desk: Path, command: str, **more: str) -> str:
    program, *argv = shlex.split(command)
    env = {**environment(desk), **more}
    if program == "wsmon":
        done = warm.run(argv, env=env, folder=desk)
    else:
        done = subprocess.run([program, *argv], cwd=desk, env=env, capture_output=True, check=False)
    out, err = done.stdout.decode(), done.stderr.decode()
    assert done.returncode == 0, f"{command}: {out}{err}"
    return out


def in_a_terminal(desk: Path, command: str) -> None:
    """Opens, shows the queue, is left by q."""
    here = os.getcwd()
    os.chdir(desk)
    try:
        program = "import sys; from wsmon.cli.main import main; main(sys.argv[1:])"
        with Terminal(["-c", program, *shlex.split(command)[1:]], environment(desk)) as terminal:
            terminal.shows("1 queue", "RUN-001")
            terminal.press("q")
            assert terminal.ended() == 0
    finally:
        os.chdir(here)


def states(desk: Path) -> dict[str, str]:
    return {row["workset_id"]: row["state"] for row in json.loads(run(desk, "wsmon list --json"))}


def until_stopped(desk: Path, command: str) -> None:
    """A monitor works off what is there, as the page says, and ends cleanly by SIGTERM."""
    process = subprocess.Popen(shlex.split(command), cwd=desk, env=environment(desk), stderr=subprocess.PIPE)
    try:
        wait_for(lambda: states(desk).get("RUN-003") == "error", 30, pause=0.3)
        assert states(desk)["RUN-001"] == "complete"
        assert "none has signed on" not in run(desk, "wsmon doctor")
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 0


def until_served(desk: Path, command: str) -> None:
    """The service says where it listens, and ends cleanly by SIGTERM."""
    told = desk / "api.log"
    with told.open("w") as out:
        where = {**environment(desk), "WSMON_API__PORT": "0", "WSMON_WEB__PORT": "0"}
        process = subprocess.Popen(shlex.split(command), cwd=desk, env=where, stderr=out)
    try:
        url = wait_for(lambda: re.search(r"http://127\.0\.0\.1:\d+", told.read_text()), 30)
        assert url is not None
        wait_for(lambda: _is_healthy(url[0]), 30)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
    assert process.returncode == 0


def _is_healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def carry_out(desk: Path, command: str) -> None:
    """Run a line of the README, each kind in the way it is meant."""
    match command.split():
        case ["make", target]:
            assert re.search(rf"^{target}:.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        case ["pipx", "install", wheel]:
            assert wheel == "dist/wsmon-*.whl"  # `make wheel` installs it into an empty environment
        case ["wsmon"] | ["wsmon", "--monitor"] | ["wsmon", "replay", *_]:
            in_a_terminal(desk, command)
        case ["wsmon", "monitor"]:
            until_stopped(desk, command)
        case ["wsmon", "api" | "web"]:
            until_served(desk, command)
        case ["wsmon", "--store", store, *_] if store.startswith("dynamodb:"):
            if why := peers.missing("ministack"):
                pytest.skip(why)
            run(desk, command, AWS_ENDPOINT_URL_DYNAMODB=peers.url("ministack"))
        case _:
            run(desk, command)


def test_the_readme_typed_from_top_to_bottom(desk: Path) -> None:
    """In one folder, in its order, and nothing but what it says."""
    assert len(commands()) > 30
    for command in commands():
        carry_out(desk, command)


def test_every_key_of_the_readme_is_one() -> None:
    table = README[README.index("| key |") : README.index("The same from a shell")]
    for action in ACTIONS:
        if action.footer or action.changes:
            assert f"`{action.shown}`" in table, action


def test_the_page_of_the_keys_is_current() -> None:
    assert (ROOT / "docs/keys.md").read_text(encoding="utf-8") == keys_page(), "python -m tests.project.pages"


def test_the_settings_page_is_current() -> None:
    assert (ROOT / "docs/settings.md").read_text(encoding="utf-8") == settings_page(), "python -m tests.project.pages"


def test_the_page_of_the_commands_is_current() -> None:
    assert (ROOT / "docs/cli.md").read_text(encoding="utf-8") == cli_page(), "python -m tests.project.pages"


def test_the_table_of_routes_is_current() -> None:
    assert (ROOT / "docs/api.md").read_text(encoding="utf-8") == api_page(), "python -m tests.project.pages"


def test_every_command_has_an_example_that_can_be_typed() -> None:
    found = list(examples())
    assert len(found) > len(COMMANDS)
    for example in found:
        words = shlex.split(example)[1:]
        ctx: click.Context | None = None
        command: click.Command = cli
        while True:
            # Makes the context and runs nothing: an option or a word too many is a UsageError.
            ctx = command.make_context(words[0] if words else "", list(words), parent=ctx)
            rest = [*ctx._protected_args, *ctx.args] if hasattr(ctx, "_protected_args") else list(ctx.args)
            if not isinstance(command, click.Group) or not rest:
                break
            name, below, words = command.resolve_command(ctx, rest)
            assert below is not None, (example, name)
            command = below


def test_the_readme_shows_a_picture_that_is_there() -> None:
    (picture,) = re.findall(r"!\[[^]]+\]\(([^)]+)\)", README)
    assert (ROOT / picture).read_text(encoding="utf-8").startswith("<svg")

"""What only looks, or needs what is there, makes no store: not the file, not its folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from wsmon.cli import exits
from wsmon.cli.main import COMMANDS, _run

DONE, REFUSED, USAGE, NOT_FOUND, UNREACHABLE = (
    exits.DONE,
    exits.REFUSED,
    exits.USAGE,
    exits.NOT_FOUND,
    exits.UNREACHABLE,
)
# command line -> its exit code on a store that is not there
LOOKING = {
    "list": DONE,
    "list --json": DONE,
    "show a": NOT_FOUND,
    "history a": NOT_FOUND,
    "why a": NOT_FOUND,
    "plan": DONE,
    "logs a": NOT_FOUND,
    "logs a -f": NOT_FOUND,
    "clusters": DONE,
    "cluster drain c --reason r": NOT_FOUND,
    "cluster resume c": NOT_FOUND,
    "next": DONE,
    "watch --until-idle --since 1h": DONE,
    "lock a --owner o": NOT_FOUND,
    "unlock a --owner o": NOT_FOUND,
    "unlock a --force --reason r --yes": NOT_FOUND,
    "requeue a --reason r --yes": NOT_FOUND,
    "ignore a --yes": NOT_FOUND,
    "cancel a --yes": NOT_FOUND,
    "priority a urgent": NOT_FOUND,
    "affinity a --none": NOT_FOUND,
    "state a complete --owner o": NOT_FOUND,
    "archive a --yes": NOT_FOUND,
    "restore a": NOT_FOUND,
    "delete a --yes": NOT_FOUND,
    "purge a --yes": NOT_FOUND,
    "alerts": DONE,
    "ack a": NOT_FOUND,
    "silence --end s": NOT_FOUND,
    "silences": DONE,
    "report": DONE,
    "replay": USAGE,
    "token list": DONE,
    "token revoke t": NOT_FOUND,
    "notify test": NOT_FOUND,
    "config": DONE,
    "completion bash": DONE,
    "doctor": DONE,
    "validate a": NOT_FOUND,
    "import folder . --dry-run": DONE,
    "monitor --dry-run": DONE,
    # What is refused before anything is written makes nothing either.
    "register": USAGE,
    "register a --bucket b --prefix p --priority x": USAGE,
    "silence kind=error": USAGE,
    "import folder nowhere": USAGE,
}
MAKING = {"init", "register", "import", "monitor", "api", "web", "token", "silence", "demo"}
# These ask no store, or say what is wrong with it themselves.
TELLS_NOTHING = ("config", "replay", "completion", "notify", "register", "silence kind", "import folder nowhere")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    (tmp_path / "wsmon.toml").write_text('[monitor]\ncommand = ["true"]\n')
    return tmp_path


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_every_command_is_known_to_look_or_to_make() -> None:
    assert {line.split()[0] for line in LOOKING} | MAKING == set(COMMANDS)


@pytest.mark.parametrize("line", LOOKING)
def test_looking_makes_nothing(line: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = _files(folder)
    assert _run(line.split()) == LOOKING[line], capsys.readouterr()
    assert _run(["--store", "sqlite:w.db", *line.split()]) == LOOKING[line]
    out, err = capsys.readouterr()
    assert _files(folder) == before
    told = f"there is no store at {folder}/w.db yet"
    assert (told in err) is not line.startswith(TELLS_NOTHING), (out, err)


def test_a_folder_that_is_not_there_is_a_mistake(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = _files(folder)
    assert _run(["--store", "sqlite:none/w.db", "clusters"]) == UNREACHABLE
    assert f"{folder}/none/w.db, nor its folder" in capsys.readouterr().err
    assert _files(folder) == before


def test_the_first_change_makes_it(folder: Path) -> None:
    assert _run(["--store", "sqlite:none/w.db", "register", "a", "--bucket", "b", "--prefix", "p"]) == DONE
    assert _run(["--store", "sqlite:none/w.db", "show", "a"]) == DONE
    assert _run(["silence", "kind=error", "--for", "1h", "--reason", "r"]) == DONE
    assert "home/wsmon/wsmon.db" in _files(folder)

"""Workset folders: what is registered, what is refused, and real ones run to their end."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml

from tests.cli.run import Cli
from tests.peers import ROOT
from wsmon.adapters import workfile
from wsmon.adapters.folder import FolderCatalog
from wsmon.domain.errors import InvalidInput
from wsmon.domain.states import WorksetPriority, WorksetState
from wsmon.domain.times import isoformat

REAL = ROOT.parent / "shared" / "worksets"
GOOD = {
    "stage_samples.tsv": "RUN_ID\tSAMPLE_ID\tR1_FQ\nR0\tHG002\t\nR0\tHG003\ts3://b/x\n",
    "daylily_work.yaml": 'dy-r: >\n  help  -p -k --config a=["x","y"]\nday-clone: " -d {workdir_name} -t main "\n'
    'export_uri: "s3://b/out/"\nnotes: "n"\n',
    "daylily_info.yaml": "aws:\n  region: us-west-2\n",
    "sample_data/.hold": "",
    "daylily.ready": "20251016T111111",
}


def make(folder: Path, **changes: str | None) -> Path:
    folder.mkdir(parents=True)
    files = {**GOOD, **{name.replace("__", "/"): text for name, text in changes.items()}}
    for name, text in files.items():
        if text is not None:
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
    return folder


def test_a_whole_folder(tmp_path: Path) -> None:
    make(tmp_path / "ws", **{"daylily_work.yaml": GOOD["daylily_work.yaml"] + "priority: urgent\n"})
    (entry,) = FolderCatalog(tmp_path).scan()
    assert entry.problem is None
    assert entry.spec is not None
    assert (entry.spec.workset_id, entry.spec.priority) == ("ws", WorksetPriority.URGENT)
    assert entry.spec.metadata == {
        "folder": str(tmp_path / "ws"),
        "since": "2025-10-16T11:11:11.000000Z",
        "run_args": 'help  -p -k --config a=["x","y"]',
        "clone_args": "-d {workdir_name} -t main",
        "export_uri": "s3://b/out/",
        "notes": "n",
        "samples": 2,
        "daylily_info": GOOD["daylily_info.yaml"],
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"daylily_work.yaml": None}, "daylily_work.yaml is missing"),
        ({"daylily_work.yaml": "a: [1"}, "not readable YAML"),
        ({"daylily_work.yaml": "- a"}, "mapping"),
        ({"daylily_work.yaml": "dy-r: ''"}, "no run arguments"),
        ({"daylily_work.yaml": "dy-r: x\npriority: soon"}, "urgent, normal, low"),
        ({"daylily_work.yaml": "dy-r: " + "x" * 1_100_000}, "at most"),
        ({"daylily_work.yaml": "!!python/object/apply:os.system ['true']"}, "not readable YAML"),
        ({"stage_samples.tsv": None}, "stage_samples.tsv is missing"),
        ({"stage_samples.tsv": ""}, "no header"),
        ({"daylily_info.yaml": None}, "daylily_info.yaml is missing"),
        ({"sample_data/.hold": None}, "sample_data/ is missing or empty"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: dict[str, str | None], said: str) -> None:
    make(tmp_path / "ws", **change)
    (entry,) = FolderCatalog(tmp_path).scan()
    assert said in (entry.problem or "")


def test_all_problems_are_told_together(tmp_path: Path) -> None:
    make(tmp_path / "ws", **{"daylily_work.yaml": None, "stage_samples.tsv": None})
    (entry,) = FolderCatalog(tmp_path).scan()
    assert (entry.problem or "").count("missing") == 2


def test_a_billion_laughs_do_no_harm(tmp_path: Path) -> None:
    laughs = (
        "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60)) + "dy-r: *a59\n"
    )
    make(tmp_path / "ws", **{"daylily_work.yaml": laughs})
    (entry,) = FolderCatalog(tmp_path).scan()
    assert "no run arguments" in (entry.problem or "")


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("dy_r", "a b", "a b"),
        ("run", ["a", "b c", 3], "a b c 3"),
        ("run-command", {"cmd": "x"}, "x"),
        ("dy", {"suffix": "", "args": ["p", "q"]}, "p q"),
        ("run_suffix", True, ""),
    ],
)
def test_run_arguments_under_every_name(key: str, value: object, expected: str) -> None:
    text = yaml.safe_dump({key: value}).encode()
    if not expected:
        with pytest.raises(InvalidInput):
            workfile.parse_work(text)
    else:
        assert workfile.parse_work(text)["run_args"] == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("20251016T111111", "2025-10-16T11:11:11"),
        ("2025-10-16T11:11:11Z\n", "2025-10-16T11:11:11"),
        ("2025-10-16T13:11:11+02:00", "2025-10-16T11:11:11"),
        ("2025-10-16T11:11:11Z\tit broke", "2025-10-16T11:11:11"),
        ("yesterday", "1970-01-01T00:00:07"),
        ("", "1970-01-01T00:00:07"),
    ],
)
def test_sentinel_times(body: str, expected: str) -> None:
    assert isoformat(workfile.sentinel_time(body, 7_000_000))[:19] == expected


def test_the_strongest_sentinel_decides_and_folders_without_one_are_passed_over(tmp_path: Path) -> None:
    make(tmp_path / "a", **{"daylily.error": "20251016T111111\tdisk full", "daylily.lock": "x"})
    make(tmp_path / "b", **{"daylily.ignore": "x", "daylily.error": "x"})
    make(tmp_path / "c", **{"daylily.ready": None})
    entries = {entry.source[-1]: entry for entry in FolderCatalog(tmp_path).scan()}
    assert {name: entry.state for name, entry in entries.items()} == {
        "a": WorksetState.ERROR,
        "b": WorksetState.IGNORED,
    }
    assert entries["a"].problem == "disk full"


def test_import_brings_each_to_its_state_and_again_changes_nothing(tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    root = tmp_path / "in"
    make(root / "good")
    make(root / "broken", **{"daylily_work.yaml": "a: [1"})
    make(root / "failed", **{"daylily.error": "20251016T111111\tdisk full"})
    make(root / "done", **{"daylily.complete": "20251016T111111"})
    make(root / "off", **{"daylily.ignore": ""})
    make(root / "theirs", **{"daylily.in_progress": ""})
    make(root / "esc\x1b[31m")
    planned = cli("import", "folder", str(root), "--dry-run", "--json", code=1).stdout
    assert cli.json("list") == []
    first = json.loads(cli("import", "folder", str(root), "--json", code=1).stdout)
    assert first == json.loads(planned)
    outcomes = {item["workset_id"]: item["outcome"] for item in first}
    assert outcomes == {
        "good": "ready",
        "broken": "error",
        "failed": "error",
        "done": "complete",
        "off": "ignored",
        "theirs": "held",
        None: "refused",
    }
    rows = {row["workset_id"]: row for row in cli.json("list")}
    assert (rows["broken"]["category"], rows["failed"]["category"]) == ("configuration", "permanent")
    assert rows["failed"]["error"] == "disk full"
    events = {name: len(cli.json("history", name)) for name in rows}
    again = json.loads(cli("import", "folder", str(root), "--json", code=1).stdout)
    assert {item["outcome"] for item in again} == {"existing", "held", "refused"}
    assert {name: len(cli.json("history", name)) for name in rows} == events
    assert "is not a folder" in cli("import", "folder", str(tmp_path / "none"), code=2).stderr


@pytest.mark.skipif(not REAL.is_dir(), reason="no folder of real worksets stands beside the project")
def test_real_worksets_are_imported_claimed_and_run_to_their_end(tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    script = "import json,sys,os;print(json.dumps([os.environ['WSMON_WORKSET_ID'], *sys.argv[1:]]))"
    command = [sys.executable, "-c", script, "{metadata.folder}", "{metadata.run_args}", "{*metadata.run_args}"]
    (tmp_path / "wsmon.toml").write_text(f"[monitor]\ncommand = {json.dumps(command)}\nmax_concurrent = 8\n")
    expected = {}
    for folder in REAL.iterdir():
        if folder.is_dir():
            expected[folder.name] = (str(folder), yaml.safe_load((folder / "daylily_work.yaml").read_text())["dy-r"])
    assert len(expected) == 4
    cli("import", "folder", str(REAL))
    cli("monitor", "--once")
    assert {row["workset_id"]: row["state"] for row in cli.json("list")} == dict.fromkeys(expected, "complete")
    for name, (source, arguments) in expected.items():
        run = cli.json("show", name)["run"]
        wrote = json.loads((Path(run["folder"]) / "output.log").read_text())
        assert wrote[:3] == [name, source, arguments.strip()]
        assert wrote[3:] == arguments.replace('"', "").split()
        assert cli.json("show", name)["metadata"]["notes"].startswith("Daylily Snakemake")

"""A run in steps: one script, every word quoted."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

from tests.domain.build import locked
from wsmon.domain.steps import STEPS, script
from wsmon.domain.template import render
from wsmon.settings import StepsSettings


def test_steps_are_one_script_of_quoted_words(tmp_path: Path) -> None:
    hostile = ["a b", "$HOME", "`id`", "'; exit 3; '", "*", ""]
    steps = {"stage": ["true"], "run": [sys.executable, "-c", "import sys;print(sys.argv[1:])", *hostile]}
    work = tmp_path / "it's here"
    argv = [*script(steps, workdir=str(work), pipeline=str(work)), str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, str(hostile))
    assert (tmp_path / "step").read_text() == "run"
    (work / "daylily.failed_run").touch()
    assert subprocess.run(argv, capture_output=True, check=False).returncode == 1
    broken = [*script({"stage": ["sh", "-c", "exit 9"], "run": ["touch", "ran"]}), str(tmp_path)]
    assert subprocess.run(broken, cwd=tmp_path, check=False).returncode == 9
    assert not (tmp_path / "ran").exists()


def test_the_example_of_steps_is_one_the_settings_take() -> None:
    page = Path(__file__).parents[2] / "docs/steps.toml"
    chosen = StepsSettings(**tomllib.loads(page.read_text(encoding="utf-8"))["steps"])
    assert list(chosen.commands()) == list(STEPS)
    # What the real folders bring: they name no cluster.
    told = {"run_args": 'p --config a=["x","y"]', "clone_args": "-d {workdir_name} -t main", "export_uri": "s3://b/r/"}
    workset = replace(locked(slot=True), metadata=told)
    for template in (chosen.stage, chosen.export):
        argv = render(template, workset, run_token=1, run_folder="/r")
        assert argv[argv.index("--cluster") + 1] == "pool"
    assert render(chosen.run, workset, run_token=1, run_folder="/r")[-3:] == ["p", "--config", "a=[x,y]"]
    assert render(chosen.clone, workset, run_token=1, run_folder="/r") == ["day-clone", "-d", "w1", "-t", "main"]

"""The predecessor's configuration as wsmon.toml: what has a place, what has none, and commands that mean the same."""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.domain.build import locked
from tests.folder.test_folder import REAL
from wsmon.adapters.carrying import carry_over
from wsmon.adapters.workfile import parse_yaml
from wsmon.domain.errors import InvalidInput
from wsmon.domain.template import fill, render
from wsmon.settings import Settings

PIPELINE = {
    "workdir": "/fsx/worksets/",
    "stage_command": "bin/stage --profile {profile} --cluster {cluster} {analysis_samples}",
    "clone_command": "day-clone {clone_args}",
    "run_prefix": ". dyoinit && dy-r ",
    "export_command": "bin/export --to {target_uri} > {workdir_name} 2>&1",
}
HOSTILE = "s3://b/$(touch /tmp/never)'\"; x"


def settings(document: dict[str, Any]) -> tuple[Settings, tuple[str, ...]]:
    carried = carry_over(document)
    return Settings.model_validate(tomllib.loads(carried.toml)), carried.left


def test_its_commands_are_steps_that_are_given_the_same(tmp_path: Path) -> None:
    chosen, left = settings({"aws": {"profile": "p{1}"}, "pipeline": PIPELINE})
    assert left == ()
    assert (chosen.pool.local, chosen.parallelcluster.enabled) == (False, True)
    metadata = {"clone_args": "-d {workdir_name} -t 'the main'", "run_args": 'x a=["s"]', "export_uri": HOSTILE}
    workset = replace(locked(slot=True), metadata=metadata, prefix="a/b/")
    assert fill(chosen.steps.workdir, workset, run_token=1, run_folder="/r") == "/fsx/worksets/w1"
    (tmp_path / "dyoinit").write_text("")
    for program in ("bin/stage", "day-clone", "dy-r", "bin/export"):
        file = tmp_path / program
        file.parent.mkdir(exist_ok=True)
        file.write_text("#!/usr/bin/python3\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
        file.chmod(0o755)

    def told(step: str) -> Any:
        argv = render(chosen.steps.commands()[step], workset, run_token=1, run_folder="/r")
        environment = {**os.environ, "PATH": f"{tmp_path}:/usr/bin:/bin", "HOME": str(tmp_path)}
        argv[1] = "-c"  # a login shell would have its own PATH
        done = subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
        return json.loads(done.stdout or (tmp_path / "w1").read_text())

    assert told("stage") == ["--profile", "p{1}", "--cluster", "pool", "s3://bucket/a/b/stage_samples.tsv"]
    assert told("clone") == ["-d", "w1", "-t", "the main"]
    assert told("run") == ["x", "a=[s]"]
    assert told("export") == ["--to", HOSTILE]


@pytest.mark.parametrize(
    "command",
    ["bin/stage {unknown}", "bin/stage --to={cluster}", "bin/stage '{cluster}'", "x {clone_args} {clone_args}"],
)
def test_a_command_that_cannot_be_had_leaves_all_of_them(command: str) -> None:
    pipeline = {**PIPELINE, "stage_command": command}
    chosen, left = settings({"aws": {"region": "us-west-2"}, "pipeline": pipeline})
    assert chosen.steps.commands() == {}
    assert {line.partition(" = ")[0] for line in left} == {f"pipeline.{name}" for name in PIPELINE}
    assert f"pipeline.stage_command = {json.dumps(command)}" in left


def test_what_is_said_of_clusters() -> None:
    cluster = {"reuse_cluster_name": "c9", "idle_teardown_minutes": 20, "preferred_availability_zone": "us-west-2d"}
    chosen, left = settings({"cluster": {**cluster, "template_path": "x.yaml"}, "pipeline": {"ssh_user": "me"}})
    assert (chosen.parallelcluster.enabled, chosen.parallelcluster.names) == (True, ["c9"])
    assert chosen.parallelcluster.user == "me"
    assert (chosen.creation.enabled, chosen.creation.idle_seconds, chosen.creation.zone) == (False, 1200, "us-west-2d")
    assert left == ('cluster.template_path = "x.yaml"',)
    assert settings({"cluster": {"idle_teardown_minutes": "soon"}, "aws": {"region": "r"}})[1] == (
        'cluster.idle_teardown_minutes = "soon"',
    )
    with pytest.raises(InvalidInput):
        carry_over({"a": 1})


@pytest.mark.skipif(not REAL.exists(), reason="the real worksets stand beside the project only")
def test_the_real_ones_come_over_with_all_their_steps() -> None:
    for file in sorted(REAL.glob("*/daylily_info.yaml")):
        chosen, left = settings(dict(parse_yaml(file.name, file.read_bytes())))
        assert list(chosen.steps.commands()) == ["stage", "clone", "run", "export"]
        assert not [line for line in left if line.startswith("pipeline.")]

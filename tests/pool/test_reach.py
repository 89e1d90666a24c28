"""What `wsmon doctor` says of the bucket, the head nodes and AWS; `ssh` is one that stays on this machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.run import Cli
from tests.s3.conftest import Shelf
from tests.s3.conftest import shelf as shelf  # noqa: PLC0414  a fixture
from wsmon.adapters.parallelcluster import ParallelClusters
from wsmon.domain.pool import ClusterRecord
from wsmon.engine import open_engine
from wsmon.services.checking import Finding
from wsmon.settings import Settings
from wsmon.wiring_reach import reach

SSH = """#!/bin/sh
for last; do :; done
case "$*" in
*" away "*) echo "ssh: connect to host away port 22: No route to host" >&2; exit 255;;
*" strange "*) echo "Host key verification failed." >&2; exit 255;;
esac
exec sh -c "$last"
"""


def findings(tmp_path: Path, **tables: Any) -> dict[str, Finding]:
    store = {"url": f"sqlite:{tmp_path}/w.db", "region": "us-east-1"}
    opened = open_engine(Settings.model_validate({"store": store, **tables}))
    try:
        return {found.what: found for found in reach(opened)}
    finally:
        opened.close()


def test_nothing_named_is_nothing_asked(tmp_path: Path) -> None:
    assert findings(tmp_path) == {}


def test_head_nodes_are_asked_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, old = tmp_path / "bin/ssh", tmp_path / "bin/python2.7"
    program.parent.mkdir()
    program.write_text(SSH)
    old.write_text("#!/bin/sh\necho 2 7\n")
    for file in (program, old):
        file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    given = {
        "good": {"host": "here", "python": sys.executable},
        "old": {"host": "here", "python": "python2.7"},
        "none": {"host": "here", "python": "no-python"},
        "gone": {"host": "away"},
        "new": {"host": "strange"},
    }
    found = findings(tmp_path, clusters=given)
    assert list(found) == [f"cluster {name}" for name in given]
    assert [one.level for one in found.values()] == ["ok", "warn", "warn", "warn", "warn"]
    assert found["cluster good"].text.startswith("here answers, with Python 3.")
    assert found["cluster old"].text == "here has Python 2.7"
    assert found["cluster none"].text == "here has no no-python"
    assert "No route to host" in found["cluster gone"].text
    assert "host_key_checking" in found["cluster new"].advice


def test_a_bucket_and_its_rights(tmp_path: Path, shelf: Shelf) -> None:
    shelf.put("a/x")

    def told(**catalog: str) -> tuple[str, str]:
        found = findings(tmp_path, catalog={"endpoint_url": shelf.endpoint, **catalog})["bucket"]
        return found.level, found.text

    assert told(bucket=shelf.name, prefix="a") == ("ok", f"s3://{shelf.name}/a can be listed")
    assert told(bucket=shelf.name, prefix="b") == ("ok", f"s3://{shelf.name}/b can be listed, and is empty")
    assert told(bucket="not-there-at-all")[0] == "fail"


def test_aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ParallelClusters, "clusters", lambda *_: [ClusterRecord("pc1", 3, 5)])
    assert findings(tmp_path, parallelcluster={"enabled": True})["AWS"].text.endswith("clusters found: pc1")
    missing = findings(tmp_path, parallelcluster={"enabled": True, "names": ["pc1", "pc2"]})["AWS"]
    assert (missing.level, missing.text) == ("warn", "ParallelCluster has no pc2")

    def silent(source: ParallelClusters, _: int) -> list[ClusterRecord]:
        source.problem = "AWS did not answer (AccessDenied)"
        return []

    monkeypatch.setattr(ParallelClusters, "clusters", silent)
    denied = findings(tmp_path, parallelcluster={"enabled": True})["AWS"]
    assert (denied.level, denied.text) == ("fail", "ParallelCluster: AWS did not answer (AccessDenied)")


def test_doctor_says_it(cli: Cli) -> None:
    (cli.folder / "wsmon.toml").write_text('[clusters.c1]\nhost = "nowhere.invalid"\n')
    assert "warn  cluster c1   nowhere.invalid cannot be reached" in cli("doctor").stdout

"""What is committed, what is imported, and what the package promises about itself."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SLOW = {"boto3", "botocore", "textual", "fastapi", "uvicorn", "httpx", "pydantic_settings", "moto"}


def committed() -> list[Path]:
    """The files that are, or would be, committed."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    names = [name for name in listed.stdout.decode().split("\0") if name]
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def modules_after(code: str) -> set[str]:
    """The modules that a fresh process has loaded after `code`."""
    program = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a clone")
def test_nothing_committed_names_a_registry_or_a_path_of_a_machine() -> None:
    patterns = re.compile(
        rb"(?i)(index[-_]url|--find-links|pypi\.org/simple|files\.pythonhosted|registry\.npmjs|\"resolved\"\s*:)"
    )
    machine = os.fsencode(str(ROOT)) + b"/"
    for path in committed():
        text = path.read_bytes()
        if path != Path(__file__):
            assert not patterns.search(text), path
        assert machine not in text or len(machine) < 4, path
    assert not {"uv.lock", "poetry.lock", "package-lock.json"} & {path.name for path in committed()}


def test_ci_installs_every_program_that_a_test_needs() -> None:
    """Where CI has it by chance only, the next image makes the suite fail."""
    installed = set(re.findall(r"^need \S+ (\S+)$", (ROOT / ".ci/run").read_text(), re.MULTILINE))
    tests = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "tests").rglob("*.py")))
    needed = set(re.findall(r'\bneed\([^()"]*(?:"[^"]*", )?"([a-z0-9-]+)"\)', tests))
    assert {"openssh-server", "chromium", "slurm-wlm", "openssl"} <= needed <= installed, needed - installed


def test_the_library_loads_no_face_and_no_cloud() -> None:
    loaded = modules_after("import wsmon, wsmon.engine, wsmon.services.monitor, wsmon.services.commands")
    assert not loaded & (SLOW - {"pydantic_settings"})


def test_the_faces_for_programs_load_only_what_they_need() -> None:
    assert not modules_after("import wsmon.workset_state_db") & (SLOW - {"pydantic_settings"})
    assert not modules_after("import wsmon.workset_api") & {"boto3", "textual", "tui", "uvicorn", "moto"}


def test_a_headless_monitor_never_loads_textual(tmp_path: Path) -> None:
    config = tmp_path / "wsmon.toml"
    config.write_text('[monitor]\ncommand = ["true"]\n')
    store = f"sqlite:{tmp_path / 'w.db'}"
    code = (
        "from wsmon.cli.main import main\n"
        f"for args in (['init'], ['register', 'w', '--bucket', 'b', '--prefix', 'p'], ['monitor', '--once', '--config', {str(config)!r}]):\n"
        f"    try:\n        main(['--store', {store!r}, *args])\n"
        "    except SystemExit as ended:\n        assert ended.code == 0, args\n"
    )
    loaded = modules_after(code)
    assert "wsmon.services.monitor" in loaded
    assert not loaded & {"textual", "tui", "tui.app", "boto3", "fastapi"}


def test_every_dependency_is_pinned_and_explained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    named = list(project["project"]["dependencies"])
    for group in project["project"].get("optional-dependencies", {}).values():
        named += group
    for group in project["dependency-groups"].values():
        named += [entry for entry in group if isinstance(entry, str)]
    names = {re.split(r"[\[<>=~!; ]", entry)[0].lower() for entry in named}
    pinned = {
        line.partition("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if "==" in line
    }
    explained = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8").lower()
    for name in names:
        assert name.replace("_", "-") in pinned, f"{name} is not pinned in constraints.txt"
        assert f"| {name} |" in explained, f"{name} has no line in docs/dependencies.md"


def test_links_of_the_docs_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"

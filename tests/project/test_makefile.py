"""Setting up on a machine that lacks something is a sentence."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def set_up(folder: Path, python: str) -> subprocess.CompletedProcess[str]:
    """`make setup` in a copy of the project's skeleton, with this as its Python."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", "demo", f"PYTHON={python}"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def fake_python(folder: Path, script: str) -> str:
    path = folder / "python-fake"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ('case "$2" in *version_info*) exit 1;; esac; exit 0', "needs Python 3.11 or newer"),
        ('case "$2" in *ensurepip*) exit 1;; esac; exit 0', "apt install python3-venv"),
    ],
    ids=["old Python", "no venv"],
)
def test_what_is_missing_gets_a_sentence(tmp_path: Path, script: str, says: str) -> None:
    done = set_up(tmp_path, fake_python(tmp_path, script))
    assert done.returncode != 0
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_no_python_at_all(tmp_path: Path) -> None:
    assert "needs Python 3.11" in set_up(tmp_path, "/nonexistent/python3").stderr

"""The command line as a user meets it: a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests import warm


class Cli:
    """`wsmon` in a folder of its own."""

    def __init__(self, folder: Path, store: str | None = None) -> None:
        self.folder, self.store = folder, store
        self.env = {**os.environ, "HOME": str(folder), "COLUMNS": "200"}

    def __call__(
        self, *args: str, code: int | None = 0, stdin: bytes | None = None, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run a command and check its exit code; no traceback may reach a user."""
        where = ["--store", self.store] if self.store else []
        done = warm.run([*where, *args], env=self.env, folder=self.folder, stdin=stdin or b"", timeout=timeout)
        result = subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        )
        assert "Traceback" not in result.stdout + result.stderr
        assert "\x1b" not in result.stdout + result.stderr
        if code is not None:
            assert result.returncode == code, result
        return result

    def json(self, *args: str, code: int = 0) -> Any:
        """Run a reading command with --json: one line, one document, nothing else."""
        out = self(*args, "--json", code=code).stdout
        assert out.count("\n") == 1
        return json.loads(out)

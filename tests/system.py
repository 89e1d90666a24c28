"""Programs that come from the system's packages."""

from __future__ import annotations

import os
import shutil

import pytest


def need(program: str, package: str) -> str:
    """The program's path; skips, or fails in CI, naming the package where it is missing."""
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is not None:
        return found
    why = f"{program} is not installed; `apt-get install {package}` gets it"
    if os.environ.get("WSMON_REQUIRE_PEERS"):
        pytest.fail(f"{why} (WSMON_REQUIRE_PEERS is set)")
    pytest.skip(why)

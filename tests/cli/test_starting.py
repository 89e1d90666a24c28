"""What a short command loads is what it costs: `wsmon list` goes without everything that it does not need."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from wsmon.cli.quick import SECTIONS, quick_settings
from wsmon.settings import Settings, load_settings

HEAVY = {
    *(
        "asyncio",
        "boto3",
        "botocore",
        "fastapi",
        "httpx",
        "prometheus_client",
        "psutil",
        "pydantic",
        "pydantic_settings",
    ),
    *("rich", "structlog", "tenacity", "textual", "tui", "uvicorn", "yaml"),
}
OURS = {
    *(
        "wsmon.settings",
        "wsmon.domain.scheduling",
        "wsmon.domain.grouping",
        "wsmon.domain.messages",
        "wsmon.domain.metering",
    ),
    *("wsmon.domain.filters", "wsmon.services.scheduler", "wsmon.services.monitor", "wsmon.services.alarms"),
    *("wsmon.services.bulk", "wsmon.adapters.dynamo", "wsmon.adapters.runner", "wsmon.wiring", "wsmon.wiring_pool"),
}


def loaded_by(folder: Path, *args: str) -> set[str]:
    """The modules of a process that has run a command."""
    code = (
        "import json, sys\nfrom wsmon.cli.main import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit as ended:\n    assert ended.code == 0, ended.code\n"
        "sys.stderr.write(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *args], cwd=folder, env=os.environ, capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_a_listing_loads_neither_pydantic_nor_a_cloud_nor_a_scheduler(tmp_path: Path) -> None:
    store = ("--store", "sqlite:w.db")
    loaded_by(tmp_path, *store, "register", "w", "--bucket", "b", "--prefix", "p")
    loaded = loaded_by(tmp_path, *store, "list")
    assert not loaded & (HEAVY | OURS)
    assert len([name for name in loaded if name.startswith("wsmon")]) < 66


FILE = """
[store]
url = "dynamodb:from-the-file"
profile = "mine"
[monitor]
command = ["true"]
[retry]
max_attempts = 5
[channels.one]
type = "webhook"
url = "https://example.org"
"""


@pytest.mark.parametrize("file", ["", FILE])
@pytest.mark.parametrize("flags", [{}, {"store.url": "dynamodb:worksets", "store.profile": "p"}])
def test_the_short_way_is_the_long_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: str, flags: dict[str, Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    if file:
        (tmp_path / "wsmon.toml").write_text(file)
    else:
        monkeypatch.setenv("WSMON_STORE__URL", "dynamodb:other")
    quick, whole = quick_settings(None, flags), load_settings(None, flags).settings
    assert quick is not None
    for table in ("store", "retry", "tui"):
        for name, value in getattr(whole, table).model_dump().items():
            assert getattr(quick, table).__dict__[name] == value, (table, name)
    assert quick.monitor == whole.monitor  # whatever else is asked is the models' own
    assert set(Settings.model_fields) == SECTIONS
    with pytest.raises(AttributeError):
        _ = quick.store.no_such_name


@pytest.mark.parametrize(
    ("flags", "variable", "file"),
    [
        ({"store.url": "sqlite:~nobody/w.db"}, None, ""),
        ({"store.url": "mysql:w"}, None, ""),
        ({"store.url": "dynamodb:a"}, None, ""),
        ({"store.region": "a\0b"}, None, ""),
        ({"monitor.poll_seconds": 1}, None, ""),
        ({}, "WSMON_TUI__READ_ONLY", ""),
        ({}, "wsmon_store__url", ""),
        ({}, "WSMON_STORE__URLL", ""),
        ({}, None, "[tui]\nread_only = true"),
        ({}, None, "[stor]\nurl = 'sqlite:w.db'"),
        ({}, None, "[store]\nread_only = ['prod-*']"),
        ({}, None, "[retry]\nmax_attempts = 0"),
        ({}, None, "[retry]\nmax_attempts = true"),
        ({}, None, "[monitor"),
        ({}, None, "monitor = 3"),
    ],
)
def test_whatever_is_not_plain_goes_the_long_way(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, flags: dict[str, Any], variable: str | None, file: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if variable is not None:
        monkeypatch.setenv(variable, "true")
    (tmp_path / "wsmon.toml").write_text(file)
    assert quick_settings(None, flags) is None
    assert quick_settings(tmp_path / "none.toml", {}) is None


def test_a_listing_with_a_settings_file_is_as_short(tmp_path: Path) -> None:
    (tmp_path / "wsmon.toml").write_text(
        FILE.replace("dynamodb:from-the-file", "sqlite:./w.db").replace("profile", "region")
    )
    loaded_by(tmp_path, "register", "w", "--bucket", "b", "--prefix", "p")
    assert not loaded_by(tmp_path, "list") & (HEAVY | OURS)

"""What a short command loads is what it costs: `wsmon list` goes without everything that it does not need."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from wsmon.cli.quick import quick_settings
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


def test_the_short_way_is_the_long_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WSMON_STORE__URL", "dynamodb:other")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    flags = {"store.url": "dynamodb:worksets", "store.profile": "p"}
    quick, whole = quick_settings(flags), load_settings(None, flags).settings
    assert quick is not None
    for table in ("store", "retry", "tui"):
        for name, value in getattr(whole, table).model_dump().items():
            assert getattr(quick, table).__dict__[name] == value, (table, name)
    assert quick.monitor == Settings().monitor  # whatever else is asked is the models' own
    with pytest.raises(AttributeError):
        _ = quick.store.no_such_name


@pytest.mark.parametrize(
    ("flags", "variable"),
    [
        ({"store.url": "sqlite:~nobody/w.db"}, None),
        ({"store.url": "mysql:w"}, None),
        ({"store.url": "dynamodb:a"}, None),
        ({"store.region": "a\0b"}, None),
        ({"monitor.poll_seconds": 1}, None),
        ({}, "WSMON_TUI__READ_ONLY"),
        ({}, "wsmon_store__url"),
        ({}, "WSMON_STORE__URLL"),
    ],
)
def test_whatever_is_not_plain_goes_the_long_way(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, flags: dict[str, Any], variable: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    if variable is not None:
        monkeypatch.setenv(variable, "true")
    assert quick_settings(flags) is None


def test_a_settings_file_goes_the_long_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert quick_settings({}) is not None
    (tmp_path / "wsmon.toml").write_text("[tui]\nread_only = true\n")
    assert quick_settings({}) is None

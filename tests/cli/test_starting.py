"""What a short command loads is what it costs: `wsmon list` goes without everything that it does not need."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from wsmon.cli.main import main
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


def test_the_store_on_dynamodb_does_without_boto3() -> None:
    code = "import sys, wsmon.adapters.dynamo; sys.exit('boto3' in sys.modules or 's3transfer' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


FILE = """
[store]
url = "dynamodb:from-the-file"
profile = "mine"
read_only = ["prod-*", "123456789012"]
production = ["prod-*"]
[monitor]
command = ["true"]
[retry]
max_attempts = 5
[scheduler]
max_wait_seconds = 3600
cost_order = true
daily_budget_usd = 250.5
[alerts]
monitor_silent_seconds = 120
group_wait_seconds = 5
[tui]
read_only = true
armed_seconds = 60
refresh_seconds = 2.5
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
    for name in ("rules", "monitor_silent_seconds"):
        assert quick.alerts.__dict__[name] == getattr(whole.alerts, name)
    assert quick.creation.__dict__["enabled"] == whole.creation.enabled
    assert quick.monitor.__dict__["skew_seconds"] == whole.monitor.skew_seconds
    assert quick.scheduler.__dict__["policy"]() == whole.scheduler.policy()
    assert quick.monitor.command == whole.monitor.command  # whatever else is asked is the models' own
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
        ({}, "WSMON_TUI__REFRESH_SECONDS", ""),
        ({}, "WSMON_STORE", ""),
        ({}, "wsmon_tui", ""),
        ({}, "WSMON_stores__url", ""),
        ({}, "WSMON_STORE__READ_ONLY", ""),
        ({}, "wsmon_store__url", ""),
        ({}, "WSMON_STORE__URLL", ""),
        ({}, None, "[tui]\nread_only = 'yes'"),
        ({}, None, "[tui]\nread_onli = true"),
        ({}, None, "[tui]\narmed_seconds = 0.0"),
        ({}, None, "[tui]\narmed_seconds = inf"),
        ({}, None, "[tui]\narmed_seconds = 3e7"),
        ({}, None, "[stor]\nurl = 'sqlite:w.db'"),
        ({}, None, "[store]\nread_only = 'prod-*'"),
        ({}, None, "[store]\nread_only = ['prod-*', 3]"),
        ({}, None, '[store]\nproduction = ["\\u0000"]'),
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


@pytest.mark.parametrize(("text", "writable"), [("true", False), ("false", True), ("1", False), ("off", True)])
def test_the_environment_may_say_read_only_and_where(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, writable: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WSMON_TUI__READ_ONLY", text)
    monkeypatch.setenv("WSMON_STORE__URL", "dynamodb:worksets")
    monkeypatch.setenv("WSMON_STORE__REGION", "eu-west-1")
    quick, whole = quick_settings(None, {}), load_settings(None, {}).settings
    assert whole.tui.read_only is not writable
    assert (quick is not None) is (text in {"true", "false"})  # what else may mean it is the models' to say
    if quick is not None:
        assert (quick.tui.read_only, quick.store.url, quick.store.region) == (
            whole.tui.read_only,
            whole.store.url,
            whole.store.region,
        )


ENVIRONMENT = {
    "STORE__URL": "sqlite:./w.db",
    "STORE__PRODUCTION": '["prod-*"]',
    "RETRY__MAX_ATTEMPTS": "7",
    "TUI__ARMED_SECONDS": "2.5",
    "TUI__BELL": "false",
    "MONITOR__SKEW_SECONDS": "5",
    "MONITOR__COMMAND": '["x"]',
    "CHANNELS__OPS": '{"type": "webhook", "url": "https://example.org"}',
    "API__PORT": "9",
    "WORKSET_ID": "a run's own is no setting",
}


def test_a_container_s_environment_is_as_short_and_says_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where everything is said by variables, as in a container: the same settings, and no pydantic for a listing."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wsmon.toml").write_text("[retry]\nmax_attempts = 2\nmax_expiries = 4\n[tui]\nmouse = false\n")
    for name, text in ENVIRONMENT.items():
        monkeypatch.setenv(f"WSMON_{name}", text)
    quick, whole = quick_settings(None, {}), load_settings(None, {}).settings
    assert quick is not None
    for table in ("store", "retry", "tui"):
        for name, value in getattr(whole, table).model_dump().items():
            assert getattr(quick, table).__dict__[name] == value, (table, name)
    assert quick.monitor.__dict__["skew_seconds"] == whole.monitor.skew_seconds == 5
    assert (list(quick.monitor.command), quick.api.port, list(quick.channels)) == (["x"], 9, ["ops"])
    loaded_by(tmp_path, "register", "w", "--bucket", "b", "--prefix", "p")
    assert not loaded_by(tmp_path, "list") & (HEAVY | OURS)


def test_a_table_that_one_variable_says_is_no_less_obeyed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`WSMON_TUI={"read_only": true}` is what `wsmon config` shows, so it is what every command does."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WSMON_TUI", '{"read_only": true}')
    monkeypatch.setenv("WSMON_STORE", '{"url": "sqlite:./w.db"}')
    with pytest.raises(SystemExit) as ended:
        main(["register", "w", "--bucket", "b", "--prefix", "p"])
    assert ended.value.code == 6
    monkeypatch.delenv("WSMON_TUI")
    with pytest.raises(SystemExit) as ended:
        main(["register", "w", "--bucket", "b", "--prefix", "p"])
    assert ended.value.code == 0
    assert (tmp_path / "w.db").exists()


@pytest.mark.parametrize(
    ("text", "table", "name"),
    [
        ("[monitor]\nskew_seconds = 'x'", "monitor", "skew_seconds"),
        ("[monitor]\nskew_seconds = -1", "monitor", "skew_seconds"),
        ("[monitor]\nskew_seconds = true", "monitor", "skew_seconds"),
        ("[scheduler]\nmax_wait_seconds = -5", "scheduler", "policy"),
        ("[scheduler]\ncost_order = 1", "scheduler", "policy"),
        ("[scheduler]\nmax_wait = 5", "scheduler", "policy"),
        ("[creation]\nenabled = 'yes'", "creation", "enabled"),
        ("[alerts]\nmonitor_silent_seconds = 0", "alerts", "monitor_silent_seconds"),
        ("[alerts.rules.error]\nseverity = 'info'", "alerts", "rules"),
    ],
)
def test_what_the_models_have_to_say_is_asked_of_them(tmp_path: Path, text: str, table: str, name: str) -> None:
    (tmp_path / "wsmon.toml").write_text(text)
    quick = quick_settings(tmp_path / "wsmon.toml", {})
    assert quick is not None
    assert name not in getattr(quick, table).__dict__


@pytest.mark.parametrize(
    "command", [("next",), ("alerts",), ("silences",), ("plan",), ("why", "w"), ("show", "w"), ("report",)]
)
def test_what_only_reads_goes_without_pydantic(tmp_path: Path, command: tuple[str, ...]) -> None:
    loaded_by(tmp_path, "--store", "sqlite:w.db", "register", "w", "--bucket", "b", "--prefix", "p")
    (tmp_path / "wsmon.toml").write_text(
        '[store]\nurl = "sqlite:./w.db"\n[tui]\nread_only = true\n[monitor]\nskew_seconds = 5\ncommand = ["x"]\n'
        "[scheduler]\ndaily_budget_usd = 100\n[alerts]\nbacklog = 5\n[channels.ops]\ntype = 'slack'\nurl = 'https://x.example'\n"
    )
    assert not loaded_by(tmp_path, *command) & {"pydantic", "pydantic_settings", "boto3", "asyncio"}


def test_a_listing_with_a_settings_file_is_as_short(tmp_path: Path) -> None:
    text = FILE.replace("dynamodb:from-the-file", "sqlite:./w.db").replace("profile", "region")
    (tmp_path / "wsmon.toml").write_text(text.replace("[tui]\nread_only = true", "[tui]\nread_only = false"))
    loaded_by(tmp_path, "register", "w", "--bucket", "b", "--prefix", "p")
    (tmp_path / "wsmon.toml").write_text(text)
    assert not loaded_by(tmp_path, "list") & (HEAVY | OURS)

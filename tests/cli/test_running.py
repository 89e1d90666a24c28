"""monitor, doctor, config and the imports, as processes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.run import Cli
from tests.waiting import wait_for

CONFIG = """
[monitor]
command = ["sh", "-c", "{script}", "-", "{{workset_id}}"]
poll_seconds = 0.2
"""


def configure(cli: Cli, script: str, more: str = "") -> None:
    (cli.folder / "wsmon.toml").write_text(CONFIG.format(script=script) + more)


def states(cli: Cli) -> dict[str, str]:
    return {row["workset_id"]: row["state"] for row in cli.json("list")}


def test_monitor_once(any_cli: Cli) -> None:
    any_cli("init")
    for name in ("a", "b", "c"):
        any_cli("register", name, "--bucket", "b", "--prefix", "p")
    configure(any_cli, "echo ran $1", "max_concurrent = 2\n")
    preview = any_cli.json("monitor", "--dry-run")
    assert [row["workset_id"] for row in preview] == ["a", "b"]
    assert set(states(any_cli).values()) == {"ready"}
    done = any_cli("monitor", "--once", "--owner-id", "mon", "--log-format", "json")
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert {event["event"] for event in events} - {"relay duty taken"} == {"started", "complete"}
    assert done.stdout == ""
    assert states(any_cli) == {"a": "complete", "b": "complete", "c": "ready"}
    assert any_cli.json("history", "a")[-1]["actor"] == "mon"


def test_monitor_needs_a_command(cli: Cli) -> None:
    assert "command" in cli("monitor", "--once", code=2).stderr


def test_steps_alone_are_a_command(cli: Cli) -> None:
    cli("register", "a", "--bucket", "b", "--prefix", "p")
    steps = 'stage = ["true"]\nrun = ["sh", "-c", "sleep 1; echo ran $1", "-", "{workset_id}"]\n'
    (cli.folder / "wsmon.toml").write_text(f"[steps]\n{steps}")
    (told,) = (one for one in cli.json("doctor") if one["what"] == "command")
    assert (told["level"], told["text"]) == ("ok", "steps stage, run")
    cli("monitor", "--once")
    assert states(cli) == {"a": "complete"}
    assert cli("logs", "a").stdout == "ran a\n"
    assert "step run" in cli("history", "a").stdout
    (cli.folder / "wsmon.toml").write_text('[steps]\nrun = ["no-such-program", "{workset_id}"]\n')
    assert "no program 'no-such-program' here" in cli("doctor").stdout
    cli.env["WSMON_POOL__LOCAL"] = "false"
    assert "no-such-program" not in cli("doctor").stdout, "nothing would run here"


def test_a_monitor_of_no_name_is_refused(cli: Cli) -> None:
    configure(cli, "true")
    assert "owner id '' is empty" in cli("monitor", "--once", "--owner-id", "", code=2).stderr
    cli.env["WSMON_POOL__NAME"] = ""
    assert "cluster '' is empty" in cli("monitor", "--dry-run", code=2).stderr


def test_read_only_binds_the_monitor_and_makes_no_store(cli: Cli) -> None:
    configure(cli, "touch ran")
    missing = f"sqlite:{cli.folder}/new.db"
    cli("--read-only", "--store", missing, "init", code=6)
    assert "no store" in cli("--read-only", "--store", missing, "list", code=1).stderr
    assert not (cli.folder / "new.db").exists()
    cli("register", "a", "--bucket", "b", "--prefix", "p")
    assert "read-only" in cli("--read-only", "monitor", "--once", code=6).stderr
    cli.env["WSMON_TUI__READ_ONLY"] = "true"
    cli("monitor", "--once", code=6)
    assert [row["workset_id"] for row in cli.json("monitor", "--dry-run")] == ["a"]
    assert states(cli) == {"a": "ready"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_leaves_runs_adoptable(cli: Cli, number: signal.Signals) -> None:
    cli("register", "a", "--bucket", "b", "--prefix", "p")
    configure(cli, "sleep 2")
    process = subprocess.Popen(
        [sys.executable, "-m", "wsmon", "monitor"], env=cli.env, cwd=cli.folder, stderr=subprocess.PIPE
    )
    wait_for(lambda: states(cli)["a"] == "in_progress")
    process.send_signal(number)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 0, err
    assert b"Traceback" not in err
    shown = cli.json("show", "a")
    assert (shown["state"], shown["owner"], shown["lock"]) == ("in_progress", None, None)
    cli("monitor", "--once")
    assert states(cli) == {"a": "complete"}


def test_the_second_signal_ends_at_once(cli: Cli) -> None:
    cli("register", "a", "--bucket", "b", "--prefix", "p")
    configure(cli, "sleep 30", 'on_stop = "wait"\n')
    process = subprocess.Popen([sys.executable, "-m", "wsmon", "monitor"], env=cli.env, cwd=cli.folder)
    wait_for(lambda: states(cli)["a"] == "in_progress")
    process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0
    cli("cancel", "a", "--yes")
    cli("unlock", "a", "--force", "--reason", "test")
    (cli.folder / "wsmon.toml").write_text((cli.folder / "wsmon.toml").read_text() + "stop_grace_seconds = 0.2\n")
    cli("monitor", "--once")
    assert states(cli) == {"a": "ignored"}


class TestDoctor:
    def test_healthy(self, any_cli: Cli) -> None:
        any_cli("init")
        any_cli("register", "a", "--bucket", "b", "--prefix", "p")
        findings = {f["what"]: f for f in any_cli.json("doctor")}
        assert findings["store"]["level"] == findings["counts"]["level"] == "ok"
        assert findings["monitors"]["level"] == "warn"
        if any_cli.store:
            assert findings["clock"]["level"] in {"ok", "warn"}

    def test_no_table(self, any_cli: Cli) -> None:
        if any_cli.store is None:
            any_cli.store = "sqlite:/proc/none/wsmon.db"
        done = any_cli("doctor", code=1)
        assert "fail  store" in done.stdout
        assert "wsmon init" in done.stdout

    def test_an_endpoint_that_is_away(self, cli: Cli) -> None:
        where = ("--store", "dynamodb:worksets", "--endpoint-url", "http://127.0.0.1:9", "--region", "us-east-1")
        assert "does not answer" in cli("doctor", *where, code=1).stdout

    def test_a_run_root_that_cannot_be_used(self, cli: Cli) -> None:
        (cli.folder / "file").write_text("")
        cli.env["WSMON_MONITOR__RUN_ROOT"] = str(cli.folder / "file" / "runs")
        assert "fail  run root" in cli("doctor", code=1).stdout


class TestConfig:
    def test_each_value_says_where_it_came_from(self, cli: Cli) -> None:
        configure(cli, "true")
        cli.env |= {"WSMON_RETRY__MAX_ATTEMPTS": "7", "AWS_REGION": "eu-west-1"}
        values = cli.json("config", "--store", "sqlite:x.db")
        assert values["monitor.poll_seconds"] == {"value": 0.2, "source": "wsmon.toml"}
        assert values["retry.max_attempts"] == {"value": 7, "source": "WSMON_RETRY__MAX_ATTEMPTS"}
        assert values["store.region"] == {"value": "eu-west-1", "source": "AWS_REGION"}
        assert values["store.url"] == {"value": "sqlite:x.db", "source": "flag"}
        assert values["retry.base_seconds"] == {"value": 30.0, "source": "default"}

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("[monitor]\npol_seconds = 3", "did you mean monitor.poll_seconds"),
            ("[monitr]\nx = 3", "did you mean monitor"),
            ("[monitor]\npoll_seconds = 0", "monitor.poll_seconds in wsmon.toml"),
            ("[monitor]\nlease_seconds = 10\nrenew_seconds = 6", "twice"),
            ('[monitor]\ncommand = ["{nope}"]', "nope"),
            ('[monitor]\ncommand = "sh"', "monitor.command"),
            ("[monitor", "cannot be read"),
            ("monitor = 3", "monitor"),
        ],
    )
    def test_a_bad_file_is_named_with_its_key(self, cli: Cli, text: str, said: str) -> None:
        (cli.folder / "wsmon.toml").write_text(text)
        error = cli("config", code=2).stderr
        assert said in error
        assert "wsmon.toml" in error

    @pytest.mark.parametrize(
        ("name", "value", "said"),
        [
            ("WSMON_MONITOR__POL", "3", "WSMON_MONITOR__POL"),
            ("WSMON_MONITOR__COMMAND", "not json", "JSON"),
            ("WSMON_RETRY__MAX_ATTEMPTS", "-1", "WSMON_RETRY__MAX_ATTEMPTS"),
        ],
    )
    def test_a_bad_variable_is_named(self, cli: Cli, name: str, value: str, said: str) -> None:
        cli.env[name] = value
        assert said in cli("config", code=2).stderr

    def test_a_missing_file(self, cli: Cli) -> None:
        assert "does not exist" in cli("config", "--config", "none.toml", code=2).stderr


def test_an_unexpected_error_is_a_sentence_with_a_report(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import wsmon.services.commands as c\n"
        "def broken(self, workset_id): raise RuntimeError('boom')\n"
        "c.Commands.get = broken\n"
    )
    cli.env |= {"PYTHONPATH": str(tmp_path), "TMPDIR": str(tmp_path)}
    error = cli("show", "a", code=1).stderr
    assert "unexpected error (RuntimeError)" in error
    report = Path(error.rsplit(" ", 1)[1].strip())
    assert "boom" in report.read_text()

"""Alerts, acknowledgements and silences from a shell."""

from __future__ import annotations

import asyncio
import csv
import io
import re

import httpx
import pytest

from tests.cli.run import Cli
from tests.services.world import SilentLog
from wsmon.api.serving import Serving, application
from wsmon.domain.states import ErrorCategory
from wsmon.engine import open_engine
from wsmon.settings import load_settings


def broken(cli: Cli, name: str) -> None:
    """A workset in error, made by a monitor whose command finds the data bad."""
    (cli.folder / "wsmon.toml").write_text('[monitor]\ncommand = ["sh", "-c", "exit 65"]\n')
    cli("register", name, "--bucket", "b", "--prefix", "p")
    cli("monitor", "--once")


def test_an_alert_is_listed_taken_on_and_silenced(any_cli: Cli) -> None:
    cli = any_cli
    cli("init")
    assert cli.json("alerts") == []
    broken(cli, "w1")
    (alert,) = cli.json("alerts")
    assert (alert["fingerprint"], alert["status"], alert["silenced"]) == ("error/w1", "firing", False)
    assert "acknowledged" in cli("ack", "w1", "--reason", "on it").stdout
    (alert,) = cli.json("alerts")
    assert (alert["status"], alert["reason"]) == ("acknowledged", "on it")
    cli("silence", "workset=w*", "kind=error", "--for", "4h", "--reason", "known")
    (silence,) = cli.json("silences")
    assert silence["matchers"] == {"workset": "w*", "kind": "error"}
    assert cli.json("alerts")[0]["silenced"] is True
    assert "error/w1" in cli("alerts").stdout
    cli("silence", "--end", silence["silence_id"])
    assert cli.json("silences") == []
    cli("requeue", "w1", "--reason", "mended")
    assert cli.json("alerts") == []


@pytest.mark.parametrize(("rule", "shown"), [("severity = 'critical'", ["critical"]), ("enabled = false", [])])
def test_a_rule_of_the_settings_holds_for_the_shell_and_over_rest(cli: Cli, rule: str, shown: list[str]) -> None:
    config = cli.folder / "wsmon.toml"
    config.write_text(f"[store]\nurl = 'sqlite:{cli.folder / 'w.db'}'\n[alerts.rules.error]\n{rule}\n")
    cli = Cli(cli.folder)
    cli("register", "w1", "--bucket", "b", "--prefix", "p")
    engine = open_engine(load_settings(config).settings)
    lease = engine.commands.acquire("w1", holder="m", seconds=60)
    engine.commands.fail("w1", token=lease.token, category=ErrorCategory.DATA, details="bad")
    assert [alert["severity"] for alert in cli.json("alerts")] == shown
    app = application(engine, Serving("127.0.0.1", 0), SilentLog())

    async def ask(*paths: str) -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            return [await client.get(path) for path in paths]

    alerts, figures = asyncio.run(ask("/alerts", "/metrics"))
    assert [alert["severity"] for alert in alerts.json()] == shown
    critical = "1.0" if shown else "0.0"
    assert f'wsmon_alerts_firing{{severity="critical"}} {critical}' in figures.text
    engine.close()


def test_mistakes_are_named_and_nothing_is_done(cli: Cli) -> None:
    assert "wsmon alerts" in cli("ack", "nothing", code=3).stderr
    assert "FIELD=PATTERN" in cli("silence", "w*", "--for", "1h", "--reason", "r", code=2).stderr
    assert "colour" in cli("silence", "colour=red", "--for", "1h", "--reason", "r", code=2).stderr
    assert "4h" in cli("silence", "kind=error", "--for", "soon", "--reason", "r", code=2).stderr
    assert "reason" in cli("silence", "kind=error", "--for", "1h", code=2).stderr
    assert "wsmon silences" in cli("silence", "--end", "x", code=3).stderr
    assert cli.json("silences") == []


def test_a_report_is_a_document_a_table_and_lines(any_cli: Cli) -> None:
    cli = any_cli
    cli("init")
    broken(cli, "w1")
    found = cli.json("report", "--since", "1h")
    assert (found["registered"], found["failed"], found["failures_by_category"]) == (1, 1, {"data": 1})
    lines = cli("report", "--csv").stdout.splitlines()
    assert lines[0].startswith("by,name,registered,completed,failed")
    assert lines[1].startswith("all,,1,0,1,0")
    text = cli("report").stdout
    assert "failures_by_category" in text
    assert re.search(r"^priority\tnormal\t\d", text, re.MULTILINE)
    assert "worksets" not in found
    by_id = cli.json("report", "--by", "workset")
    assert "priorities" not in by_id
    assert by_id["worksets"]["w1"]["failed"] == 1
    assert "4h" in cli("report", "--since", "soon", code=2).stderr
    assert "hundred years" in cli("report", "--since", "99999999999d", code=2).stderr


def test_a_report_by_workset_holds_no_formula(cli: Cli) -> None:
    names = ["=1+1", "+1", "-1", "@SUM(A1)", 'a,"b"']
    for name in names:
        cli("register", "--bucket", "b", "--prefix", "p", "--", name)
    lines = list(csv.DictReader(io.StringIO(cli("report", "--by", "workset", "--csv").stdout)))
    shown = {line["name"] for line in lines if line["by"] == "workset"}
    assert shown == {"'=1+1", "'+1", "'-1", "'@SUM(A1)", 'a,"b"'}

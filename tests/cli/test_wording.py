"""What goes wrong is said in words of wsmon's own, with what would do."""

from __future__ import annotations

import json
import subprocess
import sys

from tests import peers
from tests.cli.run import Cli
from tests.waiting import wait_for


def test_a_prefix_is_asked_for_and_may_be_the_whole_bucket(cli: Cli) -> None:
    assert "--prefix" in cli("register", "a", "--bucket", "b", code=2).stderr
    cli("register", "a", "--bucket", "b", "--prefix", "")
    assert cli.json("show", "a")["prefix"] == ""


WRONG: list[tuple[dict[str, object], str]] = [
    ({"prioritee": "low"}, "unknown field 'prioritee'; did you mean priority?"),
    ({"zzz": 1}, "unknown field 'zzz'; known are workset_id"),
    ({"bucket": None}, "bucket must be a text, not None"),
    ({"metadata": [1]}, "metadata must be a JSON object, not [1]"),
]


def test_what_is_wrong_with_a_line(cli: Cli) -> None:
    whole = {"workset_id": "w", "bucket": "b", "prefix": "p"}
    lines = [json.dumps({**whole, **more}) for more, _ in WRONG] + ['{"workset_id": "w"}']
    told = cli("register", "--file", "-", stdin="\n".join(lines).encode(), code=1).stderr.splitlines()
    for number, (_, said) in enumerate(WRONG, 1):
        assert f"line {number}: {said}" in told[number - 1]
    assert told[-1] == "line 5: bucket is missing; prefix is missing"


def test_numbers_history_and_the_demos_store(cli: Cli) -> None:
    assert "'foo' is no number of seconds" in cli("monitor", "--poll", "foo", code=2).stderr
    assert (
        "temporary store of its own and takes no --store"
        in cli("demo", "--headless", "--store", "sqlite:x.db", code=2).stderr
    )
    cli.env["WSMON_MONITOR__COMMAND"] = '["{metadata.dy-r}"]'
    cli.env["WSMON_RETRY__MAX_ATTEMPTS"] = "1"
    cli("register", "a", "--bucket", "b", "--prefix", "p", "--metadata", '{"run_args": "-p x", "samples": 3}')
    cli("monitor", "--once")
    table = cli("history", "a").stdout
    assert "configuration: the command needs metadata.dy-r, which the workset does not have" in table
    assert "its metadata has run_args, samples" in table


def test_looking_makes_nothing(cli: Cli) -> None:
    cli.store = f"sqlite:{cli.folder / 'none' / 'x.db'}"
    for command in (["list"], ["show", "a"], ["requeue", "a", "--reason", "x"]):
        assert "there is no store at" in cli(*command, code=5).stderr
    assert [one["what"] for one in cli.json("doctor", code=1)] == ["store"]
    cli.store = f"sqlite:{cli.folder / 'x.db'}"
    assert cli.json("list") == []
    assert cli.json("next") is None
    assert "there is no store at" in cli("show", "a", code=3).stderr
    cli.store = None
    assert cli.json("list") == []
    left = {path.name for path in cli.folder.rglob("*") if path.suffix in {".db", ".runs"} or path.name == "none"}
    assert left == set()


def test_two_monitors_of_one_name(cli: Cli) -> None:
    cli.env |= {"WSMON_MONITOR__COMMAND": '["true"]', "WSMON_MONITOR__POLL_SECONDS": "0.2"}
    first = [sys.executable, "-m", "wsmon", "monitor", "--owner-id", "twin"]
    process = subprocess.Popen(first, env=cli.env, cwd=cli.folder, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: "1 alive" in cli("doctor", code=None).stdout)
        assert f"pid {process.pid}" in cli("monitor", "--once", "--owner-id", "twin", code=4).stderr
    finally:
        process.kill()
        process.wait()
    cli("monitor", "--once", "--owner-id", "twin")


class TestDynamo:
    def cli(self, cli: Cli, table: str) -> Cli:
        cli.store = f"dynamodb:{table}"
        cli.env |= {"AWS_ENDPOINT_URL": peers.url("dynoxide"), "AWS_REGION": "us-east-1"}
        return cli

    def test_a_predecessors_table_is_named_by_every_command(self, cli: Cli) -> None:
        import boto3

        table = peers.new_table()
        client = boto3.client("dynamodb", endpoint_url=peers.url("dynoxide"), region_name="us-east-1")
        client.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "workset_id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "workset_id", "AttributeType": "S"}],
        )
        old = self.cli(cli, table)
        for command in (["list"], ["register", "x", "--bucket", "b", "--prefix", "p"]):
            said = old(*command, code=1).stderr
            assert "predecessor's shape" in said, command
            assert f"wsmon import table --from {table}" in said
        findings = {one["what"]: one for one in old.json("doctor", code=1)}
        assert "wsmon import table" in findings["store"]["advice"]
        assert findings["counts"]["text"].startswith("not checked")

    def test_a_table_name_that_is_none(self, cli: Cli) -> None:
        assert "3 to 255" in self.cli(cli, "ab")("list", code=2).stderr


class TestDoctor:
    def findings(self, cli: Cli, *arguments: str) -> dict[str, dict[str, str]]:
        return {one["what"]: one for one in json.loads(cli("doctor", "--json", *arguments, code=None).stdout)}

    def test_broken_settings_are_a_finding(self, cli: Cli) -> None:
        (cli.folder / "wsmon.toml").write_text("[monitor]\npol_seconds = 3\n")
        (one,) = cli.json("doctor", code=1)
        assert (one["what"], one["level"]) == ("settings", "fail")
        assert "pol_seconds" in one["text"]

    def test_no_command_and_a_program_that_is_not_there(self, cli: Cli) -> None:
        assert "would not start" in self.findings(cli)["command"]["text"]
        cli.env["WSMON_MONITOR__COMMAND"] = '["no-such-pipeline"]'
        assert "no program 'no-such-pipeline'" in self.findings(cli)["command"]["text"]

    def test_it_makes_no_run_root(self, cli: Cli) -> None:
        cli.env["WSMON_MONITOR__RUN_ROOT"] = str(cli.folder / "runs" / "here")
        assert self.findings(cli)["run root"]["level"] == "ok"
        assert not (cli.folder / "runs").exists()

    def test_an_endpoint_that_is_away_is_not_advised_to_be_made(self, cli: Cli) -> None:
        found = self.findings(
            cli, "--store", "dynamodb:worksets", "--endpoint-url", "http://127.0.0.1:9", "--region", "us-east-1"
        )
        assert found["store"]["advice"] == found["credentials"]["advice"] == "check network and endpoint"
        for what in ("clock", "monitors", "locks", "counts"):
            assert found[what]["text"].startswith("not checked"), what

    def test_a_missing_region_is_what_is_advised(self, cli: Cli) -> None:
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
            cli.env.pop(name, None)
        cli.env["AWS_CONFIG_FILE"] = str(cli.folder / "none")
        assert "--region" in self.findings(cli, "--store", "dynamodb:worksets")["store"]["advice"]

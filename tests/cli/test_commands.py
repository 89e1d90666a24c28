"""Every command: what it does, what it says, and how it exits."""

from __future__ import annotations

import json

import pytest

from tests.cli.run import Cli


def test_a_day_of_an_operator(any_cli: Cli) -> None:
    cli = any_cli
    cli("init")
    cli("init")
    cli("register", "ws-1", "--bucket", "b", "--prefix", "p/1", "--priority", "urgent", "--metadata", '{"n": 1.0}')
    cli("register", "ws-2", "--bucket", "b", "--prefix", "p/2")
    assert cli.json("next")["workset_id"] == "ws-1"
    assert [row["workset_id"] for row in cli.json("list")] == ["ws-1", "ws-2"]
    assert [row["workset_id"] for row in cli.json("list", "--priority", "normal")] == ["ws-2"]
    lease = json.loads(cli("lock", "ws-1", "--owner", "me", "--seconds", "600", "--json").stdout)
    assert (lease["owner"], lease["token"], lease["seconds"]) == ("me", 1, 600.0)
    assert cli.json("show", "ws-1")["lock"]["owner"] == "me"
    cli("lock", "ws-1", "--owner", "you", code=4)
    cli("unlock", "ws-1", "--owner", "you", code=6)
    cli("unlock", "ws-1", "--owner", "me")
    cli("lock", "ws-1", "--owner", "me")
    assert "--reason" in cli("unlock", "ws-1", "--force", code=2).stderr
    cli("unlock", "ws-1", "--force", "--reason", "gone")
    cli("ignore", "ws-1", "--reason", "no")
    cli("requeue", "ws-1", code=2)
    cli("requeue", "ws-1", "--reason", "yes")
    cli("priority", "ws-1", "low")
    cli("cancel", "ws-1", code=1)
    cli("ignore", "ws-1")
    for verb in ("archive", "restore"):
        cli(verb, "ws-1")
    for verb in ("delete", "purge"):
        assert "--yes" in cli(verb, "ws-1", code=1).stderr
        cli(verb, "ws-1", "--yes")
    verbs = [event["verb"] for event in cli.json("history", "ws-1")]
    assert verbs == [
        "register",
        *("acquire", "release", "acquire", "unlock"),
        *("ignore", "requeue", "set_priority", "ignore"),
        *("archive", "restore", "delete", "purge"),
    ]
    assert cli.json("history", "ws-1")[4]["reason"] == "gone"
    cli("show", "ws-1", code=3)
    assert cli.json("list", "--state", "ready")[0]["workset_id"] == "ws-2"


def test_next_of_nothing_is_null(cli: Cli) -> None:
    assert cli.json("next") is None
    assert "nothing waits" in cli("next").stdout


def test_exit_codes(cli: Cli) -> None:
    cli("register", "a", "--bucket", "b", "--prefix", "p")
    assert "exists already" in cli("register", "a", "--bucket", "b", "--prefix", "p", code=4).stderr
    for command in ("show", "history"):
        cli(command, "none", code=3)
    cli("requeue", "none", "--reason", "x", code=3)
    assert "allowed from here" in cli("requeue", "a", "--reason", "x", code=1).stderr
    cli("nonsense", code=2)
    cli("list", "--state", "nonsense", code=2)
    cli("register", "a", code=2)
    cli("unlock", "a", "--owner", "x", "--force", code=2)
    cli("--read-only", "ignore", "a", code=6)
    cli("ignore", "a", "--read-only", code=6)
    cli("list", "--store", "dynamodb:worksets", "--endpoint-url", "http://127.0.0.1:9", "--region", "us-east-1", code=5)
    cli("list", "--store", "nonsense:x", code=2)


def test_options_stand_before_or_after_the_command(cli: Cli) -> None:
    where = ("--store", f"sqlite:{cli.folder / 'other.db'}")
    cli(*where, "register", "a", "--bucket", "b", "--prefix", "p")
    assert len(cli.json("list", *where)) == 1
    assert cli.json("list") == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("", "--bucket", "b", "--prefix", "p"), "empty"),
        (("x" * 3000, "--bucket", "b", "--prefix", "p"), "3000 bytes"),
        (("a\nb", "--bucket", "b", "--prefix", "p"), "U+000A"),
        (("a\x1b[31mb", "--bucket", "b", "--prefix", "p"), "U+001B"),
        (("a", "--bucket", "b", "--prefix", "p", "--priority", "soon"), "urgent, normal, low"),
        (("a", "--bucket", "b", "--prefix", "p", "--metadata", '{"x": NaN}'), "NaN"),
        (("a", "--bucket", "b", "--prefix", "p", "--metadata", "{"), "not JSON"),
        (("a", "--bucket", "b", "--prefix", "p", "--metadata", "[1]"), "JSON object"),
        (("a", "--bucket", "", "--prefix", "p"), "bucket"),
    ],
)
def test_bad_input_is_named_and_nothing_is_registered(cli: Cli, arguments: tuple[str, ...], said: str) -> None:
    assert said in cli("register", *arguments, code=2).stderr
    assert cli.json("list") == []


def test_metadata_of_half_a_megabyte_is_refused(cli: Cli) -> None:
    line = json.dumps({"workset_id": "a", "bucket": "b", "prefix": "p", "metadata": {"x": "y" * 500_000}}).encode()
    done = cli("register", "--file", "-", stdin=line, code=1)
    assert "500,008 bytes" in done.stderr


def test_an_id_with_markup_is_shown_as_it_is(cli: Cli) -> None:
    name = "[bold]x[/bold] ;rm -rf ~ 🧬"
    cli("register", name, "--bucket", "b", "--prefix", "p")
    assert name in cli("list").stdout
    assert cli.json("show", name)["workset_id"] == name


def test_hostile_reasons_are_shown_harmlessly(cli: Cli) -> None:
    cli("register", "a", "--bucket", "b", "--prefix", "p")
    cli("ignore", "a", "--reason", "x\x1b[2J\nforged\tline")
    table = cli("history", "a").stdout
    assert "x␛[2J␊forged␉line" in table
    assert table.count("\n") == 3


class TestFiles:
    def lines(self, count: int) -> bytes:
        return b"".join(
            json.dumps({"workset_id": f"w{n}", "bucket": "b", "prefix": "p"}).encode() + b"\n" for n in range(count)
        )

    def test_ten_thousand_lines_and_again(self, cli: Cli) -> None:
        (cli.folder / "worksets.jsonl").write_bytes(self.lines(10_000))
        assert json.loads(cli("register", "--file", "worksets.jsonl", "--json").stdout)["registered"] == 10_000
        again = json.loads(cli("register", "--file", "worksets.jsonl", "--json").stdout)
        assert (again["registered"], again["existing"], again["bad"]) == (0, 10_000, 0)
        assert len(cli.json("list", "--state", "ready")) == 10_000

    def test_bad_lines_are_told_by_number_and_the_rest_is_done(self, any_cli: Cli) -> None:
        any_cli("init")
        bad = [
            b'{"workset_id": "ok1", "bucket": "b", "prefix": "p"}',
            b"not json",
            b'{"workset_id": "x"}',
            b"",
            b'{"workset_id": "y", "bucket": "b", "prefix": "p", "prority": "low"}',
            b'{"workset_id": "z", "bucket": "b", "prefix": "p", "metadata": {"x": NaN}}',
            b"\xff\xfe",
            b'{"workset_id": "q", "bucket": "b", "prefix": "p", "priority": "soon"}',
            b'{"workset_id": 7, "bucket": "b", "prefix": "p"}',
            b'{"workset_id": "ok1", "bucket": "b", "prefix": "p"}',
            b'{"workset_id": "ok2", "bucket": "b", "prefix": "p", "priority": "urgent", "metadata": {"a": [1]}}',
        ]
        done = any_cli("register", "--file", "-", "--json", stdin=b"\n".join(bad), code=1)
        counts = json.loads(done.stdout)
        assert (counts["registered"], counts["existing"], counts["bad"]) == (2, 1, 7)
        for number in (2, 3, 5, 6, 7, 8, 9):
            assert f"line {number}:" in done.stderr
        assert [row["workset_id"] for row in any_cli.json("list")] == ["ok2", "ok1"]

    def test_a_missing_file(self, cli: Cli) -> None:
        assert "cannot be read" in cli("register", "--file", "none.jsonl", code=2).stderr


@pytest.mark.parametrize("command", ["list --json", "list"])
def test_a_reader_that_leaves_is_no_error(cli: Cli, command: str) -> None:
    """Whether it leaves while lines are written or before the last flush: `set -o pipefail` goes on."""
    import subprocess
    import sys

    cli("register", "--file", "-", stdin=TestFiles().lines(3000))
    piped = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{sys.executable} -m wsmon {command} | head -c 10"],
        capture_output=True,
        env=cli.env,
        cwd=cli.folder,
        check=False,
    )
    assert (piped.stderr, piped.returncode) == (b"", 0)


def test_a_slip_of_the_keys_is_told_what_is_near(cli: Cli) -> None:
    assert "'list'" in cli("lst", code=2).stderr


def test_every_command_has_help_with_an_example(cli: Cli) -> None:
    from wsmon.cli.main import COMMANDS

    overview = cli("--help").stdout
    for name in COMMANDS:
        assert f"  {name} " in overview
        assert "Usage:" in cli(name, "--help").stdout

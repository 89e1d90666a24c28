"""`wsmon list` with filters, columns and order, and `wsmon watch`."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

from tests.cli.run import Cli
from tests.waiting import wait_for


def test_list_filters_sorts_and_shows_what_is_asked_for(cli: Cli) -> None:
    for name, tier in (("RUN-1", "low"), ("RUN-2", "urgent"), ("other", "normal")):
        cli("register", name, "--bucket", "b", "--prefix", name.lower(), "--priority", tier)
    cli("lock", "RUN-1", "--owner", "me")

    def ids(*args: str) -> list[str]:
        return [row["workset_id"] for row in cli.json("list", *args)]

    assert ids() == ["RUN-2", "other", "RUN-1"]
    assert ids("--id", "RUN-*") == ["RUN-2", "RUN-1"]
    assert ids("--owner", "me") == ["RUN-1"]
    assert ids("--cluster", "none") == []
    assert ids("--changed-since", "1h", "--sort", "id") == ["RUN-1", "RUN-2", "other"]
    assert ids("--sort", "-id", "--limit", "1") == ["other"]
    out = cli("list", "--columns", "id,prefix", "--sort", "priority").stdout
    assert out == "ID\tPREFIX\nRUN-2\trun-2\nother\tother\nRUN-1\trun-1\n"
    assert "known are" in cli("list", "--columns", "colour", code=2).stderr
    assert "'colour'" in cli("list", "--sort", "-colour", code=2).stderr
    assert "30m" in cli("list", "--changed-since", "yesterday", code=2).stderr


def test_watch_tells_each_event_once(any_cli: Cli) -> None:
    cli = any_cli
    if cli.store:
        cli("init")
    cli("register", "w", "--bucket", "b", "--prefix", "p")
    cli("ignore", "w", "--reason", "a\nb\x1b[31m", "--yes")
    text = cli("watch", "--since", "1h", "--until-idle").stdout
    assert [line.split()[1:5] for line in text.splitlines()] == [
        ["w", "register", "->", "ready"],
        ["w", "ignore", "->", "ignored"],
    ]
    lines = cli("watch", "--since", "1h", "--until-idle", "--json").stdout.splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [1, 2]


def test_watch_follows_from_before_there_is_a_store_and_ends_when_told(cli: Cli) -> None:
    log = cli.folder / "watch.log"
    with log.open("w") as out:
        command = [sys.executable, "-m", "wsmon", "watch", "--json", "--since", "1h"]
        process = subprocess.Popen(
            command,
            env=cli.env,
            cwd=cli.folder,
            stdout=out,
            # A shell's background job ignores it, and so would what is started from there.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        )
    try:
        time.sleep(1.5)
        assert [path.name for path in cli.folder.iterdir()] == ["watch.log"]
        cli("register", "w", "--bucket", "b", "--prefix", "p")
        wait_for(lambda: '"register"' in log.read_text(), 30)
        cli("ignore", "w", "--yes")
        wait_for(lambda: '"ignore"' in log.read_text(), 30)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    finally:
        process.kill()
        process.wait()
    assert log.read_text().count("\n") == 2

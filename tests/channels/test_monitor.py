"""A monitor as a process tells a webhook what became of real runs."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from tests.channels.receiver import Receiver
from tests.cli.run import Cli
from tests.waiting import wait_for

SETTINGS = """
[monitor]
command = ["sh", "-c", "exit {code}"]
poll_seconds = 0.2

[alerts]
group_wait_seconds = 0.3

[channels.hook]
type = "webhook"
url = "{url}"
"""


def test_what_a_monitor_does_arrives_once_and_in_order(tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    with Receiver() as receiver:
        receiver.faults = [500, "reset"]
        (tmp_path / "wsmon.toml").write_text(SETTINGS.replace("{code}", "65").replace("{url}", receiver.url))
        for name in ("a", "b"):
            cli("register", name, "--bucket", "b", "--prefix", "p")
        monitor = subprocess.Popen(
            [sys.executable, "-m", "wsmon", "monitor"], cwd=tmp_path, env=cli.env, stderr=subprocess.PIPE
        )

        def told() -> list[str]:
            return [event["event_id"] for request in receiver.taken for event in request.json["events"]]

        try:
            wait_for(lambda: {"a:4", "b:4"} <= set(told()), 30)
        finally:
            monitor.send_signal(signal.SIGTERM)
            monitor.communicate(timeout=30)
        assert monitor.returncode == 0
        assert sorted(told()) == [f"{name}:{n}" for name in "ab" for n in range(1, 5)]
        assert [name for name in told() if name.startswith("a")] == [f"a:{n}" for n in range(1, 5)]
        (failures,) = (request.json for request in receiver.taken if request.json["title"].endswith("error (data)"))
        assert failures["count"] == 2

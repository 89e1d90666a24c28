"""A monitor's own port: gauges are there soon after its start, not after the first period."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.waiting import wait_for


@pytest.mark.ci
def test_gauges_are_there_soon_after_the_start(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    wsmon = [sys.executable, "-m", "wsmon", "--store", "sqlite:w.db"]
    env = {
        **os.environ,
        "WSMON_METRICS__PROMETHEUS_PORT": str(port),
        "WSMON_MONITOR__COMMAND": '["true"]',
        "WSMON_MONITOR__MAX_CONCURRENT": "1",
    }
    subprocess.run([*wsmon, "register", "w", "--bucket", "b", "--prefix", "p"], cwd=tmp_path, env=env, check=True)
    process = subprocess.Popen([*wsmon, "monitor"], cwd=tmp_path, env=env, stderr=subprocess.DEVNULL)
    try:

        def gauges() -> bool:
            try:
                text = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
            except httpx.TransportError:
                return False
            return all(
                name in text for name in ("wsmon_outbox_backlog", "wsmon_outbox_lag_seconds", "wsmon_alerts_firing")
            )

        wait_for(gauges, 30, pause=0.3)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)

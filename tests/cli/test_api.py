"""`wsmon api` and `wsmon token` as an operator types them."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import psutil
import pytest

from tests.api.server import serving
from tests.cli.run import Cli
from tests.waiting import wait_for
from wsmon import workset_api
from wsmon.adapters.clock import SystemClock
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.pool import ClusterRecord
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import WorksetPriority
from wsmon.services.commands import Commands


@contextlib.contextmanager
def served(cli: Cli, *args: str, ended_by: Sequence[signal.Signals] = (signal.SIGTERM,)) -> Iterator[httpx.Client]:
    """The service in a process of its own; ended by signals, which is a clean end."""
    where = ["--store", cli.store] if cli.store else []
    command = [sys.executable, "-m", "wsmon", *where, "api", "--port", "0", *args]
    log = cli.folder / "api.log"
    with log.open("w") as out:
        process = subprocess.Popen(command, env=cli.env, cwd=cli.folder, stderr=out, stdout=out)
    try:
        url = wait_for(lambda: process.poll() is not None or re.search(r"http://[\d.]+:\d+", log.read_text()), 60)
        assert isinstance(url, re.Match), log.read_text()
        with httpx.Client(base_url=url[0], trust_env=False, timeout=30) as client:
            wait_for(lambda: _answers(client), 60)
            yield client
        for number in ended_by:
            process.send_signal(number)
            time.sleep(0.02)
        assert process.wait(20) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()
    assert "Traceback" not in log.read_text()


def _answers(client: httpx.Client) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return client.get("/healthz").status_code == 200
    return False


def test_the_service_speaks_and_ends_cleanly(any_cli: Cli) -> None:
    with served(any_cli, "--create-table", "--enable-scheduler", "--verbose") as client:
        body = {"workset_id": "ws-001", "bucket": "b", "prefix": "p"}
        assert client.post("/worksets", json=body).status_code == 201
        assert client.get("/scheduler/stats").json()["total_clusters"] == 0
        assert any_cli.json("show", "ws-001")["state"] == "ready"
    log = (any_cli.folder / "api.log").read_text()
    assert "path='/scheduler/stats'" in log


def test_the_scheduler_s_next_is_what_fits_the_clusters(tmp_path: Path) -> None:
    """As the predecessor's flag: /worksets/next is the scheduler's, and here it knows what the clusters have."""
    store = SqliteStore(tmp_path / "w.db")
    commands = Commands(store, SystemClock(), "me")
    commands.register(WorksetSpec("huge", "b", "p", WorksetPriority.URGENT, requirements={"vcpus": 500}))
    commands.register(WorksetSpec("small", "b", "p", WorksetPriority.LOW, requirements={"vcpus": 2}))
    with serving(store, scheduler=True) as service:
        assert service("GET", "/worksets/next")["workset_id"] == "huge"
        store.put_cluster(ClusterRecord("cl1", 2, commands.clock.now(), vcpus=8))
        assert service("GET", "/worksets/next")["workset_id"] == "small"
        assert service("GET", "/scheduler/stats")["total_vcpu_capacity"] == 8
    with serving(store) as service:
        assert service("GET", "/worksets/next")["workset_id"] == "huge"
    store.close()


@pytest.mark.ci
def test_reload_serves_anew_when_a_source_file_changes(cli: Cli) -> None:
    cli("token", "create", "--role", "reader", "--name", "r")
    (cli.folder / "wsmon.toml").write_text('[channels.one]\ntype = "webhook"\nurl = "http://127.0.0.1:1"\n')

    def workers() -> set[int]:
        found = psutil.Process().children(recursive=True)
        return {one.pid for one in found if "spawn_main" in " ".join(one.cmdline())}

    with served(cli, "--reload", "--enable-scheduler") as client:
        before = workers()
        assert len(before) == 1
        os.utime(workset_api.__file__)
        wait_for(lambda: workers() and not workers() & before, 30, pause=0.2)
        wait_for(lambda: _answers(client), 30)
        assert client.get("/worksets").status_code == 401
    assert not workers()


def test_another_address_needs_tokens(cli: Cli) -> None:
    refused = cli("api", "--host", "0.0.0.0", "--port", "0", code=1).stderr
    assert "0.0.0.0 can be reached from other machines, and no token is configured" in refused
    assert "wsmon token create" in refused
    secret = cli("token", "create", "--role", "operator", "--name", "nightly", "--expires", "90d").stdout.strip()
    with served(cli, "--host", "0.0.0.0", ended_by=[signal.SIGINT, signal.SIGINT]) as client:  # ^C, pressed twice
        url = f"http://127.0.0.1:{client.base_url.port}"
        assert httpx.get(f"{url}/worksets", trust_env=False).status_code == 401
        headers = {"Authorization": f"Bearer {secret}"}
        assert httpx.get(f"{url}/worksets", headers=headers, trust_env=False).json() == []
    assert secret not in (cli.folder / "api.log").read_text()


def test_tokens_are_made_listed_and_revoked(cli: Cli) -> None:
    made = cli.json("token", "create", "--role", "reader")
    assert made["secret"].startswith("wsmon_")
    assert made["expires_at"] is None
    cli("token", "create", "--role", "admin", "--name", made["name"], code=4)
    cli("token", "create", "--role", "admin", "--expires", "soon", code=2)
    cli("token", "create", "--role", "king", code=2)
    cli("--read-only", "token", "create", "--role", "admin", code=6)
    (listed,) = cli.json("token", "list")
    assert listed == {name: value for name, value in made.items() if name != "secret"}
    assert made["secret"].rpartition("_")[2] not in cli("token", "list").stdout
    cli("token", "revoke", made["name"])
    cli("token", "revoke", made["name"], code=3)
    assert cli.json("token", "list") == []


@pytest.mark.parametrize("args", [["--port", "99999"], ["--host", "no.such.host.invalid"], ["--host", "a\x1bb"]])
def test_an_address_that_cannot_be_is_said(cli: Cli, args: list[str]) -> None:
    cli("token", "create", "--role", "reader")
    done = cli("api", *args, code=None)
    assert done.returncode in {1, 2}
    assert done.stderr.startswith("wsmon: ")

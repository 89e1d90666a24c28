"""The wire peers that speak DynamoDB: dynoxide (npm) and ministack (PyPI), started on free ports.

`python -m tests.peers --install` puts dynoxide into .peers/; `--check` fails where one is missing.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from wsmon.adapters.dynamo import DynamoStore

ROOT = Path(__file__).parent.parent
DYNOXIDE = ROOT / ".peers/node_modules/@dynoxide/linux-x64/dynoxide"
PACKAGE = "@dynoxide/linux-x64@1.2.1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
NAMES = ("dynoxide", "ministack")
_running: dict[str, tuple[subprocess.Popen[bytes], str]] = {}


def missing(name: str) -> str | None:
    """Why a peer cannot run here, or None."""
    if name == "dynoxide":
        if not DYNOXIDE.exists():
            return f"dynoxide is not installed; `make peers` gets {PACKAGE} by npm"
        return None
    return None if _ministack().exists() else "ministack is not installed; `make setup` gets it from PyPI"


def _ministack() -> Path:
    return Path(sys.executable).with_name("ministack")


def free_port() -> int:
    """A port nobody listens on right now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def start(name: str, port: int, folder: str | None = None) -> subprocess.Popen[bytes]:
    """Start a peer and wait until it answers; dynoxide keeps its data in `folder` if given."""
    environment = {**os.environ, **CREDENTIALS}
    if name == "dynoxide":
        command = [str(DYNOXIDE), "--port", str(port)]
        command += ["--db-path", str(Path(folder) / "dynoxide.db")] if folder else []
    else:
        command = [str(_ministack())]
        environment |= {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "SERVICES": "cloudformation,cloudwatch,dynamodb,iam,s3,sns,sqs,sts",
        }
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tempfile.gettempdir()
    )
    until = time.monotonic() + 30
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return process
        time.sleep(0.05)
    process.kill()
    raise RuntimeError(f"{name} did not come up on port {port}")


def url(name: str) -> str:
    """The endpoint of a peer, started once a test process; skips, or fails in CI, where it is missing."""
    why = missing(name)
    if why is not None:
        if os.environ.get("WSMON_REQUIRE_PEERS"):
            pytest.fail(f"{why} (WSMON_REQUIRE_PEERS is set)")
        pytest.skip(why)
    if name not in _running:
        port = free_port()
        _running[name] = (start(name, port), f"http://127.0.0.1:{port}")
    return _running[name][1]


def stop_all() -> None:
    """End the peers of this process."""
    while _running:
        _, (process, _) = _running.popitem()
        process.kill()
        process.wait()


def credentials() -> None:
    """Let boto3 sign with something; the peers take anything."""
    os.environ.update(CREDENTIALS)


def new_table() -> str:
    """A table name of its own for a test."""
    return f"worksets-{uuid.uuid4().hex[:12]}"


def dynamo_store(name: str, table: str) -> DynamoStore:
    """A store on a peer; the table must be made by `init`."""
    credentials()
    return DynamoStore(table, region="us-east-1", endpoint_url=url(name))


@contextlib.contextmanager
def temporary(name: str) -> Iterator[DynamoStore]:
    """A made table on a peer."""
    store = dynamo_store(name, new_table())
    store.init()
    try:
        yield store
    finally:
        store.close()


def install() -> str | None:
    """Get dynoxide by npm; why not, where it cannot be had."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return "dynoxide is there for Linux on x86-64 only; its tests will be skipped"
    npm = shutil.which("npm")
    if npm is None:
        return "npm is not installed; the tests on dynoxide will be skipped"
    command = [npm, "install", "--prefix", str(ROOT / ".peers"), "--no-save", "--no-package-lock", "--silent", PACKAGE]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return None if DYNOXIDE.exists() else f"npm could not get {PACKAGE}: {done.stderr.strip()[-300:]}"


def main() -> int:
    """Install or check, for the Makefile."""
    if "--install" in sys.argv and not DYNOXIDE.exists():
        why = install()
        if why:
            sys.stderr.write(f"peers: {why}\n")
            return 1 if os.environ.get("WSMON_REQUIRE_PEERS") else 0
    if "--check" in sys.argv:
        problems = [why for name in NAMES if (why := missing(name))]
        sys.stderr.writelines(f"peers: {why}\n" for why in problems)
        return 1 if problems else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())

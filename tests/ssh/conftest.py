"""A real sshd on loopback: own port, own keys, own home for what it runs."""

from __future__ import annotations

import contextlib
import getpass
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import peers
from tests.cli.conftest import cli as cli  # noqa: PLC0414  a fixture
from tests.services.world import CLOCK, World
from tests.system import need
from wsmon.adapters.runner.line import SshTarget
from wsmon.adapters.runner.ssh import SshRunner


class Daemon:
    """One sshd, which can be killed and started again on the same port."""

    def __init__(self, folder: Path) -> None:
        self.program = need("sshd", "openssh-server")
        need("ssh", "openssh-client")
        self.folder, self.port = folder, peers.free_port()
        self.home = folder / "home"
        self.runs = folder / "runs"
        self.home.mkdir(parents=True)
        folder.chmod(0o755)
        for name in ("host", "user"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True, timeout=30
            )
        (folder / "keys").write_text((folder / "user.pub").read_text())
        host_key = " ".join((folder / "host.pub").read_text().split()[:2])
        (folder / "known").write_text(f"[127.0.0.1]:{self.port} {host_key}\n")
        (folder / "config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile {folder}/pid\n"
            f"AuthorizedKeysFile {folder}/keys\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
            f"PermitRootLogin yes\nSetEnv HOME={self.home} TMUX_TMPDIR={folder}\nMaxSessions 100\nMaxStartups 100\n"
        )
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        Path("/run/sshd").mkdir(exist_ok=True)
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            [self.program, "-D", "-e", "-f", str(self.folder / "config")], stderr=log, start_new_session=True
        )
        log.close()
        until = time.monotonic() + 10
        while time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.05)
        raise RuntimeError((self.folder / "log").read_text())

    def kill(self) -> None:
        """The daemon and every session of it, as a cut network or a rebooted head node's sshd would end them."""
        assert self.process is not None
        listed = subprocess.run(["ps", "-eo", "pid=,ppid=,comm="], capture_output=True, text=True, check=True).stdout
        rows = [line.split(None, 2) for line in listed.splitlines()]
        ours = {self.process.pid}
        while more := {int(pid) for pid, ppid, comm in rows if int(ppid) in ours and "sshd" in comm} - ours:
            ours |= more
        for pid in ours:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
        self.process.wait()

    def target(self, **changes: object) -> SshTarget:
        fields: dict[str, object] = {
            "host": "127.0.0.1",
            "user": getpass.getuser(),
            "port": self.port,
            "identity_file": str(self.folder / "user"),
            "known_hosts": str(self.folder / "known"),
            "connect_seconds": 3,
            "root": str(self.runs),
            "detach": "setsid",
        }
        return SshTarget(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    daemon = Daemon(tmp_path_factory.mktemp("sshd"))
    yield daemon
    with contextlib.suppress(Exception):
        daemon.kill()
    (daemon.folder / "stop").touch()
    socket_file = daemon.folder / f"tmux-{os.getuid()}" / "default"
    subprocess.run(["tmux", "-S", str(socket_file), "kill-server"], check=False, capture_output=True)


@pytest.fixture
def sshd(daemon: Daemon, tmp_path: Path) -> Daemon:
    """The one daemon, with a run root of its own for each test."""
    if daemon.process is None or daemon.process.poll() is not None:
        daemon.start()
    daemon.runs = tmp_path / "runs"
    return daemon


@pytest.fixture
def runner(sshd: Daemon) -> Iterator[SshRunner]:
    made = SshRunner(sshd.target(), CLOCK)
    yield made
    with contextlib.suppress(Exception):
        for workset_id, run in made.live_runs():
            made.stop(workset_id, run, force=True)
    made.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.store.close()

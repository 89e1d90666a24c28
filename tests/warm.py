"""`wsmon` from a warm process: each command is a process of its own, forked from one that has loaded what it may need.

Starting Python and importing a face costs a hundred times what most commands do. What a command imports, and how it
meets signals and terminals, is not shown this way: such tests start an interpreter themselves, and with
WSMON_TESTS_COLD=1 (as CI runs them) all of them do.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import wsmon

COLD = bool(os.environ.get("WSMON_TESTS_COLD"))
_READ_AT_START = {"PYTHONUTF8", "PYTHONCOERCECLOCALE", "PYTHONIOENCODING", "PYTHONPATH", "LC_ALL", "LC_CTYPE"}
_LENGTH = struct.Struct("!I")
_ROOT = Path(__file__).parent.parent
_SELDOM = (
    "wsmon.__main__",
    "wsmon.api",
    "wsmon.demo",
    "wsmon.workset_api",
    "wsmon.adapters.apprise_",
    "wsmon.adapters.runner.agent",
)


def run(
    argv: Sequence[str], *, env: Mapping[str, str], folder: Path, stdin: bytes = b"", timeout: float = 60
) -> subprocess.CompletedProcess[bytes]:
    """`wsmon ARGV` to its end. Raises subprocess.TimeoutExpired."""
    command = [sys.executable, "-m", "wsmon", *argv]
    if COLD or _READ_AT_START & set(env):
        return subprocess.run(
            command, input=stdin, capture_output=True, env=env, cwd=folder, timeout=timeout, check=False
        )
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin)
        for file in (given, out, err):
            file.seek(0)
        code = _server.run(argv, env, folder, (given.fileno(), out.fileno(), err.fileno()), timeout)
        if code is None:
            raise subprocess.TimeoutExpired(command, timeout)
        for file in (out, err):
            file.seek(0)
        return subprocess.CompletedProcess(command, code, out.read(), err.read())


class _Server:
    """Speaks to the warm process; one command at a time."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._link: socket.socket

    def run(
        self, argv: Sequence[str], env: Mapping[str, str], folder: Path, fds: tuple[int, int, int], timeout: float
    ) -> int | None:
        """The exit code; None when it did not end in time, and was killed."""
        job = json.dumps([list(argv), dict(env), str(folder)]).encode()
        with self._mutex:
            if self._process is None:
                self._start()
            self._link.settimeout(timeout)
            try:
                socket.send_fds(self._link, [_LENGTH.pack(len(job))], fds)
                self._link.sendall(job)
                return int(self._link.recv(64))
            except TimeoutError:
                self.end()
                return None

    def _start(self) -> None:
        self._link, far = socket.socketpair()
        command = [sys.executable, "-m", "tests.warm", str(far.fileno())]
        self._process = subprocess.Popen(command, pass_fds=[far.fileno()], cwd=_ROOT, start_new_session=True)
        far.close()

    def end(self) -> None:
        """Kill it and what it forked."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
            self._link.close()


_server = _Server()
atexit.register(_server.end)


def _serve(link: socket.socket) -> None:
    """Fork for every job; returns in the child, as the command that was asked for, and at the end."""
    for module in pkgutil.walk_packages(wsmon.__path__, "wsmon."):
        if not module.name.startswith(_SELDOM):
            importlib.import_module(module.name)
    gc.freeze()
    while True:
        head, fds, *_ = socket.recv_fds(link, _LENGTH.size, 3)
        if not head:
            sys.exit(0)
        argv, env, folder = json.loads(_all_of(link, _LENGTH.unpack(head)[0]))
        child = os.fork()
        if not child:
            link.close()
            return _become(argv, env, folder, fds)
        for fd in fds:
            os.close(fd)
        _, status = os.waitpid(child, 0)
        link.sendall(str(os.waitstatus_to_exitcode(status)).encode())


def _become(argv: list[str], env: dict[str, str], folder: str, fds: list[int]) -> None:
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
        os.close(fd)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    sys.argv = ["wsmon", *argv]


def _all_of(link: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += link.recv(size - len(data))
    return data


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
    from wsmon.cli.main import main

    try:
        main()
    except SystemExit as ended:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(ended.code or 0))  # to take down all that was loaded costs as much as the command

"""A process on a pseudo-terminal, its output counted and timed, never emulated: an emulator would be the slower part."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

WSMON = ("-c", "from wsmon.cli.main import main; main()")
HELLO = ("-m", "tests.bench.hello")
SIZE = (160, 48)
QUIET_SECONDS = 0.08


class Line:
    """`python ARGS` on a pty of `size` columns and lines; a child of this process, ended with the block."""

    def __init__(self, args: Sequence[str], size: tuple[int, int] = SIZE) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        environment = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
        environment |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, *args], stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True
        )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._master)

    def _take(self, seconds: float) -> bytes:
        if not select.select([self._master], [], [], seconds)[0]:
            return b""
        try:
            return os.read(self._master, 1 << 20)
        except OSError:
            return b""

    def until(self, *parts: str, seconds: float = 60.0) -> float:
        """Seconds from the start until all of it was written."""
        wanted, received = [part.encode() for part in parts], b""
        while time.monotonic() < self.started + seconds:
            received += self._take(0.5)
            if all(part in received for part in wanted):
                return time.monotonic() - self.started
        raise AssertionError(f"{parts} were never written: {received[-2000:]!r}")

    def settle(self, seconds: float = 1.5) -> None:
        """Wait until nothing more is written for so long."""
        until = time.monotonic() + 60
        while self._take(seconds) and time.monotonic() < until:
            pass

    def press(self, keys: str) -> tuple[float, int]:
        """Type; seconds until the last byte of the answer, and its bytes."""
        self.count(0.0)
        pressed = last = time.monotonic()
        os.write(self._master, keys.encode())
        count, patience = 0, 2.0
        while data := self._take(patience):
            last, patience = time.monotonic(), QUIET_SECONDS
            count += len(data)
        return last - pressed, count

    def count(self, seconds: float) -> int:
        """The bytes written from now on for so long."""
        until, count = time.monotonic() + seconds, 0
        while True:
            left = until - time.monotonic()
            data = self._take(max(0.0, left))
            count += len(data)
            if left <= 0 and not data:
                return count

    def cpu(self) -> float:
        """Seconds of CPU that all its threads took so far."""
        total = 0
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            with contextlib.suppress(OSError):
                total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def memory(self) -> float:
        """MiB that lie in memory."""
        for text in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if text.startswith("VmRSS"):
                return int(text.split()[1]) / 1024
        return 0.0

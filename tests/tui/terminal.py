"""A real terminal for a real process: a pty outside, an emulator that keeps the screen."""

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
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

import pyte

from tests.waiting import wait_for

WSMON = ("-c", "from wsmon.cli.main import main; main()")


class Terminal:
    """`python ARGS` on a pty of `size` columns and lines."""

    def __init__(self, args: Sequence[str], env: Mapping[str, str], size: tuple[int, int] = (120, 40)) -> None:
        self.screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self.screen)
        self.received = b""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        inherited = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
        self.process = subprocess.Popen(
            [sys.executable, *args],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**inherited, "TERM": "xterm-256color", "COLORTERM": "truecolor", **env},
            start_new_session=True,
            # Its controlling terminal is the pty, so that closing it is a hang-up.
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
        )
        os.close(slave)

    def read(self, seconds: float = 0.05) -> int:
        """Take what comes until nothing came for `seconds`; how many bytes."""
        before = len(self.received)
        while select.select([self._master], [], [], seconds)[0]:
            try:
                data = os.read(self._master, 65536)
            except OSError:
                break
            if not data:
                break
            self.received += data
            with contextlib.suppress(Exception):  # the emulator does not know every private mode
                self._stream.feed(data)
        return len(self.received) - before

    @property
    def text(self) -> str:
        """What stands on the screen now."""
        self.read()
        return "\n".join(self.screen.display)

    def shows(self, *parts: str, seconds: float = 15.0) -> str:
        """Wait until all of it stands on the screen."""

        def there() -> str:
            text = self.text
            return text if all(part in text for part in parts) else ""

        try:
            return wait_for(there, seconds)
        except AssertionError:
            raise AssertionError(f"{parts} never stood on the screen:\n{self.text}") from None

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._master, keys.encode())

    def paste(self, text: str) -> None:
        """Paste, in brackets as a terminal does; what it writes meanwhile is taken."""
        data = f"\x1b[200~{text}\x1b[201~".encode()
        while data:
            if select.select([], [self._master], [], 0.05)[1]:
                data = data[os.write(self._master, data[:4096]) :]
            self.read(0.0)

    def resize(self, columns: int, lines: int) -> None:
        """The window has another size."""
        self.screen.resize(lines, columns)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def ended(self, seconds: float = 8.0) -> int:
        """The exit code; what it writes meanwhile is taken."""

        def gone() -> bool:
            if self._master >= 0:
                self.read(0.01)
            return self.process.poll() is not None

        wait_for(gone, seconds)
        if self._master >= 0:
            self.read(0.05)
        return self.process.returncode

    def hang_up(self) -> None:
        """The line breaks."""
        os.close(self._master)
        self._master = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        if self._master >= 0:
            self.hang_up()


def quiet(terminal: Terminal, seconds: float = 0.3) -> None:
    """Wait until nothing more is written."""
    until = time.monotonic() + 10
    while terminal.read(seconds) and time.monotonic() < until:
        pass


def bytes_of(terminal: Terminal, what: Callable[[], None], seconds: float = 0.12) -> int:
    """How many bytes something makes it write."""
    terminal.read(0.0)
    what()
    return terminal.read(seconds)

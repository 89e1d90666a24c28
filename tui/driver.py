"""The terminal's driver: sleeps until somebody types, and takes the mouse only where that is wanted."""

from __future__ import annotations

import codecs
import contextlib
import os
import select
import time
from collections.abc import Iterator
from typing import Any

from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

RESTLESS_SECONDS = 1.0
"""So long after a byte it looks often: an escape alone, or the rest of a sequence, shows by nothing else that comes."""
LOOK_SECONDS, READ_BYTES = 0.05, 4096


class CalmDriver(LinuxDriver):
    """Textual's own looks for keys ten times a second: that alone is what an idle hello world costs."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._wake_reader, self._wake_writer = os.pipe()
        os.set_blocking(self._wake_reader, False)

    def use_mouse(self) -> None:
        """Have the terminal tell of the mouse, from now on and after every suspension."""
        self._mouse = True
        self._enable_mouse_support()

    def disable_input(self) -> None:
        """Stop reading; whoever reads is woken for it."""
        if self._key_thread is not None and self._key_thread.is_alive():
            os.write(self._wake_writer, b"\0")
        super().disable_input()

    def run_input_thread(self) -> None:
        """Read keys and hand them on until `disable_input`."""
        parser = XTermParser(self._debug)
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        try:
            for data in self._read():
                text = decode(data)
                # An empty text would tell the parser that the line has ended.
                for event in (*(parser.feed(text) if text else ()), *parser.tick()):
                    self.process_message(event)
        finally:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake_reader, 1)

    def _read(self) -> Iterator[bytes]:
        """What is typed as it comes; nothing, as long as something may be half typed."""
        restless_until = 0.0
        while not self.exit_event.is_set():
            left = restless_until - time.monotonic()
            ready, _, _ = select.select([self.fileno, self._wake_reader], [], [], LOOK_SECONDS if left > 0 else None)
            if self._wake_reader in ready:
                self.exit_event.wait(1.0)
                return
            if ready:
                data = os.read(self.fileno, READ_BYTES)
                if not data:
                    time.sleep(LOOK_SECONDS)  # nobody is at the other end, or it is no terminal
                restless_until = time.monotonic() + RESTLESS_SECONDS
                yield data
            else:
                yield b""

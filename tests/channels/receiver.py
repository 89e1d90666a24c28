"""A receiver on loopback: keeps what it is sent, and refuses, resets, hangs and answers badly when told to."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Answer = tuple[int, Mapping[str, str], bytes]


@dataclass
class Request:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """`faults` are used up one a request: `none`, `reset`, `hang`, or a status; then `answer` says what comes back.

    With `late` the fault comes after the request was taken, as when a reply is lost.
    """

    answer: Callable[[Request], Answer] = lambda _: (200, {}, b"{}")
    faults: list[str | int] = field(default_factory=list)
    late: bool = False
    retry_after: str = "0"
    taken: list[Request] = field(default_factory=list)
    seen: int = 0
    _ended: threading.Event = field(default_factory=threading.Event)
    _mutex: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        self._open(0)
        return self

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Nobody listens meanwhile: connections are refused."""
        port = self._server.server_address[1]
        self._close()
        yield
        self._open(port)

    def _open(self, port: int) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length", 0))
                request = Request(self.path, {k.lower(): v for k, v in self.headers.items()}, self.rfile.read(length))
                outer._handle(self, request)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_: object) -> None:
                pass  # the other side was killed on purpose

        self._server = Server(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._close()

    def _close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def _handle(self, handler: BaseHTTPRequestHandler, request: Request) -> None:
        with self._mutex:
            self.seen += 1
            fault = self.faults.pop(0) if self.faults else None
            fault = None if fault == "none" else fault
            if fault is None or self.late:
                status, headers, body = self.answer(request)
                self.taken.append(request)
        if fault == "hang":
            self._ended.wait(30)
        if fault in {"hang", "reset"}:
            # RST instead of FIN: the peer sees a connection reset.
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.close_connection = True
            handler.connection.close()
            return
        if fault is not None:
            status, headers, body = int(fault), {"retry-after": self.retry_after}, b"go away"
        handler.send_response(status)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

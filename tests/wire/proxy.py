"""A wire of our own between wsmon and a peer that speaks DynamoDB; it does what its plan says.

It cuts on the level of TCP (a reset, so that the other end cannot take it for a clean close),
and knows enough HTTP to count requests, name operations and answer as DynamoDB would.
"""

from __future__ import annotations

import contextlib
import http.client
import http.server
import json
import socket
import struct
import threading
import time
from collections import Counter
from types import TracebackType
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from tests.wire.faults import REPLIES, Fault, Plan, reply

HOP = {"transfer-encoding", "connection", "content-length", "keep-alive"}
PEER_SECONDS = 60.0


class Proxy(http.server.ThreadingHTTPServer):
    """Listens on a free port until the end of its context."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, peer: str, plan: Plan) -> None:
        super().__init__(("127.0.0.1", 0), Line)
        self.peer, self.plan = urlsplit(peer), plan
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.requests = 0
        self.faults: Counter[Fault] = Counter()
        self._mutex = threading.Lock()
        self._late = 0
        self._none_late = threading.Condition(self._mutex)

    def decide(self, operation: str) -> tuple[int, Fault | None]:
        """The number of a request that came, and what becomes of it."""
        with self._mutex:
            self.requests += 1
            fault = self.plan.fault(self.requests, operation)
            if fault is not None:
                self.faults[fault] += 1
            return self.requests, fault

    def later(self, seconds: float, path: str, headers: dict[str, str], body: bytes) -> None:
        """Forward a request nobody waits for any more."""

        def work() -> None:
            time.sleep(seconds)
            with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(self.connect()) as peer:
                peer.request("POST", path, body, headers)
                peer.getresponse().read()
            with self._mutex:
                self._late -= 1
                self._none_late.notify_all()

        with self._mutex:
            self._late += 1
        threading.Thread(target=work, daemon=True).start()

    def note(self, operation: str, body: bytes, answer: bytes) -> None:
        """A request that was answered by the peer; for who wants to count."""

    def calm_down(self) -> None:
        """Let everything through from now on, and wait for what is still under way."""
        self.plan.calm = True
        with self._mutex:
            assert self._none_late.wait_for(lambda: self._late == 0, PEER_SECONDS)

    def connect(self) -> http.client.HTTPConnection:
        """A connection to the peer."""
        assert self.peer.hostname is not None
        return http.client.HTTPConnection(self.peer.hostname, self.peer.port, timeout=PEER_SECONDS)

    def told(self) -> str:
        """How many requests came, and what became of how many."""
        kinds = ", ".join(f"{count} {fault.value}" for fault, count in sorted(self.faults.items()))
        return f"{self.requests} requests, {sum(self.faults.values())} with a fault: {kinds}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.shutdown()
        self.server_close()


class Line(http.server.BaseHTTPRequestHandler):
    """One client's connection, and one of its own to the peer."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Proxy
    _peer: http.client.HTTPConnection | None = None
    _answers: ClassVar[set[Fault]] = {*REPLIES, Fault.UNAVAILABLE}

    def do_POST(self) -> None:
        operation = self.headers.get("X-Amz-Target", "").partition(".")[2]
        length = int(self.headers.get("Content-Length") or 0)
        number, fault = self.server.decide(operation)
        try:
            if fault is Fault.CUT_BEFORE:
                self._cut()
            elif fault is Fault.CUT_REQUEST:
                self._forward_half(self.rfile.read(length // 2), length)
                self._cut()
            else:
                self._carry(number, fault, operation, self._told(self.rfile.read(length)))
        except (OSError, http.client.HTTPException):
            self._cut()  # the peer is away, or the client

    def _told(self, body: bytes) -> bytes:
        """What the peer gets to see of a request."""
        if not self.server.plan.forgetful or b"ClientRequestToken" not in body:
            return body
        document = json.loads(body)
        del document["ClientRequestToken"]
        return json.dumps(document).encode()

    def _carry(self, number: int, fault: Fault | None, operation: str, body: bytes) -> None:
        pause = self.server.plan.pause(number)
        if fault in self._answers:
            assert fault is not None
            self._answer(*reply(fault, body))
            return
        if fault is Fault.LATE:
            self.server.later(pause, self.path, self._headers(), body)
            self._cut()
            return
        if fault is Fault.DELAY:
            time.sleep(pause)
        if fault is Fault.TWICE:
            self._forward(body)
        answer = self._forward(body)
        self.server.note(operation, body, answer[2])
        if fault is Fault.DELAY_REPLY:
            time.sleep(pause)
        if fault is Fault.SILENT:
            self.connection.recv(1)  # until the client gives up
        if fault in {Fault.DROP_REPLY, Fault.SILENT}:
            self._cut()
        else:
            self._answer(*answer, half=fault is Fault.CUT_REPLY)

    def _headers(self) -> dict[str, str]:
        return {name: value for name, value in self.headers.items() if name.lower() not in HOP}

    def _forward(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        if self._peer is None:
            self._peer = self.server.connect()
        self._peer.request("POST", self.path, body, self._headers())
        found = self._peer.getresponse()
        headers = {name: value for name, value in found.getheaders() if name.lower() not in HOP}
        return found.status, headers, found.read()

    def _forward_half(self, half: bytes, length: int) -> None:
        peer = self.server.connect()
        peer.putrequest("POST", self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in {**self._headers(), "Content-Length": str(length)}.items():
            peer.putheader(name, value)
        peer.endheaders(half)
        _reset(peer.sock)

    def _answer(self, status: int, headers: dict[str, str], body: bytes, *, half: bool = False) -> None:
        lines = [f"HTTP/1.1 {status} {http.client.responses.get(status, '')}"]
        lines += [f"{name}: {value}" for name, value in {**headers, "Content-Length": str(len(body))}.items()]
        data = "\r\n".join([*lines, "", ""]).encode("latin-1") + body
        if half:
            self.connection.sendall(data[: len(data) - (len(body) + 1) // 2])
            time.sleep(0.01)  # a reset throws away what the client has not read yet
            self._cut()
        else:
            self.connection.sendall(data)

    def _cut(self) -> None:
        self.close_connection = True
        _reset(self.connection)

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()
        if self._peer is not None:
            self._peer.close()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


def _reset(wire: socket.socket) -> None:
    """Close with a reset."""
    with contextlib.suppress(OSError):
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        wire.close()

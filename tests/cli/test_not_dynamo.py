"""Something that is not DynamoDB answers at the endpoint, such as a proxy that wants a login: nothing counts as done."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from wsmon.adapters.dynamo import client
from wsmon.cli import exits
from wsmon.cli.main import _run

BODIES = (b"ok", b"{}", b"<html><body>Please log in</body></html>")


@pytest.fixture(params=BODIES, ids=["ok", "json", "html"])
def endpoint(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    body: bytes = request.param

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its own name
            """Nothing."""

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.setenv(name, "us-east-1")
    monkeypatch.setattr(client, "MAX_ATTEMPTS", 2)
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("line", ["list", "register a --bucket b --prefix p", "init", "alerts"])
def test_no_command_takes_its_answer_for_one(line: str, endpoint: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = _run(["--store", "dynamodb:worksets", "--endpoint-url", endpoint, *line.split()])
    out, err = capsys.readouterr()
    assert code == exits.UNREACHABLE, (out, err)
    assert "what answers there is not DynamoDB; check network and endpoint" in err
    assert "registered" not in out

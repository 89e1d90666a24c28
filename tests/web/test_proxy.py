"""The page's nginx block, as it stands there, in a real nginx with TLS before the API and the browser's server."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import httpx
import pytest

from tests.project.pages import ROOT
from tests.system import need
from tests.waiting import wait_for
from tests.web.conftest import Site, serving
from tests.web.test_door import SOCKET
from wsmon.domain.roles import Role
from wsmon.domain.spec import WorksetSpec
from wsmon.services.access import create_token
from wsmon.services.commands import Commands

pytestmark = [pytest.mark.system, pytest.mark.ci]
CLIENT = "127.0.0.2"
"""Whence the callers come, so that they are told apart from the proxy."""


@dataclass
class Proxied:
    """Where nginx has both, the certificate that it shows, and what the API has said."""

    api: str
    web: str
    trust: ssl.SSLContext
    log: Path
    site: Site

    def client(self) -> httpx.Client:
        return httpx.Client(transport=httpx.HTTPTransport(verify=self.trust, local_address=CLIENT), timeout=20)


def block() -> str:
    """The location of docs/deploy.md."""
    page = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")
    found = re.search(r"^    location / \{\n.*?^    \}\n", page, flags=re.DOTALL | re.MULTILINE)
    assert found is not None
    assert "proxy_pass http://127.0.0.1:8001;" in found[0]
    return found[0]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@contextlib.contextmanager
def nginx(folder: Path, behind: dict[str, str]) -> Iterator[dict[str, str]]:
    """An nginx before the servers `behind` (name -> URL); gives the addresses at which it has them."""
    program, openssl = need("nginx", "nginx"), need("openssl", "openssl")
    certificate = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    certificate += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(certificate, cwd=folder, check=True, capture_output=True)
    ports = {name: free_port() for name in behind}
    servers = [
        f"server {{ listen 127.0.0.1:{ports[name]} ssl;\n{block().replace('http://127.0.0.1:8001', url)}}}\n"
        for name, url in behind.items()
    ]
    temporary = [f"{kind}_temp_path {kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")]
    user = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user}daemon off;\npid nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n"
        + "\n".join([*temporary, "ssl_certificate cert.pem;", "ssl_certificate_key key.pem;", *servers])
        + "}\n"
    )
    with (folder / "nginx.log").open("wb") as out:
        process = subprocess.Popen([program, "-p", str(folder), "-c", str(folder / "nginx.conf")], stderr=out)
    try:
        for port in ports.values():
            wait_for(lambda port=port: _answers(port))  # type: ignore[misc]
        yield {name: f"https://localhost:{port}" for name, port in ports.items()}
    finally:
        process.send_signal(signal.SIGQUIT if process.poll() is None else signal.SIGTERM)
        process.wait(timeout=20)


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@contextlib.contextmanager
def api(folder: Path) -> Iterator[tuple[str, Path]]:
    log = folder / "api.log"
    command = [sys.executable, "-m", "wsmon", "--store", f"sqlite:{folder / 'w.db'}", "api", "--port", "0"]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stderr=out, stdout=out, cwd=folder)
    try:
        url = wait_for(lambda: re.search(r"http://127\.0\.0\.1:\d+", log.read_text()))
        assert url is not None
        yield url[0], log
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)


@pytest.fixture
def proxied(tmp_path: Path, commands: Commands, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxied]:
    monkeypatch.setenv("WSMON_API__TRUST_PROXY", "true")
    monkeypatch.setenv("WSMON_WEB__TRUST_PROXY", "true")
    with contextlib.ExitStack() as stack:
        site = stack.enter_context(serving(tmp_path, commands))
        url, log = stack.enter_context(api(tmp_path))
        at = stack.enter_context(nginx(tmp_path, {"api": url, "web": site.url}))
        trust = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
        yield Proxied(at["api"], at["web"], trust, log, site)


def test_the_service_behind_nginx(proxied: Proxied) -> None:
    commands, (secret, _) = proxied.site.commands, create_token(proxied.site.commands, Role.OPERATOR, name="alice")
    with proxied.client() as client:
        wait_for(lambda: client.get(f"{proxied.api}/worksets").status_code == 401, 10)
        client.headers["Authorization"] = f"Bearer {secret}"
        page = client.get(f"{proxied.api}/worksets?limit=2")
        assert [item["workset_id"] for item in page.json()] == ["RUN-2", "RUN-3"]
        following = page.url.join(page.links["next"]["url"])
        assert [item["workset_id"] for item in client.get(following).json()] == ["RUN-1"]
        one = client.get(f"{proxied.api}/worksets/RUN-2")
        again = client.get(f"{proxied.api}/worksets/RUN-2", headers={"If-None-Match": one.headers["etag"]})
        assert again.status_code == 304
        large = {"workset_id": "large", "bucket": "b", "prefix": "p", "metadata": {"text": "x" * 200_000}}
        assert client.post(f"{proxied.api}/worksets", json=large).status_code == 201
        assert commands.store.history("large")[-1].actor == "alice"
        with client.stream("GET", f"{proxied.api}/events") as stream:
            lines = stream.iter_lines()
            assert next(lines) == ": wsmon"
            commands.register(WorksetSpec("told", "b", "p"))  # an event goes through when it comes
            assert any("told" in line for line in lines)
    denied = [line for line in proxied.log.read_text().splitlines() if "denied" in line]
    assert denied
    assert all(CLIENT in line for line in denied)


def test_nobody_comes_in_by_nginx_without_tokens(proxied: Proxied) -> None:
    with proxied.client() as client:
        for url in (f"{proxied.api}/worksets", proxied.web):
            answer = client.get(url)  # as localhost
            assert answer.status_code == 403
            assert "nobody comes in by a proxy" in answer.text
        assert client.get(f"{proxied.api}/healthz").status_code == 200


async def test_the_browser_behind_nginx(proxied: Proxied) -> None:
    secret, _ = create_token(proxied.site.commands, Role.READER, name="bob")
    with proxied.client() as client:
        wait_for(lambda: client.get(proxied.web).status_code == 401, 10)
        assert client.post(f"{proxied.web}/enter", data={"token": "wsmon_x_y"}).status_code == 401
        entered = client.post(f"{proxied.web}/enter", data={"token": secret}, headers={"Origin": proxied.web})
        assert entered.status_code == 303
        assert "Secure" in entered.headers["set-cookie"]
        page = client.get(proxied.web)
        assert page.status_code == 200
        assert f"wss://{proxied.web.removeprefix('https://')}/ws" in page.text
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    connector = aiohttp.TCPConnector(ssl=proxied.trust, local_addr=(CLIENT, 0), family=socket.AF_INET)
    headers = {"Cookie": cookie, "Origin": proxied.web}
    async with (
        aiohttp.ClientSession(connector=connector, headers=headers) as session,
        session.ws_connect(proxied.web + SOCKET) as terminal,
    ):
        painted = b""
        while b"RUN-3" not in painted:
            message = await terminal.receive(20)
            assert message.type is aiohttp.WSMsgType.BINARY
            painted += message.data
    log = proxied.site.log.read_text()
    assert all(CLIENT in line for line in log.splitlines() if "denied" in line or "session begins" in line)
    assert "session begins" in log

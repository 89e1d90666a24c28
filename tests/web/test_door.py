"""Who comes in, and what becomes of the processes behind the pages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import aiohttp
import httpx
import psutil
import pytest

from tests.cli.run import Cli
from tests.waiting import wait_for
from tests.web.conftest import Site, serving
from wsmon.domain.roles import Role
from wsmon.services.access import create_token
from wsmon.services.commands import Commands
from wsmon.settings import Settings, load_settings
from wsmon.web.serving import handed_over
from wsmon.web.session import Told

SOCKET = "/ws?width=80&height=24"


async def knock(site: Site, **headers: str) -> int:
    """The status that asking for a session's socket gives; 101 is in."""
    async with aiohttp.ClientSession(trust_env=False, headers=headers) as session:
        try:
            async with session.ws_connect(site.url + SOCKET):
                return 101
        except aiohttp.WSServerHandshakeError as refused:
            return refused.status


async def test_pages_of_others_and_other_names_stay_outside_and_with_tokens_everybody_without_one(site: Site) -> None:
    assert await knock(site, Origin="http://evil.example") == 403
    assert await knock(site, Host="evil.example") == 403
    assert await knock(site, **{"X-Forwarded-For": "10.1.1.1"}) == 403
    assert await knock(site, Origin=site.url) == 101
    assert httpx.get(site.url, headers={"Host": "evil.example"}, trust_env=False).status_code == 403
    page = httpx.get(site.url, trust_env=False)
    assert page.status_code == 200
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]

    secret, _ = create_token(site.commands, Role.READER, name="r")
    with httpx.Client(base_url=site.url, trust_env=False) as client:
        wait_for(lambda: client.get("/").status_code == 401, 10)
        assert await knock(site) == 401
        assert client.post("/enter", data={"token": "wsmon_x_y"}).status_code == 401
        assert client.post("/enter", data={"token": secret}, headers={"Origin": "http://evil"}).status_code == 403
        entered = client.post("/enter", data={"token": secret})
        assert entered.status_code == 303
        cookie = entered.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert secret.split("_")[2] not in cookie
        assert client.get("/").status_code == 200
        kept = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        assert await knock(site, Cookie=kept) == 101
        client.post("/leave")
        assert await knock(site, Cookie=kept) == 401


async def test_so_many_sessions_and_no_more_and_none_outlives_the_server(
    tmp_path: Path, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WSMON_WEB__SESSIONS", "1")
    with serving(tmp_path, commands) as site:
        async with aiohttp.ClientSession(trust_env=False) as session, session.ws_connect(site.url + SOCKET) as socket:
            # What no browser sends is passed over.
            for said in ("[", "{}", '["resize", {"width": "x", "height": 1e300}]', '["stdin"]', '["ping", 1]'):
                await socket.send_str(said)
            while (message := await socket.receive(20)).type is not aiohttp.WSMsgType.TEXT:
                assert message.type is aiohttp.WSMsgType.BINARY
            assert message.json() == ["pong", 1]
            assert await knock(site) == 503
            (child,) = psutil.Process(site.process.pid).children()
            site.process.kill()
            site.process.wait()
            wait_for(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, 20)


def test_another_address_is_refused_without_tokens(cli: Cli) -> None:
    done = cli("web", "--host", "0.0.0.0", "--port", "0", code=1)
    assert "anybody could change worksets" in done.stderr


def test_without_the_extra_it_says_how_to_get_it(tmp_path: Path) -> None:
    code = "import sys; sys.modules['textual_serve'] = None; from wsmon.cli.main import main; main(['web'])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "pip install 'wsmon[web]'" in done.stderr


def test_a_session_is_told_all_settings_but_the_channels(tmp_path: Path) -> None:
    """Secrets are stars in what is handed over, and would be refused as addresses."""
    config = tmp_path / "all.toml"
    config.write_text(
        '[store]\nurl = "sqlite:w.db"\nread_only = ["prod-*"]\n[monitor]\ncommand = ["true"]\nrun_root = "/tmp/runs"\n'
        '[monitor.exit_categories]\n3 = "data"\n[clusters.cl1]\nhost = "head"\n[keys]\nrequeue = "f5"\n'
        '[scheduler]\ndaily_budget_usd = 20.5\n[channels.one]\ntype = "webhook"\nurl = "https://example.org/secret"\n'
    )
    settings = load_settings(config).settings
    told = Told.read(Told(handed_over(settings), "alice", "operator", read_only=False).text())
    assert "secret" not in told.text()
    assert Settings(**told.settings) == settings.model_copy(update={"channels": {}})
    engine = told.connect()
    assert (engine.who, engine.commands.actor, engine.commands.role) == ("alice", "alice", Role.OPERATOR)
    engine.close()

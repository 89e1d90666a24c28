"""The TUI in a real browser: it paints, keys work, and a role is a role."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from tests.waiting import wait_for
from tests.web.browser import Page, chromium
from tests.web.conftest import Site
from wsmon.domain.roles import Role
from wsmon.domain.states import WorksetState
from wsmon.services.access import create_token, revoke_token

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("browser")]


async def sign_in(page: Page, site: Site, secret: str) -> None:
    await page.go(site.url)
    await page.until("!!document.querySelector('input[name=token]')")
    await page.js(f"document.querySelector('input[name=token]').value = '{secret}'; document.forms[0].submit()")


async def requeue(page: Page) -> None:
    """The key, on the ignored workset."""
    await page.shows("RUN-1", "RUN-2", "RUN-3")
    await page.press("G")  # the ignored one is the last
    await page.press("R")


async def test_the_tui_in_a_browser(site: Site, tmp_path: Path) -> None:
    """One browser, since each costs as much as the test: first without a token, then with one."""
    async with chromium(tmp_path / "profile") as page:
        await without_a_token_it_paints_keys_work_and_nothing_is_changed(page, site)
        await a_token_says_what_may_be_done_and_a_revoked_one_ends_the_session(page, site)


async def without_a_token_it_paints_keys_work_and_nothing_is_changed(page: Page, site: Site) -> None:
    await page.go(site.url)
    await page.shows("1 queue", "RUN-1", "RUN-2", "RUN-3")
    await page.until("document.body.classList.contains('-first-byte')")
    assert await page.colours() > 20
    await page.press("?")
    await page.shows("─ keys ─")
    await page.press("\x1b")
    before = site.commands.get("RUN-1")
    await requeue(page)
    await page.shows("this session is read-only; nothing was changed")
    assert site.commands.get("RUN-1") == before
    # Everything comes from here: no font, no script of anybody else.
    assert {urlsplit(url).netloc for url in page.asked} == {urlsplit(site.url).netloc}

    sessions = psutil.Process(site.process.pid).children()
    await page.press("q")
    await page.until("document.body.classList.contains('-closed')")
    wait_for(lambda: not psutil.Process(site.process.pid).children())
    assert len(sessions) == 1


async def a_token_says_what_may_be_done_and_a_revoked_one_ends_the_session(page: Page, site: Site) -> None:
    secret, _ = create_token(site.commands, Role.OPERATOR, name="alice")
    wait_for(lambda: httpx.get(site.url, trust_env=False).status_code == 401, 10, pause=0.2)
    await sign_in(page, site, "wsmon_0_wrong")
    await page.until("document.body.innerText.includes('wrong or has expired')")
    await sign_in(page, site, secret)
    await requeue(page)
    await page.shows("Requeue RUN-1?")
    await page.press("mended")
    await page.shows("mended")
    await page.press("\r")  # to the button; a person waits for its focus, and so does this
    await asyncio.sleep(1.0)
    await page.press("\r")
    await page.shows("requeue done")
    assert site.commands.get("RUN-1").state is WorksetState.READY
    (event,) = site.commands.store.history("RUN-1")[-1:]
    assert (event.actor, event.reason) == ("alice", "mended")

    revoke_token(site.commands, "alice")
    await page.until("document.body.classList.contains('-closed')", seconds=25)
    await page.go(site.url)
    await page.until("!!document.querySelector('input[name=token]')")
    log = site.log.read_text()
    assert secret not in log
    assert secret.split("_")[2] not in log
    assert "session begins" in log

"""A headless Chromium, driven over its own protocol: what reaches its terminal, what it paints, and keys."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import itertools
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pyte
from PIL import Image

from tests.system import need

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
    "--window-size=1100,700",
]
CODES = {"\r": ("Enter", "Enter", 13), "\x1b": ("Escape", "Escape", 27)}


class AnotherPage(Exception):
    """The page went away under what was asked of it: it is on its way to the next."""


class Page:
    """One tab. `text` is what a terminal makes of everything the page's socket has received."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._numbers = socket, itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._screen = pyte.Screen(80, 24)
        self._stream = pyte.ByteStream(self._screen)
        self.asked: list[str] = []
        self.reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self._socket:
            said = message.json()
            if "id" in said:
                self._waiting.pop(said["id"]).set_result(said)
            else:
                self._notice(said["method"], said["params"])

    def _notice(self, method: str, params: dict[str, Any]) -> None:
        if method == "Network.webSocketCreated":
            size = parse_qs(urlsplit(params["url"]).query)
            self._screen = pyte.Screen(int(size["width"][0]), int(size["height"][0]))
            self._stream = pyte.ByteStream(self._screen)
        elif method == "Network.webSocketFrameReceived" and params["response"]["opcode"] == 2:
            with contextlib.suppress(Exception):  # the emulator does not know every private mode
                self._stream.feed(base64.b64decode(params["response"]["payloadData"]))
        elif method == "Network.requestWillBeSent":
            self.asked.append(params["request"]["url"])

    async def __call__(self, method: str, **params: Any) -> dict[str, Any]:
        """Say something to the browser; its answer."""
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        said = await asyncio.wait_for(answer, 20)
        if "navigated" in str(said.get("error")):
            raise AnotherPage
        assert "error" not in said, said
        result: dict[str, Any] = said["result"]
        return result

    async def go(self, url: str) -> None:
        """Open a page; what an earlier one showed is gone."""
        self._screen.reset()
        await self("Page.navigate", url=url)

    async def js(self, code: str) -> Any:
        """What a piece of script gives."""
        return (await self("Runtime.evaluate", expression=code, returnByValue=True))["result"].get("value")

    async def press(self, text: str) -> None:
        """Press a key for each character, as a person would."""
        for character in text:
            name, code, number = CODES.get(
                character, (character, "", ord(character.upper()) if character.isalnum() else 0)
            )
            given = {"key": name, "code": code, "windowsVirtualKeyCode": number}
            await self("Input.dispatchKeyEvent", type="keyDown", text=character, **given)
            await self("Input.dispatchKeyEvent", type="keyUp", **given)

    @property
    def text(self) -> str:
        """The terminal's lines."""
        return "\n".join(self._screen.display)

    async def shows(self, *parts: str, seconds: float = 40) -> str:
        """Wait until all of it stands in the terminal."""
        async with asyncio.timeout(seconds):
            try:
                while not all(part in self.text for part in parts):
                    await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                raise AssertionError(f"{parts} never stood in the browser:\n{self.text}") from None
        return self.text

    async def until(self, code: str, seconds: float = 40) -> None:
        """Wait until a piece of script gives something true."""
        async with asyncio.timeout(seconds):
            try:
                while not await self._true(code):
                    await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                raise AssertionError(f"{code} was never true; the terminal:\n{self.text}") from None

    async def _true(self, code: str) -> bool:
        try:
            return bool(await self.js(code))
        except AnotherPage:
            return False

    async def colours(self) -> int:
        """How many colours the painted page has."""
        png = base64.b64decode((await self("Page.captureScreenshot"))["data"])
        return len(Image.open(io.BytesIO(png)).convert("RGB").getcolors(1 << 24) or [])


@contextlib.asynccontextmanager
async def chromium(folder: Path) -> AsyncIterator[Page]:
    """A browser with a profile of its own, and its one tab. Skips, or fails in CI, where there is none."""
    program = need("chromium", "chromium")
    process = subprocess.Popen(
        [program, *FLAGS, f"--user-data-dir={folder}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(30):
            while not (folder / "DevToolsActivePort").exists():
                await asyncio.sleep(0.05)
        port = (folder / "DevToolsActivePort").read_text().split()[0]
        async with aiohttp.ClientSession(trust_env=False) as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as reply:
                (tab,) = [one for one in await reply.json() if one["type"] == "page"]
            async with session.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=1 << 26) as socket:
                page = Page(socket)
                await page("Emulation.setFocusEmulationEnabled", enabled=True)
                for domain in ("Page", "Network", "Runtime"):
                    await page(f"{domain}.enable")
                yield page
                page.reader.cancel()
    finally:
        process.terminate()
        process.wait(timeout=20)

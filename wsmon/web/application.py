"""The web application: a page that is a terminal, and behind each a TUI of its own, by textual-serve."""

from __future__ import annotations

import asyncio
import html
import shlex
import sys
from pathlib import Path
from string import Template
from typing import Any

import textual_serve
from aiohttp import WSMsgType, web
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

from wsmon.domain.errors import StoreError
from wsmon.ports import Log
from wsmon.services.access import Identity
from wsmon.web.door import SIGNED_IN_SECONDS, Door, cookie_name, refuse_foreign_pages
from wsmon.web.session import HANDED_OVER, Told

HERE = Path(__file__).parent
STATIC = Path(textual_serve.__file__).parent / "static"
COMMAND = "exec " + shlex.join([sys.executable, "-m", "wsmon.web.session"])
LOOK_SECONDS = 5.0
"""How often it is looked whether a visitor's token still holds."""
MOST_CELLS = 1000
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self';"
    " img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class Session(AppService):
    """One browser's TUI: a process that is told who looks."""

    def __init__(self, told: Told, socket: web.WebSocketResponse) -> None:
        super().__init__(
            COMMAND,
            write_bytes=socket.send_bytes,
            write_str=socket.send_str,
            close=socket.close,  # type: ignore[arg-type]
            download_manager=DownloadManager(),
        )
        self._told = told

    def _build_environment(self, width: int = 80, height: int = 24) -> dict[str, str]:
        return {**super()._build_environment(width, height), HANDED_OVER: self._told.text()}

    async def hear(self, said: Any) -> None:
        """What the browser says: keys, its size, its focus. Anything else is passed over."""
        match said:
            case ["stdin", str(text)]:
                await self.send_bytes(text.encode("utf-8", "replace"))
            case ["resize", {"width": width, "height": height}]:
                await self.set_terminal_size(cells(width, 80), cells(height, 24))
            case ["blur", *_]:
                await self.blur()
            case ["focus", *_]:
                await self.focus()


class Site:
    """The pages and the sockets. `settings` is what each session opens its engine by."""

    def __init__(self, door: Door, log: Log, settings: dict[str, Any], *, read_only: bool, sessions: int) -> None:
        self._door, self._log, self._settings = door, log, settings
        self._read_only, self._most = read_only, sessions
        self._open: set[web.WebSocketResponse] = set()

    def application(self) -> web.Application:
        """The application; its end ends every session."""
        app = web.Application(client_max_size=16_384, middlewares=[self._guarded])
        app.add_routes(
            [
                web.get("/", self._page),
                web.post("/enter", self._enter),
                web.post("/leave", self._leave),
                web.get("/ws", self._socket),
                web.get("/page.{kind:css|js}", self._asset),
                web.get("/healthz", self._alive),
                web.static("/static", STATIC),
            ]
        )
        app.on_shutdown.append(self._end)
        return app

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Every answer bears the headers; what is refused is in the log, without a secret."""
        try:
            refuse_foreign_pages(request)
            answer: web.StreamResponse = await handler(request)
        except StoreError as error:
            answer = web.Response(status=503, text=str(error))
        except web.HTTPException as error:
            if error.status in {401, 403, 429}:
                self._tell("denied", request, status=error.status, why=error.text)
            error.headers.update(HEADERS)
            raise
        if not answer.prepared:
            answer.headers.update(HEADERS)
        return answer

    def _tell(self, event: str, request: web.Request, **fields: object) -> None:
        self._log.info(event, client=self._door.client(request), path=request.path[:200], **fields)

    async def _visitor(self, request: web.Request) -> Identity | None:
        return await asyncio.to_thread(self._door.visitor, request)

    async def _page(self, request: web.Request) -> web.Response:
        if await self._visitor(request) is None:
            return _html("enter.html", said="wsmon needs a token to let you in.", status=401)
        scheme = "wss" if self._door.over_tls(request) else "ws"
        font = cells(request.query.get("fontsize"), 16)
        return _html("page.html", socket=f"{scheme}://{request.host}/ws", font=str(min(font, 64)))

    async def _enter(self, request: web.Request) -> web.Response:
        secret = str((await request.post()).get("token", ""))[:200]
        number = await asyncio.to_thread(self._door.sign_in, request, secret)
        if number is None:
            self._tell("denied", request, status=401, why="a wrong or expired token")
            return _html("enter.html", said="This token is wrong or has expired.", status=401)
        answer = web.Response(status=303, headers={"Location": "/"})
        answer.set_cookie(
            cookie_name(request),
            number,
            max_age=int(SIGNED_IN_SECONDS),
            httponly=True,
            samesite="Strict",
            secure=self._door.over_tls(request),
        )
        return answer

    async def _leave(self, request: web.Request) -> web.Response:
        self._door.sign_out(request)
        answer = web.Response(status=303, headers={"Location": "/"})
        answer.del_cookie(cookie_name(request))
        return answer

    async def _asset(self, request: web.Request) -> web.FileResponse:
        return web.FileResponse(HERE / f"page.{request.match_info['kind']}")

    async def _alive(self, request: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        """A TUI for as long as the browser stays, the token holds and nobody presses q."""
        visitor = await self._visitor(request)
        if visitor is None:
            raise web.HTTPUnauthorized(text="this needs a token; sign in at /")
        if len(self._open) >= self._most:
            raise web.HTTPServiceUnavailable(text=f"{self._most} sessions are open already (web.sessions)")
        socket = web.WebSocketResponse(heartbeat=15, max_msg_size=1_048_576)
        self._open.add(socket)
        try:
            await socket.prepare(request)
            self._tell("session begins", request, actor=visitor.actor, role=visitor.role.value)
            watching = asyncio.create_task(self._watch(request, socket, visitor))
            try:
                await self._play(request, socket, visitor)
            finally:
                watching.cancel()
                self._tell("session ends", request, actor=visitor.actor)
        finally:
            self._open.discard(socket)
        return socket

    async def _play(self, request: web.Request, socket: web.WebSocketResponse, visitor: Identity) -> None:
        told = Told(self._settings, visitor.actor, visitor.role.value, self._read_only)
        session = Session(told, socket)
        await session.start(cells(request.query.get("width"), 80), cells(request.query.get("height"), 24))
        try:
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    said = _json(message)
                    if isinstance(said, list) and said[:1] == ["ping"]:
                        await socket.send_json(["pong", *said[1:2]])
                    else:
                        await session.hear(said)
        finally:
            await session.stop()

    async def _watch(self, request: web.Request, socket: web.WebSocketResponse, visitor: Identity) -> None:
        """Close the socket once the token behind it is revoked or has expired."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                still = await self._visitor(request)
            except StoreError:
                continue  # whoever is inside sees that the store is away
            except web.HTTPForbidden:
                still = None
            if still != visitor:
                await socket.close()
                return

    async def _end(self, app: web.Application) -> None:
        await asyncio.gather(*(socket.close() for socket in set(self._open)))


def cells(value: object, default: int) -> int:
    """A number of cells somebody sent, within reason."""
    try:
        return max(1, min(MOST_CELLS, int(str(value))))
    except ValueError:
        return default


def _json(message: Any) -> Any:
    try:
        return message.json()
    except ValueError:
        return None


def _html(name: str, *, status: int = 200, **values: str) -> web.Response:
    page = Template((HERE / name).read_text(encoding="utf-8"))
    escaped = {key: html.escape(value) for key, value in values.items()}
    return web.Response(status=status, text=page.substitute(escaped), content_type="text/html")

"""The feed as server-sent events, resumable at any event."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from itertools import islice
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event

from wsmon.api.context import Api, Reader
from wsmon.api.hub import Hub, Item
from wsmon.api.problems import described
from wsmon.domain.times import Instant, from_datetime, micros
from wsmon.ports import StateStore
from wsmon.services.documents import event_document
from wsmon.services.tailing import Tail

router = APIRouter(tags=["events"])
CHUNK = 500
PING_SECONDS = 15.0
LOOK_SECONDS = 5.0
"""How often it is looked whether the token behind a stream still holds."""
Holds = Callable[[], Awaitable[bool]]
OLDEST_DAYS = 7


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses={
        **described(),
        200: {
            "description": "Server-sent events. `id` resumes, `event` is the verb, `data` is the event as in a history.",
            "content": {
                "text/event-stream": {
                    "schema": {
                        "type": "object",
                        "properties": {name: {"type": "string"} for name in ("id", "event", "data")},
                    }
                }
            },
        },
    },
)
async def events(
    request: Request,
    api: Api,
    said: Reader,
    since: Annotated[
        dt.datetime | None, Query(description="From this moment on, a week back at most; UTC if unsaid.")
    ] = None,
    follow: Annotated[bool, Query(description="false: end after the events there are.")] = True,
    last_event_id: Annotated[str | None, Header(description="Go on after this event; a browser sends it.")] = None,
) -> StreamingResponse:
    """Every event from now, from `since`, or after Last-Event-ID: none is left out.

    On DynamoDB a stream that is resumed may show events of the last minutes again; (workset_id, seq) tells them.
    """
    if follow:
        api.hub.refuse_crowd()
    oldest = said.clock.now() - micros(OLDEST_DAYS * 86400)
    moment = max(from_datetime(since), oldest) if since is not None else None
    # Begun here and not in the stream, so that a bad cursor is a problem and no broken stream.
    begun = said.clock.now() if last_event_id is None and moment is None else None
    tail = await to_thread.run_sync(_tail, said.store, last_event_id, moment, begun)
    past = tail.poll(CHUNK)
    first = await _chunk(past)
    stream = _stream(tail, first, past, api.hub if follow else None, request.state.holds)
    return StreamingResponse(stream, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


def _tail(store: StateStore, cursor: str | None, since: Instant | None, begun: Instant | None) -> Tail:
    return Tail(store, store.feed_start(since) if cursor is None else cursor, begun=begun)


async def _chunk(items: Iterator[Item]) -> list[Item]:
    return await to_thread.run_sync(lambda: list(islice(items, CHUNK)))


async def _stream(
    tail: Tail, chunk: list[Item], past: Iterator[Item], hub: Hub | None, holds: Holds
) -> AsyncIterator[bytes]:
    yield b": wsmon\nretry: 3000\n\n"
    while chunk:
        yield b"".join(map(_message, chunk))
        chunk = await _chunk(past)
    if hub is None:
        return
    async with hub.listening() as queue:
        # Once more, for what came between the last look and the first that the hub hears of.
        yield b"".join(map(_message, await to_thread.run_sync(lambda: list(tail.poll()))))
        async for item in _live(queue, holds):
            if item is None:
                yield b": still here\n\n"
            elif tail.new(item[0]):
                yield _message(item)


async def _live(queue: asyncio.Queue[Item | None], holds: Holds) -> AsyncIterator[Item | None]:
    """What comes, None now and then while nothing does; until the hub ends, or whoever reads may not any more."""
    looked = pinged = time.monotonic()
    while True:
        got: list[Item | None] = []
        with contextlib.suppress(TimeoutError):
            got.append(await asyncio.wait_for(queue.get(), LOOK_SECONDS))
        now = time.monotonic()
        if now - looked >= LOOK_SECONDS or not got:
            looked = now
            if not await holds():
                return
        if got:
            if got[0] is None:
                return
            yield got[0]
        elif now - pinged >= PING_SECONDS:
            yield None
        else:
            continue
        pinged = now


def _message(item: Item) -> bytes:
    event, cursor = item
    return format_sse_event(data_str=json.dumps(event_document(event)), event=event.verb.value, id=cursor)

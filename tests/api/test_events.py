"""The feed as a stream: from now, from a moment, and on after any event."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.server import Service, serving
from tests.waiting import wait_for
from wsmon.adapters.sqlite import SqliteStore
from wsmon.api import events
from wsmon.api.context import Limits
from wsmon.domain.roles import Role
from wsmon.domain.spec import WorksetSpec
from wsmon.services import access
from wsmon.services.access import create_token, revoke_token


class Reader:
    """Reads a stream on a thread."""

    def __init__(self, service: Service, path: str = "/events", **headers: str) -> None:
        self.events: list[dict[str, Any]] = []
        self.began = threading.Event()
        self._client = httpx.Client(base_url=service.url, timeout=30, trust_env=False)
        self._headers, self._path = headers, path
        self.leaving = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        assert self.began.wait(10)

    def _read(self) -> None:
        with (
            contextlib.suppress(httpx.HTTPError),
            self._client.stream("GET", self._path, headers=self._headers) as reply,
        ):
            assert reply.headers["content-type"].startswith("text/event-stream")
            fields: dict[str, str] = {}
            for line in reply.iter_lines():
                self.began.set()
                if self.leaving.is_set():
                    return
                name, _, value = line.partition(": ")
                if line and name:
                    fields[name] = value
                elif not line and "data" in fields:
                    self.events.append({**json.loads(fields["data"]), "id": fields["id"], "event": fields["event"]})
                    fields = {}

    @property
    def reading(self) -> bool:
        """Whether the stream goes on."""
        return self._thread.is_alive()

    def told(self) -> list[tuple[str, int]]:
        return [(event["workset_id"], event["seq"]) for event in self.events]

    def end(self) -> None:
        self.leaving.set()
        self._thread.join(timeout=20)
        self._client.close()


def test_a_stream_shows_every_event_and_goes_on_where_it_broke(any_service: Service) -> None:
    service = any_service
    service.register("before")
    readers = [Reader(service) for _ in range(3)]
    wait_for(lambda: service.app.state.shared.meters.streams._value.get() == 3)
    for number in range(5):
        service.register(f"w{number}")
    expected = [(f"w{number}", 1) for number in range(5)]
    for reader in readers:
        # On DynamoDB too, whose index is read a little back, nothing of before it began is told.
        wait_for(lambda reader=reader: len(reader.told()) >= 5)  # type: ignore[misc]
        assert reader.told() == expected
        assert {event["event"] for event in reader.events} == {"register"}
        assert len(set(reader.told())) == len(reader.told())
    service("POST", "/worksets/w4/ignore", 200)
    again = Reader(service, **{"Last-Event-ID": readers[0].events[-3]["id"]})
    service("POST", "/worksets/w3/ignore", 200)
    wanted = {("w3", 1), ("w4", 1), ("w4", 2), ("w3", 2)}
    wait_for(lambda: wanted <= set(again.told()))
    assert len(set(again.told())) == len(again.told())
    if service.store.info.engine == "sqlite":
        assert again.told() == [("w3", 1), ("w4", 1), ("w4", 2), ("w3", 2)]
    for reader in [*readers, again]:
        reader.leaving.set()
    service.register("last")
    for reader in [*readers, again]:
        reader.end()


def test_what_was_is_told_from_a_moment_on_and_the_stream_ends(service: Service) -> None:
    for name in ("a", "b"):
        service.register(name)
    moment = service("GET", "/worksets/b")["created_at"]
    text = service.client.get("/events", params={"follow": "false", "since": moment}).text
    assert text.count("data: ") == 1
    assert '"workset_id": "b"' in text
    assert "data: " not in service.client.get("/events?follow=false").text
    service("GET", "/events", 422, headers={"Last-Event-ID": "nonsense"})
    service("GET", "/events?since=yesterday", 422)


def test_text_from_outside_breaks_no_stream(service: Service) -> None:
    service.register("w")
    service("POST", "/worksets/w/ignore", 200, json={"reason": "a\n\ndata: {}\r\nevent: x\u2028\x1b[2J"})
    text = service.client.get("/events?follow=false&since=2020-01-01T00:00:00Z").text
    (last,) = [line for line in text.splitlines() if "ignore" in line and line.startswith("data: ")]
    assert json.loads(last[6:])["reason"].startswith("a\n\ndata: {}\r\nevent: x")


def test_streams_are_bounded_and_end_with_the_service(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "wsmon.db")
    with serving(store, limits=Limits(streams=1)) as service:
        reader = Reader(service)
        wait_for(lambda: service.app.state.shared.meters.streams._value.get() == 1)
        service("GET", "/events", 429)
        began = time.monotonic()
    assert time.monotonic() - began < 0.9, "the service waited for the stream"
    reader.end()
    store.close()


def test_a_stream_ends_with_the_token_behind_it(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Revoked, expired, or come in before there were any: nobody listens on who could not come in again."""
    monkeypatch.setattr(events, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(access, "KNOWN_SECONDS", 0.1)
    before = Reader(service)
    secret, _ = create_token(service.commands, Role.READER, name="gone")
    wait_for(lambda: not before.reading)
    kept, _ = create_token(service.commands, Role.READER, name="kept")
    comes_in = [{"Authorization": f"Bearer {one}"} for one in (kept, secret)]
    for headers in comes_in:
        wait_for(lambda h=headers: service.client.get("/worksets", headers=h).status_code == 200)  # type: ignore[misc]
    readers = [Reader(service, **headers) for headers in comes_in]
    wait_for(lambda: service.app.state.shared.meters.streams._value.get() == 2)
    revoke_token(service.commands, "gone")
    wait_for(lambda: not readers[1].reading)
    service.commands.register(WorksetSpec("w", "b", "p"))
    wait_for(lambda: readers[0].told() == [("w", 1)])
    assert readers[1].told() == before.told() == []
    readers[0].leaving.set()
    service.commands.ignore("w")
    for reader in (before, *readers):
        reader.end()

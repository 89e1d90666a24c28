"""Pages, versions, bounds and odd names, on a real socket."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from tests.api.server import Service, serving
from tests.contract.test_records import spoil
from wsmon.adapters.sqlite import SqliteStore
from wsmon.api.context import Limits
from wsmon.domain.errors import StoreUnreachable
from wsmon.domain.states import WorksetState


def pages(service: Service, path: str) -> list[str]:
    """The ids of all pages, by following the Link headers."""
    found: list[str] = []
    while path:
        reply = service.client.get(path)
        assert reply.status_code == 200, reply.text
        found += [one["workset_id"] for one in reply.json()]
        link = reply.headers.get("link")
        match = re.fullmatch(r'<(.+)>; rel="next"', link) if link else None
        assert bool(match) == bool(link)
        path = match[1] if match else ""
    return found


def test_pages_lead_through_all_states_and_filters(any_service: Service) -> None:
    service = any_service
    for number in range(9):
        service.register(f"w{number}", priority=("urgent", "normal", "low")[number % 3])
    for name in ("w1", "w4"):
        service("POST", f"/worksets/{name}/ignore", 200)
    service("POST", "/worksets/w7/lock?owner_id=m", 200)
    in_order = ["w0", "w3", "w6", "w2", "w5", "w8", "w7", "w1", "w4"]
    assert pages(service, "/worksets") == in_order
    for limit in (2, 3):
        assert pages(service, f"/worksets?limit={limit}") == in_order
        assert pages(service, f"/worksets?limit={limit}&full=false") == in_order
    assert pages(service, "/worksets?id=w[148]&limit=1") == ["w8", "w1", "w4"]
    assert pages(service, "/worksets?priority=normal&limit=1") == ["w7", "w1", "w4"]
    assert pages(service, "/worksets?owner=m") == ["w7"]
    assert pages(service, "/worksets?cluster=nowhere") == []
    assert pages(service, "/worksets?filter=is:waiting%20!prio:low%20id:w*&limit=2") == ["w0", "w3", "w6"]
    assert "colour is no field" in service("GET", "/worksets?filter=colour:red", 422)["detail"]
    since = service("GET", "/worksets/w7")["updated_at"]
    assert pages(service, f"/worksets?changed_since={since}") == ["w7"]
    first = service.client.get("/worksets?state=ready&limit=1").headers["link"]
    other = first.partition("<")[2].partition(">")[0].replace("state=ready", "state=ignored")
    service("GET", other, 422)
    for bad in ("x", "e30", "WyJyZWFkeSIsMSwyXQ", "%F0"):
        service("GET", f"/worksets?cursor={bad}", 422)


def test_an_unreadable_workset_breaks_no_listing(service: Service) -> None:
    for name in ("a", "b", "c"):
        service.register(name)
    spoil(type("World", (), {"store": service.store})(), "b")
    for full in ("true", "false"):
        reply = service.client.get(f"/worksets?full={full}")
        assert [one["workset_id"] for one in reply.json()] == ["a", "c"]
        assert reply.headers["x-malformed"] == "b"
    assert "'b'" in service("GET", "/worksets/b", 503)["detail"]
    assert service.log.told("malformed worksets")


def test_a_version_guards_reading_and_writing(service: Service) -> None:
    service.register("w")
    reply = service.client.get("/worksets/w")
    tag = reply.headers["etag"]
    assert service.client.get("/worksets/w", headers={"If-None-Match": tag}).status_code == 304
    assert service.client.get("/worksets/w", headers={"If-None-Match": '"99"'}).status_code == 200
    moved = service.client.post("/worksets/w/priority", json={"priority": "urgent"}, headers={"If-Match": tag})
    assert moved.status_code == 200
    assert moved.headers["etag"] != tag
    for stale in (tag, '"nonsense"', 'W/"0"'):
        refused = service("POST", "/worksets/w/ignore", 412, headers={"If-Match": stale})
        assert refused["current_rev"] == 2
        service("PUT", "/worksets/w/state", 412, json={"state": "ignored", "reason": "r"}, headers={"If-Match": stale})
    service("POST", "/worksets/w/ignore", 200, headers={"If-Match": "*"})
    assert [event.verb.value for event in service.store.history("w")] == ["register", "set_priority", "ignore"]


@pytest.mark.parametrize("name", ["a/b", "a/lock", "ü?x=1#y", "100%", "[bold]x", "a b", "next/next"])
def test_any_id_can_be_reached(service: Service, name: str) -> None:
    service.register(name)
    path = f"/worksets/{quote(name, safe='')}"
    assert service("GET", path, 200)["workset_id"] == name
    service("POST", f"{path}/priority", 200, json={"priority": "low"})
    history = service.client.get(f"{path}/history?limit=1")
    following = history.headers["link"].partition("<")[2].partition(">")[0]
    assert [event["verb"] for event in service("GET", following, 200)] == ["set_priority"]


def test_every_verb_of_an_operator(service: Service) -> None:
    service.register("w")
    assert service("POST", "/worksets/w/affinity", 200, json={"cluster": "c1"})["preferred_cluster"] == "c1"
    assert service("GET", "/worksets/w/why", 200)["state"] == "ready"
    lock = service("POST", "/worksets/w/lock?owner_id=m&seconds=60", 200)
    assert lock["seconds"] == 60
    assert service("PUT", "/worksets/w/lock?owner_id=m", 200)["expires_at"] > lock["expires_at"]
    service("PUT", "/worksets/w/lock?owner_id=n", 409)
    service("POST", "/worksets/w/unlock", 422, json={"reason": " "})
    assert service("POST", "/worksets/w/unlock", 200, json={"reason": "gone"})["state"] == "ready"
    service("POST", "/worksets/w/lock?owner_id=m", 200)
    assert service("POST", "/worksets/w/cancel", 200)["cancel"]["by"] == "local"
    assert service("DELETE", "/worksets/w/lock?owner_id=m", 200)["released"] is True
    assert service("GET", "/worksets/w")["state"] == "ignored"
    for verb, state in (("archive", "archived"), ("restore", "ignored")):
        assert service("POST", f"/worksets/w/{verb}", 200, json={"reason": verb})["state"] == state
    assert service("POST", "/worksets/w/requeue", 200, json={"reason": "again"})["state"] == "ready"
    assert service("DELETE", "/worksets/w?reason=old", 200)["state"] == "deleted"
    assert service("POST", "/worksets/w/purge", 204) is None
    service("GET", "/worksets/w", 404)
    told = service("GET", "/worksets/w/history", 200)
    assert (told[-1]["verb"], told[-2]["reason"]) == ("purge", "old")


def test_bounds_of_size_time_and_rate(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "wsmon.db")
    limits = Limits(rate="8/minute", body_bytes=2000, body_seconds=0.3)
    with serving(store, limits=limits) as service:
        body = {"workset_id": "w", "bucket": "b", "prefix": "p", "metadata": {"x": "y" * 3000}}
        service("POST", "/worksets", 413, json=body)
        parts = iter([b'{"a":', b'"' + b"x" * 3000])
        service("POST", "/worksets", 413, content=parts, headers={"content-type": "application/json"})
        host, port = urlsplit(service.url).netloc.split(":")
        with socket.create_connection((host, int(port))) as slow:
            slow.sendall(f"POST /worksets HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n".encode())
            slow.sendall(b"Content-Length: 100\r\n\r\n{")
            began = time.monotonic()
            assert b" 408 " in slow.recv(4096)
            assert time.monotonic() - began < 5
        codes = [service.client.get("/healthz").status_code for _ in range(10)]
        assert codes.count(429) == 5
        assert int(service.client.get("/healthz").headers["retry-after"]) > 0
    store.close()


def test_nobody_is_waited_for_who_never_says_what_they_want(tmp_path: Path) -> None:
    """Silent, half a header, half a header after an answer, a body by drops: each is let go of."""
    store = SqliteStore(tmp_path / "wsmon.db")
    with serving(store, limits=Limits(body_seconds=0.4)) as service:
        host, port = urlsplit(service.url).netloc.split(":")
        half = f"GET /healthz HTTP/1.1\r\nHost: {host}\r\nX-A: a"
        body = f"POST /worksets HTTP/1.1\r\nHost: {host}\r\nContent-Length: 9000\r\n\r\n"
        said = ("", half, f"{half}\r\n\r\n{half}", body)
        heard = [dripping(host, int(port), one) for one in said]
        assert heard[:2] == [b"", b""]
        assert b" 200 " in heard[2]
        assert b" 408 " in heard[3]
        service("GET", "/healthz", 200)
        time.sleep(0.5)  # a connection between two requests is no such caller
        service("GET", "/healthz", 200)
    store.close()


def dripping(host: str, port: int, said: str) -> bytes:
    """What is heard until the other side hangs up, by one who goes on drop by drop."""
    heard, until = b"", time.monotonic() + 5
    with socket.create_connection((host, port)) as caller:
        caller.settimeout(0.05)
        caller.sendall(said.encode())
        while time.monotonic() < until:
            with contextlib.suppress(TimeoutError):
                try:
                    got = caller.recv(4096)
                    if not got:
                        return heard
                    heard += got
                except ConnectionError:
                    return heard
            if said:
                with contextlib.suppress(OSError):
                    caller.sendall(b"a")
    raise AssertionError(f"still waited for after {said[:200]!r}")


def test_a_request_keeps_its_id_and_an_unexpected_error_shows_no_insides(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert service.client.get("/", headers={"X-Request-ID": "abc-1"}).headers["x-request-id"] == "abc-1"
    forged = service.client.get("/", headers={"X-Request-ID": "a b\x7f"}).headers["x-request-id"]
    assert re.fullmatch("[0-9a-f]{32}", forged)
    monkeypatch.setattr(service.store, "tallies", lambda: 1 / 0)
    document = service("GET", "/queue/stats", 500)
    assert "ZeroDivisionError" in document["detail"]
    assert "Traceback" not in str(document)
    told = dict(service.log.lines)["unexpected error"]
    assert told["request_id"] == document["request_id"]


def test_a_method_that_is_not_there_is_told_which_are_and_words_are_not_kept(service: Service) -> None:
    """A probe may ask by HEAD. Whoever stands at the door may say any word for a method: none becomes a figure."""
    for path, methods in (
        ("/worksets", "GET, HEAD, POST"),
        ("/worksets/w/lock", "DELETE, POST, PUT"),
        ("/healthz", "GET, HEAD"),
        ("/docs", "GET, HEAD"),
        ("/events", "GET"),
    ):
        reply = service.client.request("PATCH", path)
        assert (reply.status_code, reply.headers["allow"]) == (405, methods)
        assert service("BREW", path, 405)
    service.register("w")
    whole = service.client.get("/worksets/w")
    head = service.client.head("/worksets/w")
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", whole.headers["etag"])
    assert head.headers["content-length"] == whole.headers["content-length"]
    assert service.client.head("/worksets/none").status_code == 404
    assert service.client.head("/healthz").status_code == 200
    assert service.client.head("/events").status_code == 405
    figures = service.client.get("/metrics").text
    assert "BREW" not in figures
    assert 'method="other",route="/worksets",status="405"} 1.0' in figures


def test_a_store_that_is_away_is_said_and_the_process_is_alive(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise StoreUnreachable("the store does not answer")

    monkeypatch.setattr(service.store, "tallies", away)
    monkeypatch.setattr(service.store, "record", away)
    service("GET", "/healthz", 200)
    service("GET", "/readyz", 503)
    reply = service.client.get("/worksets/w")
    assert reply.status_code == 503
    assert reply.headers["retry-after"] == "5"
    figures = service.client.get("/metrics").text
    assert "wsmon_store_up 0.0" in figures
    assert "wsmon_worksets{" not in figures


def test_figures_tell_the_queue_the_locks_and_the_requests(service: Service) -> None:
    service.register("a")
    service.register("b")
    service("POST", "/worksets/b/lock?owner_id=m", 200)
    figures = service.client.get("/metrics").text
    for line in (
        'wsmon_worksets{state="ready"} 1.0',
        'wsmon_worksets{state="locked"} 1.0',
        'wsmon_locks{lock="live"} 1.0',
        "wsmon_store_up 1.0",
        'wsmon_http_requests_total{method="POST",route="/worksets",status="201"} 2.0',
    ):
        assert line in figures
    assert figures.count('wsmon_worksets{state="') == len(WorksetState)


def test_alerts_clusters_and_monitors(service: Service) -> None:
    service.register("w")
    service("POST", "/worksets/w/lock?owner_id=m", 200)
    service("PUT", "/worksets/w/state", 200, json={"state": "in_progress", "reason": "go"})
    service("PUT", "/worksets/w/state", 200, json={"state": "error", "reason": "r", "error_details": "boom"})
    (alert,) = service("GET", "/alerts", 200)
    assert (alert["kind"], alert["subject"], alert["silenced"]) == ("error", "w", False)
    service("POST", "/alerts/nothing/ack", 404)
    path = f"/alerts/{quote(alert['fingerprint'], safe='')}/ack"
    (taken,) = service("POST", path, 200, json={"reason": "looking"})
    assert (taken["status"], taken["by"]) == ("acknowledged", "local")
    assert service("GET", "/alerts")[0]["status"] == "acknowledged"
    assert service("GET", "/clusters", 200) == []
    assert service("GET", "/monitors", 200) == []

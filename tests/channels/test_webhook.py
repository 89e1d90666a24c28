"""The webhook: what it says, how it is signed, and what each failure means."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import socket
import threading
import time

import pytest

from tests.channels.build import HOSTILE, message, notice
from tests.channels.receiver import Receiver
from wsmon.adapters import http
from wsmon.adapters.webhook import WebhookChannel
from wsmon.domain.errors import ChannelDown, ChannelRefused


def test_a_message_arrives_with_its_events_and_its_count() -> None:
    with Receiver() as receiver:
        sent = message(*(notice(n) for n in range(1, 151)))
        assert WebhookChannel("hook", receiver.url + "/x").send(sent) == "HTTP 200"
    (request,) = receiver.taken
    body = request.json
    assert (request.path, body["count"], len(body["events"])) == ("/x", 150, 100)
    assert body["title"] == "150 x error (data)"
    assert body["message_id"] == request.headers["webhook-id"] == sent.message_id
    first = body["events"][0]
    assert first["event_id"] == "w1:4"
    assert {first[n] for n in ("workset_id", "event_type", "state", "severity", "status", "text")} == {
        "w1",
        "error",
        "warning",
        "firing",
        "w1 broke",
    }


def test_text_from_outside_comes_through_whole() -> None:
    with Receiver() as receiver:
        WebhookChannel("hook", receiver.url).send(message(notice(text=HOSTILE, subject="w\udfff")))
    (request,) = receiver.taken
    assert request.body.isascii()
    assert request.json["events"][0]["text"] == HOSTILE


@pytest.mark.parametrize(
    ("secret", "key"), [("plain", b"plain"), ("whsec_" + base64.b64encode(b"raw key").decode(), b"raw key")]
)
def test_the_signature_can_be_checked_by_who_knows_the_secret(secret: str, key: bytes) -> None:
    with Receiver() as receiver:
        WebhookChannel("hook", receiver.url, secret).send(message())
    (request,) = receiver.taken
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert request.headers["webhook-signature"] == f"v1,{expected}"
    assert abs(int(request.headers["webhook-timestamp"]) - time.time()) < 10
    assert secret not in str(request)


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_status_that_finds_fault_with_the_message_refuses_it(status: int) -> None:
    with Receiver(faults=[status]) as receiver, pytest.raises(ChannelRefused, match=str(status)):
        WebhookChannel("hook", receiver.url).send(message())


@pytest.mark.parametrize("fault", [301, 401, 403, 404, 408, 429, 500, 503, "reset"])
def test_every_other_failure_is_a_channel_that_is_down(fault: str | int) -> None:
    with Receiver(faults=[fault], retry_after="7") as receiver, pytest.raises(ChannelDown) as down:
        WebhookChannel("hook", receiver.url + "/secret-path").send(message())
    assert "secret-path" not in str(down.value)
    assert down.value.retry_after == (None if fault == "reset" else 7.0)


def test_a_receiver_that_hangs_or_is_not_there_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "TIMEOUT_SECONDS", 0.2)
    began = time.monotonic()
    with Receiver(faults=["hang"]) as receiver, pytest.raises(ChannelDown, match="no answer in time"):
        WebhookChannel("hook", receiver.url).send(message())
    with pytest.raises(ChannelDown, match="cannot be reached"):
        WebhookChannel("hook", receiver.url).send(message())
    assert time.monotonic() - began < 5


def test_a_receiver_that_drips_headers_for_ever_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes in time; only the whole answer does not."""
    monkeypatch.setattr(http, "TIMEOUT_SECONDS", 0.3)
    monkeypatch.setattr(http, "DEADLINE_SECONDS", 0.3)
    ended = threading.Event()

    def drip(listener: socket.socket) -> None:
        taken, _ = listener.accept()
        with taken, contextlib.suppress(OSError):
            taken.sendall(b"HTTP/1.1 200 OK\r\n")
            while not ended.wait(0.1):
                taken.sendall(b"x-more: 1\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        began = time.monotonic()
        with pytest.raises(ChannelDown):
            WebhookChannel("hook", f"http://127.0.0.1:{listener.getsockname()[1]}").send(message())
        assert time.monotonic() - began < 4
        ended.set()
        thread.join()


def test_a_retry_after_may_be_a_date() -> None:
    assert http.retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    assert (http.retry_after({"retry-after": "Wed, 21 Oct 2099 07:28:00 GMT"}) or 0) > 1e9
    assert http.retry_after({"retry-after": "soon"}) is None

"""One HTTP request to a channel within a bound of time, and what goes wrong in wsmon's own words."""

from __future__ import annotations

import contextlib
import email.utils
import re
import threading
import time
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wsmon.domain.errors import ChannelDown, ChannelRefused

if TYPE_CHECKING:
    import httpx

TIMEOUT_SECONDS = 8.0
DEADLINE_SECONDS = 12.0
HIDDEN, LEAST_CHARS = "***", 12
"""What stands for a secret; a part of an address that is shorter is a word, such as `services`."""
MAX_REPLY_BYTES = 65_536
_OWN_FAULT = frozenset({400, 413, 414, 415, 422})
"""Statuses that find fault with the message; every other failure may be an address, a key or a bad hour."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A channel's answer; `text` is its head, without the secrets that it was asked with."""

    status: int
    text: str
    headers: Mapping[str, str]


def post(url: str, content: bytes, headers: Mapping[str, str], *, hidden: Iterable[str] = ()) -> Reply:
    """POST, whatever the status. Raises ChannelDown without an answer in time; names the host, never the whole URL.

    `hidden` are secrets: an answer may repeat what it was asked, and ends up in logs, alerts and other channels.
    """
    import httpx  # a monitor without channels loads none

    host = ""
    hidden, until = list(hidden), time.monotonic() + DEADLINE_SECONDS
    try:
        host = httpx.URL(url).host
        with (
            httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=False) as client,
            _ending(client),
            client.stream("POST", url, content=content, headers=dict(headers)) as response,
        ):
            return Reply(response.status_code, without(_body(response, until), hidden), response.headers)
    except httpx.TimeoutException as error:
        raise ChannelDown(f"{host} gave no answer in time ({type(error).__name__})") from None
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, UnicodeError) as error:
        raise ChannelDown(f"{host or 'the address'} cannot be reached ({type(error).__name__})") from None


@contextlib.contextmanager
def _ending(client: httpx.Client) -> Iterator[None]:
    """Close the client at the deadline: httpx bounds each read, and a receiver that drips headers fits into every one."""
    timer = threading.Timer(DEADLINE_SECONDS + TIMEOUT_SECONDS, client.close)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def parts_of(url: str) -> list[str]:
    """What of an address may be a secret: its path, its query, its password, and each part of them that is long."""
    try:
        split = urllib.parse.urlsplit(url)
    except ValueError:
        return [url]
    whole = [f"{split.path}?{split.query}", split.path, split.query, split.password or ""]
    found = [part for text in whole for part in (text, urllib.parse.unquote(text))]
    return [part for text in found for part in (text, *re.split(r"[/?&=;]", text)) if len(part) >= LEAST_CHARS]


def without(text: str, hidden: Iterable[str]) -> str:
    """A text without these secrets, the longest first: one may hold another."""
    for secret in sorted({one for one in hidden if one}, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def _body(response: httpx.Response, until: float) -> str:
    """The head of the body; a receiver that drips bytes is cut off."""
    body = b""
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > MAX_REPLY_BYTES or time.monotonic() > until:
            break
    return body[:MAX_REPLY_BYTES].decode(errors="replace")


def checked(reply: Reply) -> Reply:
    """The reply of a 2xx. Raises ChannelRefused where the message is at fault, else ChannelDown."""
    if 200 <= reply.status < 300:
        return reply
    text = f"HTTP {reply.status}: {reply.text[:200]}" if reply.text else f"HTTP {reply.status}"
    if reply.status in _OWN_FAULT:
        raise ChannelRefused(text)
    raise ChannelDown(text, retry_after(reply.headers))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a Retry-After header asks for, as a number or a date."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None

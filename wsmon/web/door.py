"""Who may look into the browser's TUI: whoever has a token, and without any token this machine, read-only."""

from __future__ import annotations

import ipaddress
import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import web
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from wsmon.adapters.listening import FORWARDED, LOCAL_NAMES, is_loopback
from wsmon.domain.roles import Role
from wsmon.ports import Clock
from wsmon.services.access import Access, Identity

SIGNED_IN_SECONDS = 12 * 3600.0
MOST_SIGNED_IN = 1000


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings and the command line say of the door."""

    tokens_required: bool
    """Whether nobody comes in without a token even while there is none."""
    trust_proxy: bool
    """Whether a proxy on this machine says who the client is and how it came."""
    denied_rate: str
    """How often one client may give a wrong token."""


class Door:
    """Sign-ins of this process. A browser gets a number drawn for it, never a token's secret, for its cookie."""

    def __init__(self, access: Access, clock: Clock, who: str, rules: Rules) -> None:
        self._access, self._clock, self._rules = access, clock, rules
        self._local = Identity(who, Role.READER)
        self._signed_in: dict[str, tuple[str, float]] = {}
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._rate: RateLimitItem = parse(rules.denied_rate)

    def visitor(self, request: web.Request) -> Identity | None:
        """Who is asking; None for whoever has to sign in first. Raises HTTPForbidden, StoreError."""
        secret = self._secret(request)
        if secret is not None:
            return self._access.check(secret)
        if self._rules.tokens_required or self._access.configured():
            return None
        _refuse_strangers(request)
        return self._local

    def sign_in(self, request: web.Request, secret: str) -> str | None:
        """What the browser's cookie shall be; None for a wrong token. Raises HTTPTooManyRequests, StoreError."""
        if self._access.check(secret) is None:
            if not self._limiter.hit(self._rate, "denied", self.client(request)):
                raise web.HTTPTooManyRequests(text=f"more than {self._rate}; come again later")
            return None
        now, number = self._clock.monotonic(), secrets.token_urlsafe(32)
        kept = {name: one for name, one in self._signed_in.items() if one[1] > now}
        self._signed_in = dict([*kept.items(), (number, (secret, now + SIGNED_IN_SECONDS))][-MOST_SIGNED_IN:])
        return number

    def sign_out(self, request: web.Request) -> None:
        """Forget this browser."""
        self._signed_in.pop(request.cookies.get(cookie_name(request), ""), None)

    def client(self, request: web.Request) -> str:
        """The address somebody came from."""
        peer = request.remote or "local"
        if self._rules.trust_proxy and is_loopback(peer):
            return request.headers.get("X-Forwarded-For", peer).split(",")[-1].strip()[:64]
        return peer

    def over_tls(self, request: web.Request) -> bool:
        """Whether the browser speaks TLS, to the proxy before us."""
        trusted = self._rules.trust_proxy and is_loopback(request.remote or "")
        return trusted and request.headers.get("X-Forwarded-Proto") == "https"

    def _secret(self, request: web.Request) -> str | None:
        secret, until = self._signed_in.get(request.cookies.get(cookie_name(request), ""), (None, 0.0))
        return secret if until > self._clock.monotonic() else None


def cookie_name(request: web.Request) -> str:
    """A cookie's name. Cookies know no ports: two servers of one host must not take each other's."""
    return f"wsmon-{port_of(request)}"


def port_of(request: web.Request) -> int:
    """The port we listen on; 0 where there is none to be seen."""
    name = request.transport.get_extra_info("sockname") if request.transport is not None else None
    return int(name[1]) if isinstance(name, tuple) else 0


def refuse_foreign_pages(request: web.Request) -> None:
    """A page of another origin, open in the same browser, must neither write here nor listen. Raises HTTPForbidden."""
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        raise web.HTTPForbidden(text="requests from pages of another origin are refused")


def _refuse_strangers(request: web.Request) -> None:
    """Without tokens: only this machine, under a name of its own (DNS may lie to a browser). Raises HTTPForbidden."""
    name = request.transport.get_extra_info("sockname") if request.transport is not None else None
    if not isinstance(name, tuple) or not ipaddress.ip_address(name[0]).is_loopback:
        raise web.HTTPForbidden(text="without tokens only this machine may come in; see `wsmon token create`")
    if urlsplit(f"//{request.host}").hostname not in LOCAL_NAMES:
        raise web.HTTPForbidden(text="without tokens only localhost is served")
    if any(header in request.headers for header in FORWARDED):
        raise web.HTTPForbidden(text="without tokens nobody comes in by a proxy; see `wsmon token create`")

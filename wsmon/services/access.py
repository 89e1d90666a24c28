"""Tokens of the API and the browser: who may come in, and in which role."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass

from wsmon.domain.errors import Conflict, InvalidInput, NotThere
from wsmon.domain.roles import Role, parse_role
from wsmon.domain.spec import check_name
from wsmon.domain.times import micros
from wsmon.ports import Clock, StateStore, TokenRecord
from wsmon.services.commands import Commands

PREFIX = "wsmon"
KNOWN_SECONDS = 5.0
MAX_LIFE_SECONDS = 10 * 366 * 86400.0
_NOBODY = hashlib.sha256(b"nobody").hexdigest()


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is: the actor of their events, and their role."""

    actor: str
    role: Role


class Access:
    """Checks tokens against the store, whose list is read anew every KNOWN_SECONDS.

    A secret is drawn with 256 bits, so its plain SHA-256 cannot be guessed backwards; it is shown
    once and kept nowhere.
    """

    def __init__(self, store: StateStore, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._mutex = threading.Lock()
        self._known: dict[str, TokenRecord] = {}
        self._read_at = float("-inf")

    def fresh(self) -> bool:
        """Whether `check` will answer without the store."""
        return self._clock.monotonic() - self._read_at < KNOWN_SECONDS

    def configured(self) -> bool:
        """Whether there is any token at all; an expired one counts, or its end would open the door."""
        return bool(self._tokens())

    def check(self, secret: str) -> Identity | None:
        """Whose secret this is; None for a wrong or expired one. Compares in constant time."""
        parts = secret.split("_", 2)
        token = self._tokens().get(parts[1]) if len(parts) == 3 and parts[0] == PREFIX else None
        same = hmac.compare_digest(_digest(secret), token.digest if token else _NOBODY)
        if token is None or not same:
            return None
        if token.expires_at is not None and token.expires_at <= self._clock.now():
            return None
        return Identity(token.name, parse_role(token.role))

    def _tokens(self) -> dict[str, TokenRecord]:
        if not self.fresh():
            moment = self._clock.monotonic()
            found = {token.token_id: token for token in self._store.tokens()}
            with self._mutex:
                self._known, self._read_at = found, moment
        return self._known


def create_token(
    commands: Commands,
    role: Role,
    *,
    name: str | None = None,
    seconds: float | None = None,
    draw: Callable[[int], str] = secrets.token_hex,
) -> tuple[str, TokenRecord]:
    """A new token and its secret, which nobody can see again. Needs an admin. Raises Conflict for a name in use."""
    commands.allow(Role.ADMIN)
    if seconds is not None and not 0 < seconds <= MAX_LIFE_SECONDS:
        raise InvalidInput(f"a token cannot live {seconds:g} s; give it more than 0 and at most ten years")
    token_id = draw(4)
    name = check_name("token name", name if name is not None else f"{role.value}-{token_id}", 100)
    if any(token.name == name for token in commands.store.tokens()):
        raise Conflict(f"a token named {name!r} exists already; revoke it first, or choose another name")
    secret = f"{PREFIX}_{token_id}_{draw(32)}"
    now = commands.clock.now()
    expires = None if seconds is None else now + micros(seconds)
    record = TokenRecord(token_id, name, role.value, _digest(secret), now, commands.actor, expires)
    commands.store.put_token(record)
    return secret, record


def revoke_token(commands: Commands, name: str) -> TokenRecord:
    """Take a token away; servers forget it within KNOWN_SECONDS. Needs an admin. Raises NotThere for an unknown one."""
    commands.allow(Role.ADMIN)
    for token in commands.store.tokens():
        if name in {token.name, token.token_id}:
            commands.store.remove_token(token.token_id)
            return token
    raise NotThere(f"there is no token {name!r}; `wsmon token list` shows them")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()

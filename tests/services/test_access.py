"""Roles and tokens: who may say what, decided below every face."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.services.desk import Desk
from wsmon.domain.errors import Conflict, InvalidInput, LockLost, NotAllowed, NotThere, ReadOnly, Refused
from wsmon.domain.roles import Role
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import WorksetPriority
from wsmon.domain.workset import LeaseMark
from wsmon.services.access import KNOWN_SECONDS, Access, create_token, revoke_token
from wsmon.services.commands import Commands

MARK: LeaseMark = (1, 0)
WRITES: dict[str, Callable[[Commands], object]] = {
    "register": lambda c: c.register(WorksetSpec("new", "b")),
    "register_many": lambda c: list(c.register_many([WorksetSpec("new", "b")])),
    "acquire": lambda c: c.acquire("w", holder="h", seconds=60),
    "refresh": lambda c: c.refresh("w", holder="h"),
    "start": lambda c: c.start("w", token=1),
    "progress": lambda c: c.progress("w", token=1, step="s"),
    "complete": lambda c: c.complete("w", token=1),
    "release": lambda c: c.release("w", token=1),
    "adopt": lambda c: c.adopt("w", holder="h", seconds=60),
    "cancelled": lambda c: c.cancelled("w", token=1),
    "expire": lambda c: c.expire("w", dead=MARK),
    "unlock": lambda c: c.unlock("w", reason="r"),
    "requeue": lambda c: c.requeue("w", reason="r"),
    "ignore": lambda c: c.ignore("w"),
    "cancel": lambda c: c.cancel("w"),
    "set_priority": lambda c: c.set_priority("w", WorksetPriority.LOW),
    "set_affinity": lambda c: c.set_affinity("w", "c"),
    "archive": lambda c: c.archive("w"),
    "restore": lambda c: c.restore("w"),
    "delete": lambda c: c.delete("w"),
    "purge": lambda c: c.purge("w"),
    "create_token": lambda c: create_token(c, Role.READER),
    "revoke_token": lambda c: revoke_token(c, "x"),
}
FOR_ADMINS = {"purge", "create_token", "revoke_token"}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.parametrize("name", WRITES)
def test_a_reader_changes_nothing(desk: Desk, name: str) -> None:
    desk.register()
    before = desk.store.history("w")
    with pytest.raises(NotAllowed, match="'ann' is reader"):
        WRITES[name](desk.commands.acting_as("ann", Role.READER))
    desk.commands.writable = False
    with pytest.raises(ReadOnly):
        WRITES[name](desk.commands)
    assert desk.store.history("w") == before
    assert desk.store.tokens() == []


@pytest.mark.parametrize("name", sorted(FOR_ADMINS))
def test_what_is_for_good_needs_an_admin(desk: Desk, name: str) -> None:
    desk.register()
    desk.commands.delete("w")
    with pytest.raises(NotAllowed, match="needs admin"):
        WRITES[name](desk.commands.acting_as("ann", Role.OPERATOR))


def test_an_operator_may_say_every_other_verb(desk: Desk) -> None:
    desk.register()
    operator = desk.commands.acting_as("ann", Role.OPERATOR)
    for name, write in WRITES.items():
        if name not in FOR_ADMINS:
            # Refused by state or conflict, never by role.
            with contextlib.suppress(Refused, Conflict, LockLost):
                write(operator)
    assert {event.actor for event in desk.store.history("w")} == {"admin", "ann"}


def test_a_token_opens_its_role_until_it_expires_or_is_revoked(desk: Desk) -> None:
    access = Access(desk.store, desk.clock)
    assert not access.configured()
    secret, record = create_token(desk.commands, Role.OPERATOR, name="nightly", seconds=3600)
    assert secret not in repr(desk.store.tokens())
    desk.clock.move(KNOWN_SECONDS)
    identity = access.check(secret)
    assert identity is not None
    assert (identity.actor, identity.role) == ("nightly", Role.OPERATOR)
    for wrong in (
        secret[:-1],
        secret + "0",
        "",
        "wsmon_",
        f"wsmon_{record.token_id}_",
        secret.upper(),
        "wsmon__",
        "\ud800",
    ):
        assert access.check(wrong) is None
    desk.clock.move(3600)
    assert access.check(secret) is None
    assert access.configured(), "the end of the last token must not open the door"
    lasting, _ = create_token(desk.commands, Role.READER)
    desk.clock.move(KNOWN_SECONDS)
    assert access.check(lasting)
    revoke_token(desk.commands, "nightly")
    revoke_token(desk.commands, desk.store.tokens()[0].token_id)
    desk.clock.move(KNOWN_SECONDS)
    assert access.check(lasting) is None
    assert not access.configured()


def test_tokens_are_named_once_and_live_within_reason(desk: Desk) -> None:
    create_token(desk.commands, Role.READER, name="dash")
    with pytest.raises(Conflict, match="'dash'"):
        create_token(desk.commands, Role.ADMIN, name="dash")
    for seconds in (0.0, -1.0, 1e12, float("nan")):
        with pytest.raises(InvalidInput, match="cannot live"):
            create_token(desk.commands, Role.READER, seconds=seconds)
    with pytest.raises(InvalidInput):
        create_token(desk.commands, Role.READER, name="a\x1bb")
    with pytest.raises(NotThere, match="no token 'x'"):
        revoke_token(desk.commands, "x")

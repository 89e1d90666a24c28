"""What an actor may do at most."""

from __future__ import annotations

from enum import StrEnum

from wsmon.domain.errors import InvalidInput
from wsmon.domain.states import Verb


class Role(StrEnum):
    """Each role may do what the one before it may, and more."""

    READER = "reader"
    """Looks."""
    OPERATOR = "operator"
    """Says every verb but those that take something away for good."""
    ADMIN = "admin"
    """Everything, tokens included."""

    def covers(self, needed: Role) -> bool:
        """Whether this role may do what `needed` may."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


def role_for(verb: Verb) -> Role:
    """The least role that may say a verb."""
    return Role.ADMIN if verb is Verb.PURGE else Role.OPERATOR


def parse_role(value: str) -> Role:
    """The role named by `value`. Raises InvalidInput that lists them."""
    try:
        return Role(value)
    except ValueError:
        raise InvalidInput(f"role {value[:40]!r} is unknown; use one of {', '.join(Role)}") from None

"""`python -m wsmon.web.session`: the TUI of one browser, in a process that the web server starts for it.

Who looks and what they may is handed over in the environment, which only this user can read.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from wsmon.domain.errors import WsmonError

if TYPE_CHECKING:
    from wsmon.engine import Engine

HANDED_OVER = "WSMON_WEB_HANDED_OVER"


@dataclass(frozen=True, slots=True)
class Told:
    """What a session is told."""

    settings: dict[str, Any]
    actor: str
    role: str
    read_only: bool

    def text(self) -> str:
        """For the environment."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> Self:
        """The same again."""
        return cls(**json.loads(text))

    def connect(self) -> Engine:
        """The engine as this visitor has it: their name on every event, and no more than their role allows."""
        from wsmon.domain.roles import Role, parse_role
        from wsmon.engine import open_engine
        from wsmon.settings import Settings

        role = parse_role(self.role)
        looks = self.read_only or not role.covers(Role.OPERATOR)
        engine = open_engine(Settings(**self.settings), read_only=looks, arming=True)
        return replace(engine, commands=engine.commands.acting_as(self.actor, role), who=self.actor)


def main() -> int:
    """Show the TUI until it is left or the server lets go; the exit code."""
    told = Told.read(os.environ.pop(HANDED_OVER))
    gc.disable()  # until the first frame, as in a terminal
    from tui.app import show

    try:
        return show(told.connect)
    except WsmonError as error:
        raise SystemExit(f"wsmon: {error}") from None


if __name__ == "__main__":
    sys.exit(main())

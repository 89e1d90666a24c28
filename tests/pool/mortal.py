"""A keeper that kills its own process: `python -m tests.pool.mortal FOLDER asked|started`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from tests.pool.builders import CLOCK, Yard, rule_of, template
from wsmon.adapters.runner import LocalRunner
from wsmon.ports import RunRequest


class MortalRunner(LocalRunner):
    """Dies right before, or right after, the start of a command."""

    moment = ""

    def prepare(self, request: RunRequest) -> None:
        if self.moment == "asked":
            os.kill(os.getpid(), signal.SIGKILL)
        super().prepare(request)

    def spawn(self, request: RunRequest) -> None:
        super().spawn(request)
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    MortalRunner.moment = sys.argv[2]
    yard = Yard(folder)
    rule = rule_of(folder, create=template(folder, "create", seconds=1.0))
    yard.keeper(rule, "victim", MortalRunner(folder / "commands", CLOCK)).step()

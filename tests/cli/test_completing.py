"""Completion, by the shell itself."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.cli.run import Cli
from tests.system import need
from tests.tui.terminal import Terminal
from wsmon.adapters.clock import SystemClock
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.spec import WorksetSpec
from wsmon.services.commands import Commands


def test_bash_completes_the_ids_a_command_can_be_said_to(tmp_path: Path) -> None:
    bash = need("bash", "bash")
    store = SqliteStore(tmp_path / "w.db")
    commands = Commands(store, SystemClock(), "me")
    for name in ("RUN-2026-held", "RUN-2026-ready", "RUN-x;touch bad", "other"):
        commands.register(WorksetSpec(name, "b", "p"))
    commands.acquire("RUN-2026-held", holder="m", seconds=600)
    store.close()
    script = Cli(tmp_path)("completion", "bash").stdout
    (tmp_path / "rc").write_text(f"{script}\nPS1='ready> '\n")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {"PATH": path, "WSMON_STORE__URL": f"sqlite:{tmp_path / 'w.db'}", "HOME": str(tmp_path)}
    program = f"import os; os.chdir({str(tmp_path)!r}); os.execv({bash!r}, ['bash', '--rcfile', 'rc', '-i'])"
    with Terminal(["-c", program], environment) as shell:
        shell.shows("ready>")
        shell.press("echo wsmon; wsmon show RUN-\t")
        shell.shows("wsmon show RUN-2026-")
        shell.press("\t\t")
        listed = shell.shows("RUN-2026-held", "RUN-2026-ready")
        assert "touch" not in listed
        shell.press("\x15wsmon unlock R\t")
        shell.shows("wsmon unlock RUN-2026-held")
        shell.press("\x15wsmon affin\t")
        shell.shows("wsmon affinity")
        shell.press("\x15exit\r")
        shell.ended()
    assert not (tmp_path / "bad").exists()

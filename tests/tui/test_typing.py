"""What comes all at once, as from a fast hand or a slow line, goes where it was meant to go."""

from __future__ import annotations

from pathlib import Path

from tests.tui.terminal import WSMON, Terminal
from wsmon.adapters.clock import SystemClock
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.spec import WorksetSpec
from wsmon.services.commands import Commands


def test_a_filter_that_comes_at_once_is_a_filter_and_no_verb(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "w.db")
    commands = Commands(store, SystemClock(), "me")
    for name in ("RUN-1", "RUN-2", "other"):
        commands.register(WorksetSpec(name, "b", "p"))
    program = ["-c", WSMON[1], "--store", f"sqlite:{tmp_path / 'w.db'}"]
    with Terminal(program, {"HOME": str(tmp_path)}) as terminal:
        terminal.shows("1 queue", "RUN-1", "RUN-2", "other")
        terminal.press("/RUN-2 !I\r")
        text = terminal.shows("/RUN-2 !I")
        assert "other" not in text
        terminal.press("q")
        assert terminal.ended() == 0
    assert [event.seq for name in ("RUN-1", "RUN-2", "other") for event in store.history(name)] == [1, 1, 1]
    store.close()

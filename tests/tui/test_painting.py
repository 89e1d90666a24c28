"""The tight updates show what Textual's own show, in fewer bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyte
import pytest
from rich.style import Style

from tests.tui.stage import Stage, settled
from tests.tui.terminal import WSMON, Terminal, quiet
from tui.painting import PLAIN, TightScreen, change, codes
from wsmon.adapters.clock import SystemClock
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.spec import WorksetSpec
from wsmon.services.commands import Commands

STYLES = [
    "",
    "bold",
    "dim",
    "bold dim red on blue",
    "italic #ff0000",
    "underline on #102030",
    "reverse strike",
    "bold dim",
]


def shown(*sequences: str) -> list[Any]:
    """How a terminal shows a letter after each sequence."""
    screen = pyte.Screen(20, 2)
    stream = pyte.Stream(screen)
    for sequence in sequences:
        stream.feed(f"{sequence}x")
    cells = [screen.buffer[0][column] for column in range(len(sequences))]
    return [(c.fg, c.bg, c.bold, c.italics, c.underscore, c.strikethrough, c.reverse) for c in cells]


@pytest.mark.parametrize("first", STYLES)
@pytest.mark.parametrize("second", STYLES)
def test_a_change_of_style_leads_to_the_style(first: str, second: str) -> None:
    one, two = (codes(Style.parse(text), "truecolor") for text in (first, second))
    whole = shown("\x1b[0m" + change(PLAIN, one), "\x1b[0m" + change(PLAIN, two), "\x1b[0m")
    assert shown(change(PLAIN, one), change(one, two), change(two, PLAIN)) == whole


def test_a_dimmed_text_that_was_bold_too_stays_dim() -> None:
    both, dim = (codes(Style.parse(text), "truecolor") for text in ("bold dim", "dim"))
    assert change(both, dim) == "\x1b[22;2m"


async def test_the_panels_are_on_a_tight_screen(stage: Stage) -> None:
    app = stage.busy().app()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        assert isinstance(app.screen, TightScreen)


def colours(terminal: Terminal) -> list[list[Any]]:
    """Every cell with its look."""
    columns, lines = terminal.screen.columns, terminal.screen.lines
    return [[terminal.screen.buffer[line][column] for column in range(columns)] for line in range(lines)]


def test_many_small_updates_show_the_same_as_one_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    store = SqliteStore(tmp_path / "w.db")
    store.init()
    commands = Commands(store, SystemClock(), "t")
    list(commands.register_many(WorksetSpec(f"世界-{n:03}" if n % 3 else f"w{n}", "b") for n in range(60)))
    with Terminal([*WSMON, "--store", "sqlite:w.db"], {}) as terminal:
        terminal.shows("w0", "1 queue")
        for n in range(0, 30, 4):
            name = f"世界-{n:03}" if n % 3 else f"w{n}"
            token = commands.acquire(name, holder="mon-1", seconds=600).token
            commands.start(name, token=token)
            terminal.press("jjk")
            quiet(terminal, 0.1)
        terminal.press("\x04\x15" + "\t" * 4 + "jj")
        terminal.shows("● 8 running")
        assert any(not painted_otherwise(terminal) for _ in range(5)), painted_otherwise(terminal)


def painted_otherwise(terminal: Terminal) -> list[Any]:
    """The cells that a whole new picture shows otherwise than the small updates did; ages may tick meanwhile."""
    quiet(terminal, 0.3)
    before = colours(terminal)
    terminal.press("?")
    terminal.shows("keys")
    terminal.press("\x1b")
    quiet(terminal, 0.3)
    changed = [
        (line, column, old, new)
        for line, (whole, again) in enumerate(zip(before, colours(terminal), strict=True))
        for column, (old, new) in enumerate(zip(whole, again, strict=True))
        if old != new
    ]
    return [cell for cell in changed if not (cell[2].data.isdigit() and cell[3].data.isdigit())]

"""A workset's phases as bars over time."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from tui.cells import GLYPHS, STATE_STYLES, WORDS
from wsmon.domain.change import Event
from wsmon.domain.states import WorksetState
from wsmon.domain.timeline import Phase, drawn, phases
from wsmon.domain.times import Instant, age, isoformat
from wsmon.domain.visible import visible

TEXT_WIDTH, MOST = 62, 60


def timeline(events: Sequence[Event], now: Instant, width: int) -> Table:
    """A line for each phase: when it began, its bar, what it was, how long, where and under whom, what ended it."""
    found = phases(events)
    room = max(6, min(48, width - TEXT_WIDTH))
    grid = Table.grid(padding=(0, 1))
    for fixed in (14, room, None, None, None):
        grid.add_column(width=fixed)
    bars = drawn(found, now, room)
    if len(found) > MOST:
        grid.add_row("", "", Text(f"{len(found) - MOST} phases before", "dim"))
    for phase, (begin, length) in list(zip(found, bars, strict=True))[-MOST:]:
        style = STATE_STYLES.get(phase.state, "dim")
        bar = Text(" " * begin + "━" * length, style, no_wrap=True)
        bar.append("·" * (room - begin - length), "dim")
        grid.add_row(
            Text(isoformat(phase.since)[5:19].replace("T", " "), "dim", no_wrap=True),
            bar,
            Text(f"{GLYPHS[phase.state]} {_word(phase)}", style, no_wrap=True),
            Text(age(phase.seconds(now)), no_wrap=True),
            Text(_note(phase), "dim", overflow="ellipsis", no_wrap=True),
        )
    return grid


def _word(phase: Phase) -> str:
    if phase.state is WorksetState.IN_PROGRESS and not phase.who:
        return "unattended"
    return "waiting" if phase.state is WorksetState.READY else WORDS[phase.state]


def _note(phase: Phase) -> str:
    where = f"on {phase.where}" if phase.where and phase.who else ""
    who = f"by {phase.who}" if phase.who else ""
    attempt = f"attempt {phase.attempt}" if phase.state is WorksetState.IN_PROGRESS else ""
    ended = f"→ {phase.ended_by}" if phase.ended_by else "until now"
    return visible("  ".join(part for part in (attempt, where, who, ended) if part))[:200]

"""Text for the cells of a table: harmless, and exactly as wide as its column."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from wsmon.domain.states import WorksetPriority, WorksetState
from wsmon.domain.visible import visible

GLYPHS = {
    WorksetState.READY: "○",
    WorksetState.LOCKED: "◔",
    WorksetState.IN_PROGRESS: "●",
    WorksetState.COMPLETE: "✓",
    WorksetState.ERROR: "✗",
    WorksetState.FAILED: "⊘",
    WorksetState.RETRYING: "↻",
    WorksetState.IGNORED: "–",
    WorksetState.ARCHIVED: "▪",
    WorksetState.DELETED: "▫",
}
WORDS = {state: "running" if state is WorksetState.IN_PROGRESS else state.value for state in WorksetState}

STATE_STYLES = {
    WorksetState.ERROR: "red",
    WorksetState.FAILED: "red",
    WorksetState.IN_PROGRESS: "green",
    WorksetState.LOCKED: "yellow",
    WorksetState.RETRYING: "yellow",
    WorksetState.COMPLETE: "green",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """What a cell shows; `style` is the part of a component class after `row-table--`."""

    text: str
    style: str = ""


def fit(text: str, width: int, *, right: bool = False) -> str:
    """`text` in exactly `width` terminal cells, cut with an ellipsis, control characters made visible."""
    text = visible(text[: width * 4])
    size = cell_len(text)
    if size > width:
        return set_cell_size(text, width - 1) + "…" if width > 1 else set_cell_size(text, width)
    return " " * (width - size) + text if right else text + " " * (width - size)


def state_cell(state: WorksetState) -> Cell:
    """Glyph and word in the state's colour."""
    return Cell(f"{GLYPHS[state]} {WORDS[state]}", state.value.replace("_", "-"))


def priority_cell(priority: WorksetPriority) -> Cell:
    """The tier; the normal one says least."""
    return Cell(priority.value, priority.value)


def bar(used: int, total: int, width: int = 8) -> str:
    """A bar of `width` cells with the numbers beside it."""
    full = round(width * used / total) if total else 0
    return f"{'█' * min(full, width)}{'░' * (width - min(full, width))} {used}/{total}"

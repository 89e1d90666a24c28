"""A table over keyed rows that paints only the lines that changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, ClassVar, Generic, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui.cells import GLYPHS, fit
from tui.columns import GAP, GUTTER, Column, fitting
from tui.keyed import KeyedList
from tui.model import SortedRows

Row = TypeVar("Row")
MARK = "*"
STALE = Style(dim=True, bold=False)
"""Over every cell where no colour can be faded."""


class Palette(Widget):
    """Has the styles of all tables' cells, and is never seen.

    A table with twenty component classes of its own is twenty selectors matched at its start and
    at every change of its focus; for all tables together that was a fifth of the time to the first frame.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"row-table--{name}"
        for name in (
            *(state.value.replace("_", "-") for state in GLYPHS),
            *(
                "header",
                "mark",
                "cursor",
                "cursor-blurred",
                "urgent",
                "normal",
                "low",
                "dim",
                "bad",
                "warn",
                "good",
                "plain",
            ),
        )
    }


class RowTable(KeyedList[Row], Generic[Row]):
    """Paints a keyed list. Its screen has a Palette."""

    class Chosen(Message):
        """A row was clicked twice."""

    def __init__(
        self,
        columns: Iterable[Column[Row]],
        rows: SortedRows[Row],
        *,
        empty: str = "",
        id: str | None = None,  # noqa: A002  Textual's own name
    ) -> None:
        super().__init__(columns, rows, id=id)
        self.empty = empty
        self.chosen: frozenset[str] | None = None
        """Titles of the columns somebody wants; None: those that fit."""
        self._shown: list[tuple[Column[Row], int]] = []
        self._laid_out = -1
        self._painted: list[tuple[Any, ...]] = []

    def shown_columns(self) -> list[Column[Row]]:
        """The columns that are shown now."""
        if self._laid_out != self._width:
            self._lay_out()
        return [column for column, _ in self._shown]

    def choose(self, titles: Collection[str] | None) -> None:
        """Show these columns, as far as they fit; None: as usual."""
        self.chosen = None if titles is None else frozenset(titles)
        self._laid_out = -1
        self.repaint()

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor, a second one chooses."""
        line = event.y - 1 + self.scroll_offset.y
        if 0 <= line < len(self.rows) and event.y > 0:
            if line == self._cursor and event.chain > 1:
                self.post_message(self.Chosen())
            self._go(line)

    # painting

    def on_resize(self) -> None:
        """Keep the cursor in sight."""
        self._resize_content()
        self._keep_in_sight()
        self.refresh()

    def _lay_out(self) -> None:
        """Share the width out among the columns; a scrollbar that came or went changes it too."""
        self._laid_out = self._width
        self._shown = fitting(self.columns, self._width - GUTTER, self.chosen)

    def on_focus(self) -> None:
        """The cursor changes its look."""
        self.repaint()

    def on_blur(self) -> None:
        """The cursor changes its look."""
        self.repaint()

    def repaint(self) -> None:
        """Refresh exactly the cells whose content changed since they were painted."""
        lines = [self._content(y) for y in range(self.size.height)]
        for y, line in enumerate(lines):
            before = self._painted[y] if y < len(self._painted) else ()
            if before == line:
                continue
            if y == 0 or not len(before) == len(line) == len(self._shown) + 2 or before[:2] != line[:2]:
                self.refresh(Region(0, y, self._width, 1))
                continue
            x = GUTTER
            for (_, size), old, new in zip(self._shown, before[2:], line[2:], strict=True):
                if old != new:
                    self.refresh(Region(x, y, size, 1))
                x += size + GAP

    def _content(self, y: int) -> tuple[Any, ...]:
        """What line `y` of the view shows."""
        if self._laid_out != self._width:
            self._lay_out()
        if y == 0:
            return ("header", *((self._titled(column, size), size) for column, size in self._shown))
        index = y - 1 + self.scroll_offset.y
        if index >= len(self.rows):
            return (self.empty if y == 2 and not len(self.rows) else "",)
        mark = ("cursor" if self.has_focus else "cursor-blurred") if index == self._cursor else ""
        row = self.rows.at(index)
        gutter = MARK if self.marked and self.rows.key_at(index) in self.marked else ""
        return (mark, gutter, *(column.cell(row) for column, _ in self._shown))

    def _titled(self, column: Column[Row], size: int) -> str:
        if column.title != self.sorted_by:
            return column.title
        return column.title[: max(0, size - 1)] + ("▼" if self.downwards else "▲")

    def render_line(self, y: int) -> Strip:
        """Line `y` of the view; the first is the header and does not scroll."""
        content = self._content(y)
        while len(self._painted) <= y:
            self._painted.append(())
        self._painted[y] = content
        width, look = self._width, self.screen.get_child_by_type(Palette).get_component_rich_style
        if y == 0:
            style = look("row-table--header")
            titles = [fit(self._titled(column, size), size, right=column.right) for column, size in self._shown]
            return Strip([Segment(fit(" " * GUTTER + " ".join(titles), width), style)], width)
        if len(content) == 1:
            style = look("row-table--dim")
            return Strip([Segment(fit(content[0], width), style)], width)
        marked, faded = Style(), STALE if self.rich_style.dim else Style()
        if content[0]:
            cursor = look(f"row-table--{content[0]}")
            marked = Style(bgcolor=cursor.bgcolor, bold=cursor.bold, reverse=cursor.reverse or None)
        marked += faded
        base = self.rich_style + marked
        style = base
        segments = [Segment(content[1] or " " * GUTTER, look("row-table--mark") + marked if content[1] else base)]
        for (column, size), cell in zip(self._shown, content[2:], strict=True):
            # A blank shows no colour; in its neighbour's style it costs no escape sequence.
            if cell.text:
                style = look(f"row-table--{cell.style}") + marked if cell.style else base
            segments.append(Segment(fit(cell.text, size, right=column.right) + " " * GAP, style))
        return Strip(segments).simplify().adjust_cell_length(width, base)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Scrolling paints the lines that differ, not the whole."""
        super().watch_scroll_y(old_value, new_value)
        self._painted = []

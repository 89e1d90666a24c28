"""A table over keyed rows that paints only the lines that changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from tui.cells import GLYPHS, Cell, fit
from tui.model import SortedRows

Row = TypeVar("Row")
GAP = 1


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """A column: fixed width, or a share of what is left over."""

    title: str
    cell: Callable[[Row], Cell]
    width: int = 0
    share: int = 0
    from_width: int = 0
    """Shown only in a table at least this wide."""
    right: bool = False


class Palette(Widget):
    """Has the styles of all tables' cells, and is never seen.

    A table with twenty component classes of its own is twenty selectors matched at its start and
    at every change of its focus; for all tables together that was a fifth of the time to the first frame.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"row-table--{name}"
        for name in (
            *(state.value.replace("_", "-") for state in GLYPHS),
            *("header", "cursor", "cursor-blurred", "urgent", "normal", "low", "dim", "bad", "warn", "good", "plain"),
        )
    }


class RowTable(ScrollView, Generic[Row], can_focus=True):
    """Cursor and scroll stay on their row, by key, through every change. Its screen has a Palette."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move(1)", show=False),
        Binding("k,up", "move(-1)", show=False),
        Binding("ctrl+d", "page(0.5)", show=False),
        Binding("ctrl+u", "page(-0.5)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("g,home", "edge(0)", show=False),
        Binding("G,end", "edge(1)", show=False),
    ]

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
        super().__init__(id=id)
        self._columns, self.rows = tuple(columns), rows
        self.empty = empty
        self._cursor = 0
        self._key: str | None = None
        """The row the cursor is tied to; none until somebody moves it, so that it stays at the top."""
        self._shown: list[tuple[Column[Row], int]] = []
        self._laid_out = -1
        self._painted: list[tuple[Any, ...]] = []

    # what is under the cursor

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        return self.rows.at(self._cursor) if self._cursor < len(self.rows) else None

    @property
    def cursor(self) -> int:
        """The place of the cursor."""
        return self._cursor

    # changes

    def load(self, rows: Iterable[Row], keep: Callable[[Row], bool] | None = None) -> None:
        """Replace all rows; the cursor stays on its row where that is still there."""
        self._with_place(lambda: self.rows.load(rows, keep))

    def apply(self, changed: Mapping[str, Row], gone: Iterable[str] = ()) -> None:
        """Change some rows."""
        if changed or gone:
            self._with_place(lambda: self.rows.apply(changed, gone))

    def _with_place(self, change: Callable[[], None]) -> None:
        key, offset = self._key, self._cursor - self.scroll_offset.y
        place = self.rows.place(key) if key is not None else None
        change()
        found = self.rows.find(key) if key is not None else None
        if found is None and place is not None:
            found = self.rows.near(place)  # it left: the cursor goes to who stands there now
        self._cursor = max(0, min(found if found is not None else 0, len(self.rows) - 1))
        if key is not None and len(self.rows):
            self._key = self.rows.key_at(self._cursor)
        self._resize_content()
        top = max(0, min(self._cursor - offset, self.max_scroll_y))
        if top != self.scroll_offset.y and len(self.rows) > self._body_height:
            self.scroll_to(y=top, animate=False, force=True, immediate=True)
        self.repaint()

    # movement

    def action_move(self, step: int) -> None:
        """Move the cursor by rows."""
        self._go(self._cursor + step)

    def action_page(self, pages: float) -> None:
        """Move the cursor by pages."""
        self._go(self._cursor + int(pages * max(1, self._body_height)))

    def go_to(self, key: str) -> bool:
        """Move the cursor to a row by its key; whether it is there."""
        place = self.rows.find(key)
        if place is not None:
            self._go(place)
        return place is not None

    def action_edge(self, end: int) -> None:
        """Move the cursor to the first or the last row."""
        self._go(len(self.rows) - 1 if end else 0)

    def _go(self, index: int) -> None:
        self._cursor = max(0, min(index, len(self.rows) - 1))
        self._key = self.rows.key_at(self._cursor) if len(self.rows) else None
        self._keep_in_sight()

    def _keep_in_sight(self) -> None:
        top, height = self.scroll_offset.y, max(1, self._body_height)
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False, force=True, immediate=True)
        elif self._cursor >= top + height:
            self.scroll_to(y=self._cursor - height + 1, animate=False, force=True, immediate=True)
        self.repaint()

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor, a second one chooses."""
        line = event.y - 1 + self.scroll_offset.y
        if 0 <= line < len(self.rows) and event.y > 0:
            if line == self._cursor and event.chain > 1:
                self.post_message(self.Chosen())
            self._go(line)

    # painting

    @property
    def _body_height(self) -> int:
        return max(0, self.size.height - 1)

    @property
    def _width(self) -> int:
        """What the scrollbar leaves."""
        return self.scrollable_content_region.width

    def _resize_content(self) -> None:
        size = Size(self._width, len(self.rows) + 1)
        if size != self.virtual_size:
            self.virtual_size = size

    def on_resize(self) -> None:
        """Keep the cursor in sight."""
        self._resize_content()
        self._keep_in_sight()
        self.refresh()

    def _lay_out(self) -> None:
        """Share the width out among the columns; a scrollbar that came or went changes it too."""
        width = self._laid_out = self._width
        shown = [column for column in self._columns if width >= column.from_width]
        shares = sum(column.share for column in shown)
        left = width - sum(column.width for column in shown if not column.share) - GAP * (len(shown) - 1)
        self._shown = []
        for column in shown:
            size = column.width
            if column.share:
                size = max(4, left * column.share // shares)
                left, shares = left - size, shares - column.share
            self._shown.append((column, size))

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
            if y == 0 or not len(before) == len(line) == len(self._shown) + 1 or before[0] != line[0]:
                self.refresh(Region(0, y, self._width, 1))
                continue
            x = 0
            for (_, size), old, new in zip(self._shown, before[1:], line[1:], strict=True):
                if old != new:
                    self.refresh(Region(x, y, size, 1))
                x += size + GAP

    def _content(self, y: int) -> tuple[Any, ...]:
        """What line `y` of the view shows."""
        if self._laid_out != self._width:
            self._lay_out()
        if y == 0:
            return ("header", *((column.title, size) for column, size in self._shown))
        index = y - 1 + self.scroll_offset.y
        if index >= len(self.rows):
            return (self.empty if y == 2 and not len(self.rows) else "",)
        mark = ("cursor" if self.has_focus else "cursor-blurred") if index == self._cursor else ""
        row = self.rows.at(index)
        return (mark, *(column.cell(row) for column, _ in self._shown))

    def render_line(self, y: int) -> Strip:
        """Line `y` of the view; the first is the header and does not scroll."""
        content = self._content(y)
        while len(self._painted) <= y:
            self._painted.append(())
        self._painted[y] = content
        width, look = self._width, self.screen.get_child_by_type(Palette).get_component_rich_style
        if y == 0:
            style = look("row-table--header")
            titles = [fit(column.title, size, right=column.right) for column, size in self._shown]
            return Strip([Segment(fit(" ".join(titles), width), style)], width)
        if len(content) == 1:
            style = look("row-table--dim")
            return Strip([Segment(fit(content[0], width), style)], width)
        marked = Style()
        if content[0]:
            cursor = look(f"row-table--{content[0]}")
            marked = Style(bgcolor=cursor.bgcolor, bold=cursor.bold)
        base = self.rich_style + marked
        segments = []
        style = base
        for (column, size), cell in zip(self._shown, content[1:], strict=True):
            # A blank shows no colour; in its neighbour's style it costs no escape sequence.
            if cell.text:
                style = look(f"row-table--{cell.style}") + marked if cell.style else base
            segments.append(Segment(fit(cell.text, size, right=column.right) + " " * GAP, style))
        return Strip(segments).simplify().adjust_cell_length(width, base)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Scrolling paints the lines that differ, not the whole."""
        super().watch_scroll_y(old_value, new_value)
        self._painted = []

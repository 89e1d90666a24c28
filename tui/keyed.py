"""A list of keyed rows with a cursor, marks and an order, each of which stays with its row through every change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView

from tui.columns import Column, Downwards
from tui.model import SortedRows, SortKey

Row = TypeVar("Row")


class KeyedList(ScrollView, Generic[Row], can_focus=True, inherit_bindings=False):
    """Cursor and scroll stay on their row, by key; so do marks, also of rows that a filter hides."""

    class Marked(Message):
        """A mark was set or taken off."""

    class Moved(Message):
        """The cursor was moved."""

    class Ordered(Message):
        """Somebody wants another order."""

    def __init__(self, columns: Iterable[Column[Row]], rows: SortedRows[Row], *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self.columns, self.rows = tuple(columns), rows
        self.marked: dict[str, None] = {}
        """Keys in the order in which they were marked."""
        self.sorted_by: str | None = None
        self.downwards = False
        self._usual = rows.order
        self._cursor = 0
        self._key: str | None = None
        """The row the cursor is tied to; none until somebody moves it, so that it stays at the top."""

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
            for key in gone:
                self.marked.pop(key, None)
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

    # order

    def sort(self) -> None:
        """By the next of the columns that are shown; behind the last comes the usual order."""
        titles = [None, *(column.title for column in self.shown_columns())]
        here = titles.index(self.sorted_by) if self.sorted_by in titles else 0
        self.order_by(titles[(here + 1) % len(titles)], downwards=False)

    def reverse(self) -> None:
        """Turn the order round."""
        self.order_by(self.sorted_by, downwards=not self.downwards)

    def order_by(self, title: str | None, *, downwards: bool) -> None:
        """Sort by a column, or as usual; the cursor stays on its row."""
        column = next((one for one in self.columns if one.title == title), None)
        self.sorted_by, self.downwards = (column.title if column else None), downwards
        usual = self._usual

        def order(row: Row) -> SortKey:
            if column is None:
                return (Downwards(usual(row)),) if downwards else usual(row)
            nothing, value = column.key(row)
            told = 0 if nothing else value
            return nothing, Downwards(told) if downwards else told, *usual(row)

        key, offset = self._key, self._cursor - self.scroll_offset.y
        self.rows.reorder(order)
        found = self.rows.find(key) if key is not None else None
        self._cursor = found or 0
        self.scroll_to(y=max(0, self._cursor - offset), animate=False, force=True, immediate=True)
        self.repaint()
        self.post_message(self.Ordered())

    def shown_columns(self) -> list[Column[Row]]:
        """The columns that are shown now."""
        raise NotImplementedError

    # marks

    def mark(self) -> None:
        """Mark the row under the cursor, or take its mark off, and go on to the next."""
        if self.current is None:
            return
        key = self.rows.key_at(self._cursor)
        if key in self.marked:
            del self.marked[key]
        else:
            self.marked[key] = None
        self._go(self._cursor + 1)
        self.post_message(self.Marked())

    def mark_range(self) -> None:
        """Mark everything from the row that was marked last to the cursor; without one, the row."""
        if self.current is None:
            return
        last = next(
            (place for key in reversed(self.marked) if (place := self.rows.find(key)) is not None), self._cursor
        )
        first, end = sorted((last, self._cursor))
        for place in range(first, end + 1):
            self.marked.setdefault(self.rows.key_at(place))
        self.repaint()
        self.post_message(self.Marked())

    def unmark(self, keys: Iterable[str] | None = None) -> None:
        """Take the marks of some rows off, or all."""
        for key in list(self.marked if keys is None else keys):
            self.marked.pop(key, None)
        self.repaint()
        self.post_message(self.Marked())

    # movement

    def move(self, step: float) -> None:
        """Move the cursor by rows."""
        self._go(self._cursor + int(step))

    def page(self, pages: float) -> None:
        """Move the cursor by pages."""
        self._go(self._cursor + int(pages * max(1, self._body_height)))

    def edge(self, end: float) -> None:
        """Move the cursor to the first or the last row."""
        self._go(len(self.rows) - 1 if end else 0)

    def go_to(self, key: str) -> bool:
        """Move the cursor to a row by its key; whether it is there."""
        place = self.rows.find(key)
        if place is not None:
            self._go(place)
        return place is not None

    def _go(self, index: int) -> None:
        self._cursor = max(0, min(index, len(self.rows) - 1))
        self._key = self.rows.key_at(self._cursor) if len(self.rows) else None
        self._keep_in_sight()
        self.post_message(self.Moved())

    def _keep_in_sight(self) -> None:
        top, height = self.scroll_offset.y, max(1, self._body_height)
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False, force=True, immediate=True)
        elif self._cursor >= top + height:
            self.scroll_to(y=self._cursor - height + 1, animate=False, force=True, immediate=True)
        self.repaint()

    # room

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

    def repaint(self) -> None:
        """Refresh what reads differently."""
        raise NotImplementedError

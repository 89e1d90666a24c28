"""Columns: what a table can show, what of it fits, and how a column sorts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import total_ordering
from typing import Any, Generic, TypeVar

from tui.cells import Cell

Row = TypeVar("Row")
GAP, GUTTER = 1, 1


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """A column: fixed width, or a share of what is left over."""

    title: str
    cell: Callable[[Row], Cell]
    width: int = 0
    share: int = 0
    from_width: int = 0
    """Shown only in a table at least this wide, unless it was chosen."""
    right: bool = False
    sort: Callable[[Row], Any] | None = None
    """What rows are sorted by; by default what they show."""
    extra: bool = False
    """Shown only where it was chosen."""

    def key(self, row: Row) -> tuple[bool, Any]:
        """Rows that have nothing to sort by come last."""
        value = self.cell(row).text if self.sort is None else self.sort(row)
        return value is None or value == "", value.casefold() if isinstance(value, str) else value


@total_ordering
class Downwards:
    """Sorts the other way round."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Downwards) and self.value == other.value

    def __lt__(self, other: Downwards) -> bool:
        return bool(other.value < self.value)

    def __hash__(self) -> int:
        return hash(self.value)


def fitting(
    columns: Sequence[Column[Row]], width: int, chosen: Collection[str] | None
) -> list[tuple[Column[Row], int]]:
    """The columns that are shown in a table of a width, each with its own.

    What does not fit is left out from the right, shares first, so that a narrow terminal shows fewer columns.
    """
    if chosen is None:
        shown = [column for column in columns if width >= column.from_width and not column.extra]
    else:
        shown = [column for column in columns if column.title in chosen]
    while len(shown) > 1 and _least(shown) > width:
        shown.pop()
    shares = sum(column.share for column in shown)
    left = width - sum(column.width for column in shown if not column.share) - GAP * (len(shown) - 1)
    found = []
    for column in shown:
        size = column.width
        if column.share:
            size = max(4, left * column.share // shares)
            left, shares = left - size, shares - column.share
        found.append((column, size))
    return found


def _least(columns: Sequence[Column[Any]]) -> int:
    return sum(column.width or 4 for column in columns) + GAP * (len(columns) - 1)

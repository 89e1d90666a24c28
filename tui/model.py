"""Rows in an order, kept by key: what a table shows and where each row stands."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

Row = TypeVar("Row")
SortKey = tuple[Any, ...]


class SortedRows(Generic[Row]):
    """Rows sorted by `order`, which must be unique to a key; only those that `keep` admits."""

    def __init__(
        self,
        key: Callable[[Row], str],
        order: Callable[[Row], SortKey],
        keep: Callable[[Row], bool] = lambda _: True,
    ) -> None:
        self._key, self._order, self._keep = key, order, keep
        self._sorted: list[SortKey] = []
        self._places: dict[str, SortKey] = {}
        self._rows: dict[SortKey, Row] = {}

    @property
    def order(self) -> Callable[[Row], SortKey]:
        """What the rows are sorted by."""
        return self._order

    def reorder(self, order: Callable[[Row], SortKey]) -> None:
        """Sort by something else."""
        self._order = order
        self.load(list(self._rows.values()))

    def __len__(self) -> int:
        return len(self._sorted)

    def at(self, index: int) -> Row:
        """The row at a place."""
        return self._rows[self._sorted[index]]

    def key_at(self, index: int) -> str:
        """The key of the row at a place."""
        return self._key(self.at(index))

    def find(self, key: str) -> int | None:
        """Where a key stands."""
        place = self._places.get(key)
        return None if place is None else bisect_left(self._sorted, place)

    def near(self, place: SortKey) -> int:
        """Where a row of this order would stand."""
        return bisect_left(self._sorted, place)

    def place(self, key: str) -> SortKey | None:
        """The order of a key that is there."""
        return self._places.get(key)

    def load(self, rows: Iterable[Row], keep: Callable[[Row], bool] | None = None) -> None:
        """Replace everything, under a new filter where one is given."""
        if keep is not None:
            self._keep = keep
        admitted = [row for row in rows if self._keep(row)]
        orders = [self._order(row) for row in admitted]
        self._rows = dict(zip(orders, admitted, strict=True))
        self._places = {self._key(row): order for row, order in zip(admitted, orders, strict=True)}
        self._sorted = sorted(self._rows)

    def apply(self, changed: Mapping[str, Row], gone: Iterable[str]) -> None:
        """Make changes; a row that moved or left is taken out first."""
        if len(changed) > 1000:
            self._apply_many(changed, gone)
            return
        for key in gone:
            self._remove(key)
        for key, row in changed.items():
            order = self._order(row) if self._keep(row) else None
            if order is not None and self._places.get(key) == order:
                self._rows[order] = row
                continue
            self._remove(key)
            if order is not None:
                insort(self._sorted, order)
                self._places[key], self._rows[order] = order, row

    def _apply_many(self, changed: Mapping[str, Row], gone: Iterable[str]) -> None:
        left = {self._key(row): row for row in self._rows.values()}
        for key in gone:
            left.pop(key, None)
        self.load({**left, **changed}.values())

    def _remove(self, key: str) -> None:
        order = self._places.pop(key, None)
        if order is not None:
            del self._rows[order]
            del self._sorted[bisect_left(self._sorted, order)]

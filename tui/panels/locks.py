"""The locks: who holds what, and for how long yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.cells import Cell
from tui.columns import Column
from tui.model import SortedRows
from tui.panels.base import Panel
from tui.table import RowTable

if TYPE_CHECKING:
    from wsmon.domain.workset import Lease
    from wsmon.services.live import Delta

LAST_SECONDS = 60


class LocksPanel(Panel["Lease"]):
    """Every lease; the one that ends first on top."""

    past_note = "as the events tell; renewals are not kept"

    def __init__(self) -> None:
        self._dead: frozenset[str] = frozenset()
        super().__init__(2, "locks")

    def make_table(self) -> RowTable[Lease]:
        """Columns by how much room there is."""
        columns: list[Column[Lease]] = [
            Column("ID", lambda lease: Cell(lease.workset_id, "plain"), share=3),
            Column("HOLDER", lambda lease: Cell(lease.holder, "dim"), share=2),
            Column("TOKEN", self._token, 5, from_width=44, right=True, sort=lambda lease: lease.token),
            Column("AGE", self._age, 5, from_width=36, right=True, sort=lambda lease: -lease.acquired_at),
            Column("LEFT", self._left, 5, right=True, sort=lambda lease: lease.expires_at),
        ]
        rows: SortedRows[Lease] = SortedRows(
            lambda lease: lease.workset_id, lambda lease: (lease.acquired_at, lease.workset_id)
        )
        return RowTable(columns, rows, empty="  no locks", id="locks-table")

    def _age(self, lease: Lease) -> Cell:
        return Cell(self.since(lease.acquired_at), "dim")

    def _token(self, lease: Lease) -> Cell:
        return Cell(str(lease.token), "dim")

    def _left(self, lease: Lease) -> Cell:
        """Minutes, and seconds only in the last one, so that nothing repaints for a clock."""
        if lease.workset_id in self._dead:
            return Cell("dead", "bad")
        if not lease.duration:
            return Cell("–", "dim")  # of the past: no event tells of renewals
        left = (lease.expires_at - self.now) / 1e6
        if left <= 0:
            return Cell("late", "warn")
        return Cell(self.duration(left), "warn" if left < LAST_SECONDS / 4 else "good")

    def show(self, delta: Delta) -> None:
        """Take the leases whole."""
        if self.same(delta.leases, delta.dead):
            return
        self._dead = delta.dead
        self.table.load(delta.leases)
        self.count(len(delta.leases))

    def selected(self) -> str | None:
        """The workset under the cursor."""
        lease = self.table.current
        return lease.workset_id if lease is not None else None

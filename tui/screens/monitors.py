"""Who works: every monitor with its heartbeat, what it holds, and its version."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from tui.cells import Cell
from tui.columns import Column
from tui.model import SortedRows
from tui.screens.board import Board
from tui.table import RowTable
from wsmon.ports import MonitorRecord

if TYPE_CHECKING:
    from wsmon.services.live import Delta


class Monitors(Board[MonitorRecord]):
    """The silent ones first: somebody should look after them."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("6,enter", "leave", show=False)]

    def __init__(self, delta: Delta, silent_seconds: float) -> None:
        self._silent = silent_seconds * 1e6
        self._held: dict[str, list[str]] = {}
        self._delta = delta
        super().__init__()

    def make_table(self) -> RowTable[MonitorRecord]:
        """Columns by how much room there is."""
        columns: list[Column[MonitorRecord]] = [
            Column("MONITOR", lambda m: Cell(m.name, "plain"), share=3),
            Column("STATUS", self._status, 9),
            Column("BEAT", lambda m: Cell(self.since(m.heartbeat_at), "dim"), 6, right=True),
            Column("UP", lambda m: Cell(self.since(m.started_at), "dim"), 6, right=True, from_width=60),
            Column("HOLDS", self._holds, 5, right=True),
            Column("HOST", lambda m: Cell(f"{m.host}, pid {m.pid}", "dim"), share=2, from_width=80),
            Column("VERSION", lambda m: Cell(m.version or "?", "dim"), 9, from_width=70),
            Column("WORKSETS", lambda m: Cell(" ".join(self._held.get(m.name, ())), "dim"), share=4, from_width=90),
        ]
        rows: SortedRows[MonitorRecord] = SortedRows(lambda m: m.name, lambda m: (not self._is_silent(m), m.name))
        return RowTable(
            columns, rows, empty="  no monitor has signed on; wsmon monitor starts one", id="monitors-table"
        )

    def _is_silent(self, monitor: MonitorRecord) -> bool:
        return self.now - monitor.heartbeat_at >= self._silent

    def _holds(self, monitor: MonitorRecord) -> Cell:
        held = len(self._held.get(monitor.name, ()))
        return Cell(f"{held}/{monitor.most}" if monitor.most else str(held), "plain")

    def _status(self, monitor: MonitorRecord) -> Cell:
        if self._is_silent(monitor):
            return Cell("! silent", "bad")
        return Cell("stopping", "warn") if monitor.stopping else Cell("alive", "good")

    def on_mount(self) -> None:
        """What is known already."""
        super().on_mount()
        self.follow(self._delta)

    def follow(self, delta: Delta) -> None:
        """The store was looked at."""
        self.now = delta.at
        self._held = {}
        for lease in delta.leases:
            self._held.setdefault(lease.holder, []).append(lease.workset_id)
        self.table.load(delta.monitors)
        silent = sum(self._is_silent(monitor) for monitor in delta.monitors)
        self.tell(f"6 monitors · {len(delta.monitors) - silent} alive" + (f", {silent} silent" if silent else ""))

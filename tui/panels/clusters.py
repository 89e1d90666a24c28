"""The cluster pool: slots, load, and what runs where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.cells import Cell, bar
from tui.model import SortedRows
from tui.panels.base import Panel
from tui.table import Column, RowTable

if TYPE_CHECKING:
    from wsmon.ports import ClusterRecord
    from wsmon.services.live import Delta

OLD_SECONDS = 60


class ClustersPanel(Panel["ClusterRecord"]):
    """Every cluster by name."""

    def __init__(self) -> None:
        super().__init__(3, "clusters")

    def make_table(self) -> RowTable[ClusterRecord]:
        """Columns by how much room there is."""
        columns: list[Column[ClusterRecord]] = [
            Column("NAME", lambda c: Cell(c.name, "plain"), share=2),
            Column("SLOTS", lambda c: Cell(bar(len(c.claims), c.slots), _fullness(c)), 14),
            Column("LOAD", lambda c: Cell(f"{c.load:.1f}", "dim"), 5, right=True),
            Column("CPU", lambda c: Cell(f"{c.cpu_percent:.0f}%", "dim"), 4, from_width=42, right=True),
            Column("MEM", lambda c: Cell(f"{c.memory_percent:.0f}%", "dim"), 4, from_width=47, right=True),
            Column("HEALTH", self._health, 8, from_width=56),
            Column("RUNS", lambda c: Cell(" ".join(c.claims), "dim"), share=3, from_width=64),
        ]
        rows: SortedRows[ClusterRecord] = SortedRows(lambda c: c.name, lambda c: (c.name,))
        return RowTable(columns, rows, empty="  no cluster has reported; start a monitor", id="clusters-table")

    def _health(self, cluster: ClusterRecord) -> Cell:
        if self.now - cluster.updated_at > OLD_SECONDS * 1_000_000:
            return Cell(f"? {self.since(cluster.updated_at)}", "warn")
        return Cell(cluster.health, "good" if cluster.health == "running" else "warn")

    def show(self, delta: Delta) -> None:
        """Take the clusters whole."""
        self.table.load(delta.clusters)

    def selected(self) -> str | None:
        """A cluster is no workset."""
        return None


def _fullness(cluster: ClusterRecord) -> str:
    return "warn" if len(cluster.claims) >= cluster.slots else "good"

"""The cluster pool: slots, load, and what runs where."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from tui.actions import ANYWHERE, CLUSTERS
from tui.cells import Cell, bar
from tui.columns import Column
from tui.model import SortedRows
from tui.panels.base import Panel
from tui.table import RowTable

if TYPE_CHECKING:
    from wsmon.ports import ClusterRecord
    from wsmon.services.live import Delta

OLD_SECONDS, TREND = 60, 6
PAST = "past"  # as wsmon.services.replay has it, which comes after the first frame


class ClustersPanel(Panel["ClusterRecord"]):
    """Every cluster by name."""

    scopes = frozenset({ANYWHERE, CLUSTERS})
    past_note = "runs as then, slots as now; no load kept"

    def __init__(self) -> None:
        self._loads: dict[str, deque[float]] = {}
        """The last loads each reported, for the trend."""
        super().__init__(3, "clusters")

    def make_table(self) -> RowTable[ClusterRecord]:
        """Columns by how much room there is."""
        columns: list[Column[ClusterRecord]] = [
            Column("NAME", lambda c: self._told(c, c.name, "plain"), share=2),
            Column("SLOTS", lambda c: self._told(c, _slots(c), _fullness(c)), 14),
            Column("LOAD", lambda c: self._told(c, _known(c, f"{c.load:.1f}")), 5, right=True, sort=lambda c: c.load),
            Column("CPU", self._cpu, 4, from_width=58, right=True, sort=lambda c: c.cpu_percent),
            Column("MEM", self._memory, 4, from_width=63, right=True, sort=lambda c: c.memory_percent),
            Column("HEALTH", self._health, 9),
            Column("TREND", lambda c: self._told(c, self._trend(c)), 6, from_width=50),
            Column("RUNS", lambda c: Cell(" ".join(c.claims), "dim"), share=3, from_width=90),
        ]
        rows: SortedRows[ClusterRecord] = SortedRows(lambda c: c.name, lambda c: (c.name,))
        return RowTable(columns, rows, empty="  no cluster has reported; start a monitor", id="clusters-table")

    def _old(self, cluster: ClusterRecord) -> bool:
        return self.now - cluster.updated_at > OLD_SECONDS * 1_000_000

    def _told(self, cluster: ClusterRecord, text: str, style: str = "plain") -> Cell:
        """What a cluster said of itself: dimmed once it is old, so that it never passes for live."""
        return Cell(text, "low" if self._old(cluster) else style)

    def _trend(self, cluster: ClusterRecord) -> str:
        from wsmon.domain.rates import sparkline  # after the first frame

        return "" if cluster.kind == PAST else sparkline(self._loads.get(cluster.name, ()))

    def _cpu(self, cluster: ClusterRecord) -> Cell:
        return self._told(cluster, _known(cluster, f"{cluster.cpu_percent:.0f}%"))

    def _memory(self, cluster: ClusterRecord) -> Cell:
        return self._told(cluster, _known(cluster, f"{cluster.memory_percent:.0f}%"))

    def _health(self, cluster: ClusterRecord) -> Cell:
        """As it said; once that is old, how old, in every width. Of the past only what was decided about it is known."""
        if self._old(cluster):
            return Cell(f"{self.since(cluster.updated_at)} ago", "warn")
        if cluster.drained:
            return Cell("draining", "warn")
        if cluster.kind == PAST:
            return Cell(cluster.health or "–", "warn" if cluster.health else "dim")
        return Cell(cluster.health, "good" if cluster.health == "running" else "warn")

    def show(self, delta: Delta) -> None:
        """Take the clusters whole."""
        if not self.same(delta.clusters):
            for cluster in delta.clusters:
                self._loads.setdefault(cluster.name, deque(maxlen=TREND)).append(cluster.load)
            self.table.load(delta.clusters)

    def selected(self) -> str | None:
        """A cluster is no workset."""
        return None

    def targets(self) -> list[str]:
        """Nor are several."""
        return []


def _slots(cluster: ClusterRecord) -> str:
    """In the past a cluster that is gone by now has runs, and nobody knows of how many."""
    return (
        f"{len(cluster.claims)} of ?"
        if cluster.kind == PAST and not cluster.slots
        else bar(len(cluster.claims), cluster.slots)
    )


def _known(cluster: ClusterRecord, text: str) -> str:
    """Nobody keeps what a cluster reported in the past."""
    return "–" if cluster.kind == PAST else text


def _fullness(cluster: ClusterRecord) -> str:
    return "warn" if len(cluster.claims) >= cluster.slots else "good"

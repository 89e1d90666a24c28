"""The alerts: what a person should know of."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tui.actions import ALERTS, ANYWHERE, WORKSETS
from tui.cells import Cell
from tui.columns import Column
from tui.model import SortedRows
from tui.panels.base import Panel
from tui.table import RowTable

if TYPE_CHECKING:
    from wsmon.ports import AlertRecord
    from wsmon.services.live import Delta

ENDED, ENDED_SECONDS = "resolved", 20.0
CRITICAL, ACKNOWLEDGED = "critical", "acknowledged"  # as wsmon.domain.alerts has it, which comes after the first frame


class AlertsPanel(Panel["AlertRecord"]):
    """Critical ones first, then the newest."""

    scopes = frozenset({ANYWHERE, WORKSETS, ALERTS})
    past_note = "of the worksets' states; others are not kept"

    def __init__(self) -> None:
        super().__init__(4, "alerts")
        self._critical: set[str] | None = None
        self._silenced: frozenset[str] = frozenset()
        self._standing: dict[str, AlertRecord] = {}
        self._ended: dict[str, AlertRecord] = {}
        """What ended a moment ago: else a condition that lasts a second is never seen."""

    def make_table(self) -> RowTable[AlertRecord]:
        """Columns by how much room there is."""
        columns: list[Column[AlertRecord]] = [
            Column("SEVERITY", self._severity, 10, from_width=60),
            Column("KIND", lambda alert: Cell(alert.kind, self._severity(alert).style), 14),
            Column("SUBJECT", lambda alert: Cell(alert.subject, "plain"), share=2),
            Column("TEXT", lambda alert: Cell(alert.text, "dim"), share=5),
            Column("SINCE", lambda alert: Cell(self.since(alert.first_at), "dim"), 6, right=True),
        ]
        rows: SortedRows[AlertRecord] = SortedRows(
            lambda alert: alert.fingerprint,
            _order,
        )
        return RowTable(columns, rows, empty="  nothing needs you", id="alerts-table")

    def rings(self, delta: Delta) -> bool:
        """Whether a critical alert began since the last look; the first one only looks around."""
        critical = {a.fingerprint for a in delta.alerts if a.severity == CRITICAL and a.status != ACKNOWLEDGED}
        critical -= delta.silenced
        known, self._critical = self._critical, critical
        return known is not None and bool(critical - known)

    def show(self, delta: Delta) -> None:
        """Take the alerts whole; what ended stays for a while, as ended."""
        if not self.same(delta.alerts, delta.silenced):
            self._silenced = delta.silenced
            standing = {alert.fingerprint: alert for alert in delta.alerts}
            for gone in self._standing.keys() - standing.keys():
                self._ended[gone] = replace(self._standing[gone], status=ENDED, changed_at=self.now)
            for back in self._ended.keys() & standing.keys():
                del self._ended[back]
            self._standing = standing
            self._load()
            self.count(len(standing))
        self._forget()

    def forget(self) -> None:
        """What follows is of another time: nothing of this one has ended there."""
        self._standing, self._ended = {}, {}

    def tick(self, now: int) -> None:
        """Time went on."""
        super().tick(now)
        self._forget()

    def _forget(self) -> None:
        old = [name for name, alert in self._ended.items() if self.now - alert.changed_at > ENDED_SECONDS * 1e6]
        for name in old:
            del self._ended[name]
        if old:
            self._load()

    def _severity(self, alert: AlertRecord) -> Cell:
        quiet = alert.fingerprint in self._silenced and alert.status not in {ACKNOWLEDGED, ENDED}
        return Cell("silenced", "dim") if quiet else _severity(alert)

    def _load(self) -> None:
        self.table.load([*self._standing.values(), *self._ended.values()])

    def selected(self) -> str | None:
        """The workset the alert is about."""
        alert = self.table.current
        return alert.subject if alert is not None else None

    def chosen(self) -> list[AlertRecord]:
        """The marked alerts that still stand in the order of their marks, else the one under the cursor."""
        marked = [self._standing[name] for name in self.table.marked if name in self._standing]
        current = self.table.current
        return marked or ([current] if current is not None and not self.table.marked else [])

    def targets(self) -> list[str]:
        """The worksets the marked alerts are about."""
        marked = [self._standing[name].subject for name in self.table.marked if name in self._standing]
        return list(dict.fromkeys(marked)) or super().targets()


def _order(alert: AlertRecord) -> tuple[Any, ...]:
    from wsmon.domain.ruling import alert_order  # after the first frame

    return alert.status == ENDED, *alert_order(alert)


def _severity(alert: AlertRecord) -> Cell:
    if alert.status == ACKNOWLEDGED:
        return Cell("taken on", "dim")
    if alert.status == ENDED:
        return Cell("ended", "low")
    return Cell(f"! {alert.severity}" if alert.severity == CRITICAL else alert.severity, _STYLES[alert.severity])


_STYLES = {CRITICAL: "bad", "warning": "warn"}

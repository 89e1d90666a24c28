"""The alerts: what a person should know of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui.cells import Cell
from tui.model import SortedRows
from tui.panels.base import Panel
from tui.table import Column, RowTable

if TYPE_CHECKING:
    from wsmon.ports import AlertRecord
    from wsmon.services.live import Delta

CRITICAL, ACKNOWLEDGED = "critical", "acknowledged"  # as wsmon.domain.alerts has it, which comes after the first frame


class AlertsPanel(Panel["AlertRecord"]):
    """Critical ones first, then the newest."""

    def __init__(self) -> None:
        super().__init__(4, "alerts")
        self._critical: set[str] | None = None

    def make_table(self) -> RowTable[AlertRecord]:
        """Columns by how much room there is."""
        columns: list[Column[AlertRecord]] = [
            Column("SEVERITY", _severity, 10, from_width=60),
            Column("KIND", lambda alert: Cell(alert.kind, _severity(alert).style), 10),
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
        known, self._critical = self._critical, critical
        return known is not None and bool(critical - known)

    def show(self, delta: Delta) -> None:
        """Take the alerts whole."""
        if not self.same(delta.alerts):
            self.table.load(delta.alerts)
            self.count(len(delta.alerts))

    def selected(self) -> str | None:
        """The workset the alert is about."""
        alert = self.table.current
        return alert.subject if alert is not None else None


def _order(alert: AlertRecord) -> tuple[Any, ...]:
    from wsmon.domain.alerts import alert_order  # after the first frame

    return alert_order(alert)


def _severity(alert: AlertRecord) -> Cell:
    if alert.status == ACKNOWLEDGED:
        return Cell("taken on", "dim")
    return Cell(f"! {alert.severity}" if alert.severity == CRITICAL else alert.severity, _STYLES[alert.severity])


_STYLES = {CRITICAL: "bad", "warning": "warn"}

"""What goes on, in one line on top of a large screen: starts, completions and failures by the minute, and the queue's depth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.text import Text
from textual.widgets import Static

from wsmon.domain.rates import sparkline
from wsmon.domain.states import WAITING, WorksetState

if TYPE_CHECKING:
    from wsmon.domain.workset import Row
    from wsmon.services.live import Delta

S = WorksetState
MINUTES, STEP = 60, 5_000_000
FAILURES = frozenset({S.ERROR, S.FAILED, S.RETRYING})
FIGURES = (("starts", "cyan"), ("completions", "green"), ("failures", "red"), ("waiting", ""))


class Pulse(Static):
    """Counts what it sees from its opening on; it reads nothing of its own."""

    def __init__(self) -> None:
        super().__init__("", id="pulse", markup=False)
        self._minutes: dict[int, dict[str, int]] = {}
        self._began = self._painted = 0

    def note(self, before: Mapping[str, Row], delta: Delta) -> None:
        """What changed, before it is taken in."""
        self._began = self._began or delta.at
        minute = self._minutes.setdefault(
            delta.at // 60_000_000, dict.fromkeys(("starts", "completions", "failures"), 0)
        )
        for workset_id, row in delta.rows.items():
            known = before.get(workset_id)
            if row.updated_at < self._began or (known is not None and known.state is row.state):
                continue  # loaded at the opening, or it went on as it was
            minute["starts"] += row.state is S.IN_PROGRESS
            minute["completions"] += row.state is S.COMPLETE
            minute["failures"] += row.state in FAILURES
        minute["waiting"] = sum(delta.counts.get(state, 0) for state in WAITING)
        if delta.at - self._painted >= STEP:
            self._painted = delta.at
            self._paint(delta.at)

    def _paint(self, now: int) -> None:
        newest, first = now // 60_000_000, self._began // 60_000_000
        minutes = range(max(first, newest - MINUTES + 1), newest + 1)
        line = Text(f" last {len(minutes)}m ", "dim", no_wrap=True)
        room = max(6, min(30, (self.size.width - 80) // len(FIGURES)))
        for name, style in FIGURES:
            values = [self._minutes.get(minute, {}).get(name, 0) for minute in minutes]
            total = values[-1] if name == "waiting" else sum(values)
            line.append(f"  {name} ", "bold").append(f"{total:,} ", style).append(sparkline(values[-room:]), style)
        self.update(line)

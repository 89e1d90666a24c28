"""Whether a monitor is there that would take what could start."""

from __future__ import annotations

from wsmon.domain.pool import ClusterRecord
from wsmon.domain.times import micros
from wsmon.ports import Clock, MonitorRecord, StateStore

SHOWN = 5
NOBODY = "no monitor is alive; start one with `wsmon monitor`"


class Attendance:
    """The monitors of one store; one without a heartbeat for `silent` seconds is not alive."""

    def __init__(self, store: StateStore, clock: Clock, silent: float) -> None:
        self._store, self._clock, self._silent = store, clock, micros(silent)

    def nobody(self) -> str:
        """That no monitor is alive; empty where one is."""
        return "" if self._alive() else NOBODY

    def _alive(self) -> list[MonitorRecord]:
        now = self._clock.now()
        return [one for one in self._store.monitors() if now - one.heartbeat_at < self._silent]

    def barred(self, cluster: ClusterRecord | None = None) -> str:
        """Why no monitor takes anything now, on `cluster` or at all; empty where one would."""
        alive = self._alive()
        if not alive:
            return NOBODY
        able = [one for one in alive if not one.stopping and _reaches(one, cluster)]
        if not able:
            where = f" that starts anything on {cluster.name}" if cluster is not None else ""
            return f"no monitor is alive{where} and is not stopping"
        if any(not one.most or one.holding < one.most for one in able):
            return ""
        said = [f"{one.name} attends {one.holding} of {one.most} runs" for one in able]
        more = f" and {len(said) - SHOWN} more" if len(said) > SHOWN else ""
        return f"{', '.join(said[:SHOWN])}{more} (monitor.max_concurrent)"


def _reaches(monitor: MonitorRecord, cluster: ClusterRecord | None) -> bool:
    """A machine's own pool is its own monitors' alone; where one said nothing, it may be its."""
    return cluster is None or cluster.kind != "local" or monitor.pool in {"", cluster.name}

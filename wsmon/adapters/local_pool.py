"""This machine as a pool of slots, with its real load."""

from __future__ import annotations

import os

import psutil

from wsmon.domain.times import Instant
from wsmon.ports import ClusterRecord


class LocalPool:
    """The ClusterSource port for the machine the monitor runs on."""

    def __init__(self, name: str, slots: int) -> None:
        self._name, self._slots = name, slots
        psutil.cpu_percent(interval=None)  # the first reading has nothing to compare with

    def clusters(self, now: Instant) -> list[ClusterRecord]:
        """The machine as it is at `now`; the CPU's share is since the last call."""
        memory = psutil.virtual_memory()
        return [
            ClusterRecord(
                name=self._name,
                slots=self._slots,
                updated_at=now,
                vcpus=os.cpu_count() or 1,
                memory_mib=memory.total // 2**20,
                load=round(os.getloadavg()[0], 2),
                cpu_percent=psutil.cpu_percent(interval=None),
                memory_percent=memory.percent,
            )
        ]

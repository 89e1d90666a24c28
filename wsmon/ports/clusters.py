"""Clusters and how they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from wsmon.domain.pool import ClusterRecord
from wsmon.domain.times import Instant


class ClusterSource(Protocol):
    """Knows clusters and how they are."""

    def clusters(self, now: Instant) -> Sequence[ClusterRecord]:
        """The clusters as they are at `now`; `claims` stay empty."""

"""When a lock is proven dead, by an observer with a clock of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from wsmon.domain.times import Instant, micros
from wsmon.domain.workset import Lease, LeaseMark


@dataclass(slots=True)
class LeaseWatch:
    """Remembers since when each lease has stood unchanged on this observer's monotonic clock.

    A lock is dead when its (token, renewal) stood unchanged for its whole duration here, or
    when the wall clock is past its expiry by more than `skew` seconds.
    """

    skew: float
    _seen: dict[str, tuple[LeaseMark, float]] = field(default_factory=dict)

    def observe(self, leases: Iterable[Lease], monotonic: float) -> None:
        """Take note of every lease that stands now; `monotonic` in seconds, read after the leases were.

        A look that took long proves nothing of the time before it saw them.
        """
        seen = {}
        for lease in leases:
            known = self._seen.get(lease.workset_id)
            same = known is not None and known[0] == lease.mark
            seen[lease.workset_id] = known if known is not None and same else (lease.mark, monotonic)
        self._seen = seen

    def note(self, lease: Lease, monotonic: float) -> None:
        """Take note of one lease, as `observe` does, and leave what is known of others."""
        known = self._seen.get(lease.workset_id)
        if known is None or known[0] != lease.mark:
            self._seen[lease.workset_id] = (lease.mark, monotonic)

    def forget(self, workset_id: str) -> None:
        """Its lock has ended."""
        self._seen.pop(workset_id, None)

    def dead(self, lease: Lease, now: Instant, monotonic: float) -> LeaseMark | None:
        """The mark of a lease proven dead, else None."""
        if now > lease.expires_at + micros(self.skew):
            return lease.mark
        known = self._seen.get(lease.workset_id)
        if known is not None and known[0] == lease.mark and monotonic - known[1] > lease.duration:
            return lease.mark
        return None

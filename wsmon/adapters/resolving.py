"""What became of a write whose reply was lost, or that is refused when it is tried again."""

from __future__ import annotations

from collections.abc import Callable

from wsmon.domain.change import Change
from wsmon.domain.lives import LifeChange


def stands(
    change: Change | LifeChange, standing_rev: int | None, change_id_at: Callable[[str, int], str | None]
) -> bool:
    """Whether a change that is refused now was written by an earlier try of its own.

    `standing_rev` is the rev that refused it, None where nothing stands. `change_id_at` reads the
    event of (workset id, seq) consistently: only the change's own id there is proof.
    """
    if standing_rev is None or standing_rev < change.event.seq:
        return False
    return change_id_at(change.workset_id, change.event.seq) == change.event.change_id

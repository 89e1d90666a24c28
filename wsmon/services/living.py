"""One way to write what is decided about clusters: read, decide, commit, and decide again where somebody was faster."""

from __future__ import annotations

from collections.abc import Callable

from wsmon.domain.change import CLUSTER_ID, Context
from wsmon.domain.errors import StaleWrite
from wsmon.domain.lives import Life, LifeChange
from wsmon.services.commands import Commands

MAX_DECISIONS = 8


def write_life(
    commands: Commands, cluster: str, decide: Callable[[Life, Context], LifeChange | None], reason: str | None = None
) -> Life:
    """The cluster's life once the change is written; as it stands where there is none to make.

    Raises what `decide` raises, InUse, ReadOnly, NotAllowed, StaleWrite where others are faster again and again.
    """
    commands.allow()
    for _ in range(MAX_DECISIONS):
        life = commands.store.life(cluster)
        change = decide(life, commands.context(reason))
        if change is None:
            return life
        try:
            commands.store.commit_life(change)
        except StaleWrite:
            continue
        return change.after
    raise StaleWrite(CLUSTER_ID + cluster, None)

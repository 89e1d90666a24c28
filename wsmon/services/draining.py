"""What an operator says of a cluster: no new work, new work again, or that it is gone."""

from __future__ import annotations

from wsmon.domain.alerts import RESOLVED
from wsmon.domain.change import Context
from wsmon.domain.errors import NotThere, Refused
from wsmon.domain.lives import ENDING, Life, LifeChange, Phase, lived
from wsmon.domain.pool import ClusterRecord
from wsmon.domain.spec import check_name, check_reason
from wsmon.domain.states import ClusterVerb
from wsmon.domain.times import isoformat
from wsmon.ports import AlertRecord
from wsmon.services.commands import Commands
from wsmon.services.living import write_life


def drain(commands: Commands, cluster: str, reason: str | None) -> ClusterRecord:
    """Nothing new starts on it from now on, whatever was planned; what runs there goes on.

    An alert says so until it is resumed.
    """
    commands.allow()
    known = _known(commands, cluster)
    said = check_reason(reason, needed=True) or ""
    now = commands.clock.now()
    why = f"{commands.actor} at {isoformat(now)[:16]}Z: {said}"

    def decide(life: Life, ctx: Context) -> LifeChange:
        return lived(ctx, ClusterVerb.DRAIN, life, drained=why)

    write_life(commands, cluster, decide, said)
    text = f"cluster {cluster} is given no new work: {why}; {len(known.claims)} still run there"
    name = f"draining/{cluster}"
    commands.store.put_alert(AlertRecord(name, "draining", "warning", cluster, text, now, now, cluster=cluster))
    return _known(commands, cluster)


def resume(commands: Commands, cluster: str, reason: str | None = None) -> ClusterRecord:
    """New work starts on it again; of one that takes work already nothing is changed. Raises Refused under a teardown."""
    commands.allow()
    _known(commands, cluster)

    def decide(life: Life, ctx: Context) -> LifeChange | None:
        if life.phase in ENDING:
            raise Refused(f"cluster {cluster!r} is being taken down; it cannot be resumed")
        return lived(ctx, ClusterVerb.RESUME, life, drained="") if life.drained else None

    write_life(commands, cluster, decide, check_reason(reason))
    commands.store.mark_alert(f"draining/{cluster}", RESOLVED, at=commands.clock.now())
    return _known(commands, cluster)


def forget(commands: Commands, cluster: str, reason: str | None) -> Life:
    """An operator says that it is gone: nothing is asked of it any more, and it counts no longer.

    Raises InUse while worksets hold slots there, Refused while it is being made.
    """
    commands.allow()
    _known(commands, cluster)

    def decide(life: Life, ctx: Context) -> LifeChange:
        if life.phase is Phase.CREATING:
            raise Refused(f"cluster {cluster!r} is being made; wait for its end")
        return lived(ctx, ClusterVerb.TEARDOWN_DONE, life, empty=True, phase=Phase.GONE, gone_at=ctx.now)

    return write_life(commands, cluster, decide, check_reason(reason, needed=True))


def _known(commands: Commands, cluster: str) -> ClusterRecord:
    check_name("cluster", cluster)
    known = {record.name: record for record in commands.store.clusters()}
    if cluster not in known:
        names = f"known are {', '.join(known)}" if known else "none has reported yet"
        raise NotThere(f"there is no cluster {cluster!r}; {names}")
    return known[cluster]

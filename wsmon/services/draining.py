"""Keeping new work off a cluster, and the word of it that stays."""

from __future__ import annotations

from wsmon.domain.errors import NotThere
from wsmon.domain.pool import ClusterRecord
from wsmon.domain.spec import check_name, check_reason
from wsmon.domain.times import isoformat
from wsmon.ports import AlertRecord
from wsmon.services.commands import Commands


def drain(commands: Commands, cluster: str, reason: str | None) -> ClusterRecord:
    """Nothing new starts on it from now on; what runs there goes on. An alert says so until it is resumed."""
    commands.allow()
    known = _known(commands, cluster)
    said = check_reason(reason, needed=True) or ""
    now = commands.clock.now()
    why = f"{commands.actor} at {isoformat(now)[:16]}Z: {said}"
    commands.store.set_drained(cluster, why)
    text = f"cluster {cluster} is given no new work: {why}; {len(known.claims)} still run there"
    commands.store.put_alert(AlertRecord(f"draining/{cluster}", "draining", "warning", cluster, text, now, now))
    return _known(commands, cluster)


def resume(commands: Commands, cluster: str) -> ClusterRecord:
    """New work starts on it again."""
    commands.allow()
    _known(commands, cluster)
    commands.store.set_drained(cluster, "")
    commands.store.clear_alert(f"draining/{cluster}")
    return _known(commands, cluster)


def _known(commands: Commands, cluster: str) -> ClusterRecord:
    check_name("cluster", cluster)
    known = {record.name: record for record in commands.store.clusters()}
    if cluster not in known:
        names = f"known are {', '.join(known)}" if known else "none has reported yet"
        raise NotThere(f"there is no cluster {cluster!r}; {names}")
    return known[cluster]

"""A cluster's life: what was decided about it, each step one change with one event.

What a cluster is (slots, health, load) its source reports. That it is drained, asked for or taken
down somebody decided; that is a record of its own, with a rev and an event at each rev, like a workset's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from wsmon.domain.change import CLUSTER_ID, Context, Event
from wsmon.domain.needs import Microdollars, dollars
from wsmon.domain.states import ClusterVerb
from wsmon.domain.times import Instant, isoformat
from wsmon.domain.workset import Lease, RunRecord


class Phase(StrEnum):
    """How far wsmon is with making a cluster, or with taking it down."""

    NONE = "none"
    """It is none of wsmon's making."""
    CREATING = "creating"
    MADE = "made"
    FAILED = "failed"
    """Its creation failed; it is taken down, whatever there is of it."""
    DELETING = "deleting"
    STUCK = "stuck"
    """Its deletion failed, and is tried again."""
    GONE = "gone"


ENDING = frozenset({Phase.DELETING, Phase.STUCK, Phase.GONE})
COUNTED = frozenset({Phase.CREATING, Phase.MADE, Phase.FAILED, Phase.DELETING, Phase.STUCK})
"""It is there, or may be."""
HEALTH = {
    Phase.CREATING: "creating",
    Phase.FAILED: "failed",
    Phase.DELETING: "draining",
    Phase.STUCK: "failed",
}
"""How a cluster of which nothing was reported is shown."""


@dataclass(frozen=True, slots=True)
class Life:
    """What was decided about one cluster. `rev` 0: nothing yet."""

    name: str
    rev: int = 0
    updated_at: Instant = 0
    change_id: str = ""
    drained: str = ""
    """The operator who keeps new work off it, and why."""
    phase: Phase = Phase.NONE
    since: Instant = 0
    """When the phase began."""
    asked_at: Instant | None = None
    """When wsmon decided to make it."""
    gone_at: Instant | None = None
    hourly: Microdollars = 0
    """What an hour of it costs."""
    failed: bool = False
    """Whether its creation failed."""
    run: RunRecord | None = None
    """The command that makes it, or takes it down."""
    note: str = ""

    @property
    def closed(self) -> str:
        """Why nothing new may start there; empty where it may."""
        if self.phase in ENDING:
            return "it is being taken down" if self.phase is not Phase.GONE else "it was taken down"
        return self.drained


@dataclass(frozen=True, slots=True)
class LifeChange:
    """One atomic write: the life at rev + 1 and its event; accepted only while it stands as `before`."""

    before: Life
    after: Life
    event: Event
    empty: bool = False
    """Accepted only while nothing is claimed on the cluster."""
    under: Lease | None = None
    """Accepted only while this duty stands as it is given."""

    @property
    def workset_id(self) -> str:
        """The entity the event is of."""
        return self.event.workset_id


_TOLD = ("drained", "phase")


def lived(
    ctx: Context,
    verb: ClusterVerb,
    before: Life,
    *,
    empty: bool = False,
    under: Lease | None = None,
    detail: Mapping[str, Any] | None = None,
    **fields: Any,
) -> LifeChange:
    """The change that gives `before` new `fields` by `verb`; its event tells what was and what is."""
    at = max(ctx.now, before.updated_at + 1)
    moved = fields.get("phase", before.phase) is not before.phase
    fields |= {"since": at} if moved else {}
    after = replace(before, rev=before.rev + 1, updated_at=at, change_id=ctx.change_id, **fields)
    event = Event(
        workset_id=CLUSTER_ID + before.name,
        seq=after.rev,
        at=at,
        verb=verb,
        actor=ctx.actor,
        before=None,
        after=None,
        token=0,
        change_id=ctx.change_id,
        reason=ctx.reason,
        detail={"before": _told(before), "after": _told(after), **(detail or {})},
    )
    return LifeChange(before, after, event, empty, under)


def _told(life: Life) -> dict[str, str]:
    return {name: str(getattr(life, name)) for name in _TOLD}


def life_document(life: Life) -> dict[str, Any]:
    """A life as faces show it."""
    return {
        "phase": life.phase.value,
        "since": isoformat(life.since) if life.since else None,
        "asked_at": isoformat(life.asked_at) if life.asked_at is not None else None,
        "usd_per_hour": dollars(life.hourly),
        "note": life.note,
        "log": life.run.folder if life.run is not None else None,
    }

"""Whether another system works on a folder, or has ended it: told by sentinels that are none of ours."""

from __future__ import annotations

import re
from dataclasses import dataclass

from wsmon.domain.spec import shown
from wsmon.domain.times import isoformat
from wsmon.domain.workset import Workset
from wsmon.ports import Sentinels, StateStore

WORKING, ENDED = ("in_progress", "lock"), ("error", "complete")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_CHARS = 19


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What another system has to do with a workset's folder."""

    why: str
    working: bool
    """It works on it now; else it has ended it since the workset was queued here."""


def elsewhere(sentinels: Sentinels, store: StateStore, workset: Workset) -> Elsewhere | None:
    """What sentinels of another system say; None where there are none that matter. Raises OutsideError.

    A sentinel is ours when its moment is that of one of the workset's own events. What another
    system ended before the workset was queued here, somebody has queued again.
    """
    found = {word: body.strip()[:_CHARS] for word, body in sentinels.standing(workset.bucket, workset.prefix).items()}
    if not found.keys() & {*WORKING, *ENDED}:
        return None
    ours = {isoformat(event.at)[:_CHARS] for event in store.history(workset.workset_id)}
    for word in WORKING:
        if word in found and found[word] not in ours:
            return Elsewhere(
                f"another system works on its folder: daylily.{word} of {shown(found[word])}", working=True
            )
    queued = isoformat(workset.queued_at)[:_CHARS]
    for word in ENDED:
        at = found.get(word, "")
        if _MOMENT.fullmatch(at) and at not in ours and at > queued:
            return Elsewhere(f"another system has ended it since: daylily.{word} of {at}", working=False)
    return None

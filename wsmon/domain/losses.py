"""Locks that were lost, as the events tell: no event of its own is needed."""

from __future__ import annotations

from wsmon.domain.alerts import LOST, WARNING, AlertRecord, about
from wsmon.domain.change import Event
from wsmon.domain.states import Verb, WorksetState


def lost_lock(event: Event) -> AlertRecord | None:
    """The alert that a holder lost its lock, where this event took it away; None for every other event.

    A lock is lost when it is proven dead (expire; acquire from locked; adopt from a holder) or ended
    by force (unlock). One that its holder gives back is not lost.
    """
    how = _how(event)
    if how is None:
        return None
    holder = (event.detail or {}).get("from" if event.verb is Verb.ADOPT else "holder") or "somebody"
    text = f"{holder} lost its lock: {how}"
    name = f"lock-lost/{event.workset_id}"
    alert = AlertRecord(name, LOST, WARNING, event.workset_id, text, event.at, event.at)
    return about(alert, event.row) if event.row is not None else alert


def _how(event: Event) -> str | None:
    match event.verb:
        case Verb.EXPIRE:
            return "it was dead before anything started"
        case Verb.UNLOCK:
            return f"ended by {event.actor}" + (f" ({event.reason})" if event.reason else "")
        case Verb.ADOPT if (event.detail or {}).get("from"):
            return f"it was dead, and {event.actor} goes on with the run"
        case Verb.ACQUIRE if event.before is WorksetState.LOCKED:
            return f"it was dead, and {event.actor} took it"
    return None

"""What the library gives back: worksets as mappings and objects, and refusals that say why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wsmon.domain.change import Event
from wsmon.domain.errors import WsmonError
from wsmon.domain.times import isoformat
from wsmon.domain.workset import Row, Workset
from wsmon.services.documents import record_document

HISTORY = "state_history"


class Record(dict[str, Any]):
    """A workset: `ws["state"]` and `ws.state` alike; moments are ISO-8601 texts.

    `state_history` is read from the store when it is asked for: state, timestamp and reason of
    each event, with its verb and actor.
    """

    def __init__(self, found: Workset | Row, history: Callable[[str], list[Event]]) -> None:
        super().__init__(record_document(found))
        self._history = history

    def __missing__(self, key: str) -> Any:
        """The history, read now."""
        if key != HISTORY:
            raise KeyError(key)
        self[HISTORY] = [_told(event) for event in self._history(self["workset_id"])]
        return self[HISTORY]

    def get(self, key: str, default: Any = None) -> Any:
        """As a mapping's, the history included."""
        return self[key] if key == HISTORY else super().get(key, default)

    def __getattr__(self, name: str) -> Any:
        """A key as an attribute."""
        if not name.startswith("_") and (name in self or name == HISTORY):
            return self[name]
        raise AttributeError(f"a workset has no {name!r}; it has {', '.join(self)}")


def _told(event: Event) -> dict[str, Any]:
    return {
        "state": event.after.value if event.after is not None else None,
        "timestamp": isoformat(event.at),
        "reason": event.reason or f"{event.verb.value} by {event.actor}",
        "verb": event.verb.value,
        "actor": event.actor,
    }


class Refusal:
    """A falsy answer that says why; nothing was changed."""

    def __init__(self, error: WsmonError) -> None:
        self.error = error

    @property
    def reason(self) -> str:
        """A sentence for a person."""
        return str(self.error)

    def __bool__(self) -> bool:
        """Never."""
        return False

    def __eq__(self, other: object) -> bool:
        """As False."""
        return other is False or other is self

    def __hash__(self) -> int:
        """As False's."""
        return hash(False)

    def __repr__(self) -> str:
        """With the reason."""
        return f"Refusal({self.reason!r})"

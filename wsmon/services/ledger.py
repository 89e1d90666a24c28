"""Who still waits for which event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wsmon.domain.messages import Key

MARK = "at"


class Ledger:
    """Every event that is not with all its channels yet, and how far each channel is.

    While an event waits for one channel, what another has already is kept in the store as its
    last seq per workset (`at/CHANNEL/ID`): events reach a channel in order, so one number tells.
    """

    def __init__(self, cursors: Mapping[str, str] | None = None) -> None:
        self._waiting: dict[Key, set[str]] = {}
        self._open: dict[str, int] = {}
        """workset id -> how many of its events wait."""
        self._at: dict[str, dict[str, int]] = {}
        for name, text in (cursors or {}).items():
            kind, _, rest = name.partition("/")
            channel, _, workset_id = rest.partition("/")
            if kind == MARK:
                self._at.setdefault(channel, {})[workset_id] = int(text)

    def __len__(self) -> int:
        return len(self._waiting)

    def knows(self, key: Key) -> bool:
        """Whether it waits already."""
        return key in self._waiting

    def enter(self, key: Key, wanting: Iterable[str], owed: Iterable[str] = ()) -> set[str]:
        """A new event; gives the channels that want it and do not have it, with those that are owed it anyhow."""
        workset_id, seq = key
        waiting = {name for name in wanting if self._at.get(name, {}).get(workset_id, 0) < seq} | set(owed)
        if waiting:
            self._waiting[key] = waiting
            self._open[workset_id] = self._open.get(workset_id, 0) + 1
        return waiting

    def leave(self, channel: str, keys: Iterable[Key]) -> tuple[list[Key], dict[str, str]]:
        """What follows once a channel has these: (events that nobody waits for then, cursors to write)."""
        finished: list[Key] = []
        marks: dict[str, int] = {}
        for key in keys:
            others = self._waiting.get(key, set()) - {channel}
            if others:
                marks[key[0]] = max(marks.get(key[0], 0), key[1])
            elif key in self._waiting or key[1]:
                finished.append(key)
        return finished, {f"{MARK}/{channel}/{name}": str(seq) for name, seq in marks.items()}

    def left(self, channel: str, keys: Iterable[Key]) -> None:
        """It was written that the channel has these."""
        for key in keys:
            waiting = self._waiting.get(key)
            if waiting is None:
                continue
            waiting.discard(channel)
            if waiting:
                at = self._at.setdefault(channel, {})
                at[key[0]] = max(at.get(key[0], 0), key[1])
                continue
            del self._waiting[key]
            self._open[key[0]] -= 1
            if not self._open[key[0]]:
                del self._open[key[0]]

    def stale_marks(self, limit: int) -> list[str]:
        """Cursors of worksets of which nothing waits."""
        found = []
        for channel, at in self._at.items():
            for workset_id in at:
                if workset_id not in self._open:
                    found.append(f"{MARK}/{channel}/{workset_id}")
                    if len(found) == limit:
                        return found
        return found

    def forget(self, names: Iterable[str]) -> None:
        """These cursors were removed."""
        for name in names:
            _, channel, workset_id = name.split("/", 2)
            self._at[channel].pop(workset_id, None)

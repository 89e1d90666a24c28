"""What the relay writes down of its channels, under the token of its duty."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace

from wsmon.domain.messages import Key
from wsmon.domain.notices import Notice
from wsmon.domain.times import Instant, micros
from wsmon.ports import AlertRecord, Clock, Log, StateStore
from wsmon.services.desk import Desk
from wsmon.services.duties import Duty
from wsmon.services.ledger import Ledger

MAX_CURSORS = 90
FORGET_SECONDS = 86_400.0


class Notebook:
    """One relay's. What writes may raise StaleWrite, once the duty is another monitor's, and StoreError."""

    def __init__(self, store: StateStore, clock: Clock, duty: Duty, log: Log) -> None:
        self._store, self._clock, self._duty, self._log = store, clock, duty, log
        self._writes = 0
        self.ledger = Ledger()

    def begin(self, cursors: Mapping[str, str]) -> None:
        """A term begins: from what stands in the store."""
        self.ledger = Ledger(cursors)

    def write(self, cursors: Mapping[str, str | None]) -> None:
        """Cursors by name; None takes one away."""
        lease = self._duty.lease
        assert lease is not None
        items = list(cursors.items())
        for start in range(0, len(items), MAX_CURSORS):
            self._writes += 1
            self._store.put_cursors(dict(items[start : start + MAX_CURSORS]), lease, self._writes)

    def remember(self, desk: Desk) -> None:
        """All that a desk has to know after a crash. What is noted of another monitor's channel does not keep it known."""
        seen_at = self._clock.now() if desk.plan is not None else desk.seen_at
        self.write({cursor_of(desk.name): desk.document(seen_at)})

    def let_go(self, desk: Desk, keys: Iterable[Key]) -> None:
        """The channel has these: off the outbox where it was the last, else remembered for it."""
        finished, marks = self.ledger.leave(desk.name, keys)
        if finished:
            self._store.mark_delivered(finished)
        self.write(marks)
        self.ledger.left(desk.name, keys)
        for key in keys:
            desk.drop(key)

    def give_up(self, key: Key, where: str, why: str, notice: Notice | None = None) -> None:
        """One event that cannot be told is told of, and never the end of the relay. `notice`, where it can be read."""
        now, name = self._clock.now(), f"{key[0]}:{key[1]}"
        self._log.error("event stepped over", event_id=name, channel=where, why=why)
        text = f"event {name} was not delivered to {where}: {why}"
        alert = AlertRecord(f"undeliverable/{name}/{where}", "undeliverable", "critical", key[0], text, now, now)
        if notice is not None:
            alert = replace(
                alert,
                priority=notice.priority,
                state=notice.state,
                category=notice.category,
                cluster=notice.cluster,
            )
        self._store.put_alert(alert)


def cursor_of(channel: str) -> str:
    """The name under which a channel's desk is remembered."""
    return f"channel/{channel}"


def known_channels(cursors: Mapping[str, str], now: Instant) -> dict[str, Instant]:
    """The channels that any monitor had within the last day, and when: one that is nowhere now counts as down so long."""
    found = {name.partition("/")[2]: text for name, text in cursors.items() if name.startswith("channel/")}
    seen = {name: int(json.loads(text)["seen_at"]) for name, text in found.items()}
    return {name: at for name, at in seen.items() if now - at < micros(FORGET_SECONDS)}

"""What the status lines tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.text import Text

from wsmon.domain.states import WorksetState
from wsmon.domain.times import Instant, age

if TYPE_CHECKING:
    from tui.session import Session
    from wsmon.ports import StoreInfo
    from wsmon.services.live import Delta

OUTBOX_SECONDS = 60.0
COUNTED_EVENTS = 100
"""So many of the waiting ones are counted (services.panels, which loads after the first frame); a test compares."""


@dataclass
class Status:
    """What the status lines tell."""

    store: StoreInfo | None = None
    who: str = ""
    account: str = ""
    """The AWS account, once it is known."""
    writable: bool = True
    armed: float | None = None
    """Seconds until writes are off again, 0 where they are; None: nothing has to be armed."""
    counts: dict[WorksetState, int] = field(default_factory=dict)
    alerts: int = 0
    monitors: int = 0
    silent: int = 0
    """Monitors that signed on, never signed off, and are not heard of."""
    outbox: float | None = None
    """Seconds for which the oldest event has waited for a channel; None where nobody is to be told."""
    waiting: int = 0
    """How many events do, as Delta counts them."""
    age: float | None = None
    """Seconds since the store was last read."""
    stale_after: float = 5.0
    units: int | None = None
    """Capacity units consumed in the last minute, where they are paid for."""
    production: str = ""
    paused: bool = False
    past: str = ""
    """Which moment is shown, where it is not now."""
    refresh: float | None = None
    """Seconds between looks, where somebody has chosen them."""
    trouble: str = ""
    next_try: str = ""
    """When the store is asked again, said after the trouble."""

    def take(self, delta: Delta, session: Session | None) -> None:
        """What the store showed."""
        self.trouble, self.counts, self.alerts = "", dict(delta.counts), len(delta.alerts)
        silent_after = (session.silent_seconds if session else 0.0) * 1e6
        self.monitors = sum(delta.at - m.heartbeat_at < silent_after for m in delta.monitors)
        self.silent = len(delta.monitors) - self.monitors
        self.outbox = delta.waited if session is not None and session.channels else None
        self.waiting = delta.waiting

    def see(self, session: Session, read_at: Instant | None, units: int | None) -> None:
        """What the session is by now."""
        self.writable, self.production, self.units = session.writable, session.production, units
        gate = session.commands.gate
        self.armed = None if gate is None else gate.left(session.clock)
        if read_at is not None:
            self.age = max(0.0, (session.clock.now() - read_at) / 1e6)

    def looks_every(self, seconds: float) -> None:
        """Data is old after two looks that did not come; an idle store is looked at half as often."""
        self.stale_after = max(5.0, 2.5 * seconds)

    @property
    def restless(self) -> bool:
        """Whether something in it counts seconds, or will before it is looked at again by itself."""
        return bool(self.trouble) or (self.armed is not None and 0 < self.armed < 66)

    def told(self) -> tuple[object, ...]:
        """Everything that can be read of it; an age only where it is told."""
        old = age(self.age) if self.age is not None and self.age >= self.stale_after else self.age is None
        counts = tuple(self.counts.items())
        return (
            self.store,
            self.who,
            self.account,
            gate(self).plain,
            self.paused,
            self.past,
            self.units,
            self.production,
            self.refresh,
            counts,
            self.alerts,
            self.monitors,
            outbox(self),
            old,
            self.trouble,
            self.next_try,
        )


def outbox(status: Status) -> str:
    """Since when somebody should have been told, and of how much, once that is long."""
    if status.outbox is None or status.outbox < OUTBOX_SECONDS:
        return ""
    many = f"{COUNTED_EVENTS}+" if status.waiting > COUNTED_EVENTS else str(status.waiting)
    return f"  outbox {age(status.outbox)}" + (f" ({many})" if status.waiting else "")


def gate(status: Status) -> Text:
    """What may be written, where it is not everything."""
    if not status.writable:
        return Text("  read-only", "bold yellow")
    if status.armed is None:
        return Text()
    if not status.armed:
        return Text("  writes off", "bold yellow")
    return Text(f"  ARMED {age(_minutes(status.armed))}", "bold red")


def _minutes(seconds: float) -> float:
    """Up to the next minute, so that nothing repaints for a clock; the last one counts down."""
    return seconds if seconds < 60 else -(-seconds // 60) * 60

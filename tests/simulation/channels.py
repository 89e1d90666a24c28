"""Channels that fail, and what they were told: at least once, in order, and before anything is marked delivered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from tests.simulation.faults import Faults, Kind
from tests.simulation.kernel import Kernel, Process, Violation
from wsmon.domain.errors import ChannelDown
from wsmon.domain.messages import Message
from wsmon.ports import Channel, Sent

Key = tuple[str, int]


@dataclass(slots=True)
class Receiver:
    """The Channel port's far side; one for all monitors."""

    name: str
    incidents: bool = False
    told: dict[Key, str] = field(default_factory=dict)
    """What it was told of, and under which message's id first."""
    newest: dict[str, int] = field(default_factory=dict)
    down_until: int = 0

    def send(self, message: Message) -> str:
        """Never called: the courier of the simulation knows how to reach it."""
        raise NotImplementedError

    def take(self, message: Message) -> None:
        """A message arrived."""
        for notice in message.notices:
            if not notice.seq:
                continue
            known = self.told.get(notice.key)
            if known is not None:
                if known != message.message_id:
                    text = f"{self.name}: {notice.key} in {message.message_id}, before in {known}"
                    raise Violation("what is sent again bears its id", text)
                continue
            newest = self.newest.get(notice.subject, 0)
            if notice.seq < newest:
                raise Violation("a channel is told in order", f"{self.name}: {notice.key} after seq {newest}")
            self.newest[notice.subject] = notice.seq
            self.told[notice.key] = message.message_id


@dataclass(slots=True)
class Channels:
    """All of them, and the check on the outbox."""

    kernel: Kernel
    faults: Faults
    receivers: list[Receiver]

    def marked(self, events: Sequence[Key]) -> None:
        """What is taken off the outbox has reached every channel."""
        for receiver in self.receivers:
            missing = sorted(set(events) - receiver.told.keys())
            if missing:
                raise Violation("nothing is marked delivered before it is", f"{receiver.name} was never told {missing}")

    def everyone_was_told(self, events: int) -> None:
        """Once quiet: every event reached every channel."""
        for receiver in self.receivers:
            if len(receiver.told) != events:
                raise Violation("no event is lost", f"{receiver.name} was told {len(receiver.told)} of {events}")


class SimCourier:
    """The Courier port of one process: sends beside it, and dies with it."""

    def __init__(self, channels: Channels, process: Process, chance: Random) -> None:
        self._channels, self._process, self._chance = channels, process, chance
        self._ended: list[Sent] = []

    def start(self, channel: Channel, message: Message) -> None:
        receiver = next(r for r in self._channels.receivers if r.name == channel.name)
        self._channels.kernel.start(self._process, f"courier {channel.name}", lambda: self._carry(receiver, message))

    def _carry(self, receiver: Receiver, message: Message) -> None:
        kernel, chance = self._channels.kernel, self._chance
        kernel.sleep(chance.uniform(0.05, 3.0))
        error = None
        if kernel.now < receiver.down_until:
            error = ChannelDown("simulated: connection refused")
        else:
            receiver.take(message)
            kernel.note(receiver.name, f"told {len(message.notices)} by {self._process.name}")
            kernel.sleep(chance.uniform(0.01, 0.5))
            if self._channels.faults.hit(Kind.CHANNEL_LOST, 0.05, chance):
                error = ChannelDown("simulated: no reply")
        self._ended.append(Sent(receiver.name, message.message_id, error))

    def finished(self) -> list[Sent]:
        ended, self._ended = self._ended, []
        return ended

"""Ways to tell people or programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from wsmon.domain.errors import ChannelError
    from wsmon.domain.messages import Message


class Channel(Protocol):
    """A way to tell people or programs. Made cheaply; connects at the first message."""

    name: str
    incidents: bool
    """Keeps one incident a group, with a begin and an end: groups are never summed up for it."""

    def send(self, message: Message) -> str:
        """Deliver, within ten seconds or so; what the channel answered, without secrets.

        Raises ChannelDown, or ChannelRefused for a message it will never take. The same
        message_id again is the same message: it counts once where the channel can tell.
        """


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a message; `error` None: delivered."""

    channel: str
    message_id: str
    error: ChannelError | None = None
    receipt: str = ""


class Courier(Protocol):
    """Carries messages without making the relay wait; one at a time to each channel."""

    def start(self, channel: Channel, message: Message) -> None:
        """Begin to send."""

    def finished(self) -> list[Sent]:
        """What ended since the last call."""

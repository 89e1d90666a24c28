"""Couriers: one that waits, for one-off commands and tests, and one with threads, for monitors."""

from __future__ import annotations

import queue
import threading

from wsmon.domain.errors import ChannelDown, ChannelError, ChannelRefused
from wsmon.domain.messages import Message
from wsmon.ports import Channel, Sent


def carry(channel: Channel, message: Message) -> Sent:
    """Send one message; whatever goes wrong is an answer."""
    try:
        return Sent(channel.name, message.message_id, receipt=channel.send(message))
    except ChannelError as error:
        return Sent(channel.name, message.message_id, error)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        # The message cannot be built: another try would end the same way.
        return Sent(channel.name, message.message_id, ChannelRefused(f"{type(error).__name__} while it was built"))
    except Exception as error:
        return Sent(channel.name, message.message_id, ChannelDown(f"an unexpected {type(error).__name__}"))


class InlineCourier:
    """Sends at once."""

    def __init__(self) -> None:
        self._ended: list[Sent] = []

    def start(self, channel: Channel, message: Message) -> None:
        """Send now."""
        self._ended.append(carry(channel, message))

    def finished(self) -> list[Sent]:
        """What was sent since the last call."""
        ended, self._ended = self._ended, []
        return ended


class ThreadCourier:
    """Each message on a thread of its own, so that a channel that hangs holds up nobody."""

    def __init__(self) -> None:
        self._ended: queue.SimpleQueue[Sent] = queue.SimpleQueue()

    def start(self, channel: Channel, message: Message) -> None:
        """Begin to send; the thread is a daemon and never holds the process up."""

        def work() -> None:
            self._ended.put(carry(channel, message))

        threading.Thread(target=work, name=f"channel-{channel.name}", daemon=True).start()

    def finished(self) -> list[Sent]:
        """What ended since the last call."""
        ended = []
        while not self._ended.empty():
            ended.append(self._ended.get())
        return ended

"""Email and a hundred other services, by Apprise (the extra `apprise`)."""

from __future__ import annotations

from wsmon.adapters.rendering import cut, lines_of, title_of
from wsmon.domain.errors import ChannelDown, ChannelRefused, MissingExtra
from wsmon.domain.messages import Message

BODY_CHARS = 20_000
_TYPES = {"critical": "failure", "warning": "warning", "info": "info"}


class AppriseChannel:
    """One or more Apprise addresses."""

    incidents = False

    def __init__(self, name: str, url: str) -> None:
        """Raises MissingExtra without the package."""
        try:
            import apprise
        except ImportError:
            raise MissingExtra("the channel type apprise needs the extra: pip install 'wsmon[apprise]'") from None
        self.name, self._url, self._apprise = name, url, apprise

    def send(self, message: Message) -> str:
        """Notify. Apprise only tells whether it worked. Raises ChannelDown, ChannelRefused."""
        service = self._apprise.Apprise()
        if not service.add(self._url):
            raise ChannelDown("Apprise does not know this kind of address")
        kind = "success" if message.status.value == "resolved" else _TYPES[message.severity.value]
        body = cut("\n".join(lines_of(message)), BODY_CHARS)
        try:
            done = service.notify(body=body, title=title_of(message), notify_type=kind, body_format="text")
        except TypeError as error:
            raise ChannelRefused(f"Apprise: {error}") from None
        if not done:
            raise ChannelDown("Apprise could not deliver")
        return "delivered"

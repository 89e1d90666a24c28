"""Amazon SNS: plain and FIFO topics, with attributes that subscriptions filter by."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

from wsmon.adapters.rendering import cut_bytes, lines_of, title_of
from wsmon.domain.errors import ChannelDown, ChannelRefused
from wsmon.domain.messages import Message
from wsmon.domain.visible import visible

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

MAX_BYTES = 262_144
"""Of a message with its attributes."""
ATTRIBUTE_BYTES = 16_384
SUBJECT_CHARS = 99
_OWN_FAULT = frozenset(
    {"InvalidParameter", "InvalidParameterValue", "InvalidParameterException", "ParameterValueInvalid"}
)


def subject(text: str) -> str:
    """Printable ASCII without line breaks, under 100 characters, beginning with a letter, digit or punctuation."""
    plain = "".join(c if " " <= c <= "~" else "?" for c in visible(text))
    return plain.strip()[:SUBJECT_CHARS].strip() or "wsmon"


def attributes(message: Message) -> dict[str, dict[str, str]]:
    """What subscriptions filter by; a message about several worksets names them all where there is room."""
    found: dict[str, dict[str, str]] = {}
    for name, field in (
        ("workset_id", "subject"),
        ("event_type", "event_type"),
        ("state", "state"),
        ("priority", "priority"),
        ("severity", "severity"),
        ("status", "status"),
    ):
        values = list(dict.fromkeys(visible(str(getattr(n, field))) for n in message.notices if getattr(n, field)))
        if len(values) == 1:
            found[name] = {"DataType": "String", "StringValue": values[0]}
        elif values:
            while len(json.dumps(values)) > ATTRIBUTE_BYTES:
                values = values[: len(values) // 2]
            found[name] = {"DataType": "String.Array", "StringValue": json.dumps(values)}
    if message.test:
        found["test"] = {"DataType": "String", "StringValue": "true"}
    return found


def parameters(topic_arn: str, message: Message) -> dict[str, Any]:
    """The parameters of Publish."""
    extra = attributes(message)
    used = sum(len(name) + len(v["DataType"]) + len(v["StringValue"].encode()) for name, v in extra.items())
    body = "\n".join([title_of(message), "", *lines_of(message, listed=100), "", f"message {message.message_id}"])
    request: dict[str, Any] = {
        "TopicArn": topic_arn,
        "Subject": subject(title_of(message)),
        "Message": cut_bytes(body, MAX_BYTES - used),
        "MessageAttributes": extra,
    }
    if topic_arn.endswith(".fifo"):
        # One group for all, or a workset's messages could overtake each other; the id makes a retry the same message.
        request |= {"MessageGroupId": "wsmon", "MessageDeduplicationId": message.message_id}
    return request


class SnsChannel:
    """One topic."""

    incidents = False

    def __init__(
        self,
        name: str,
        topic_arn: str,
        *,
        region: str | None = None,
        profile: str | None = None,
        endpoint_url: str | None = None,
        client: SNSClient | None = None,
    ) -> None:
        """`client` is used as it is; without one it is made at the first message."""
        self.name, self.topic_arn = name, topic_arn
        parts = topic_arn.split(":")
        self._region = region or (parts[3] if len(parts) > 5 else None)
        self._profile, self._endpoint = profile, endpoint_url
        self._mutex = threading.Lock()
        self._client = client

    def send(self, message: Message) -> str:
        """Publish. Raises ChannelDown, ChannelRefused."""
        from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

        try:
            reply = self._sns().publish(**parameters(self.topic_arn, message))
        except ParamValidationError as error:
            raise ChannelRefused(f"SNS: {error}") from None
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            text = f"SNS: {code}: {error.response.get('Error', {}).get('Message', '')}"[:300]
            raise (ChannelRefused if code in _OWN_FAULT else ChannelDown)(text) from None
        except (BotoCoreError, ValueError) as error:
            raise ChannelDown(f"SNS does not answer ({type(error).__name__})") from None
        return f"message {reply['MessageId']}"

    def _sns(self) -> SNSClient:
        import boto3
        from botocore.config import Config

        with self._mutex:
            if self._client is None:
                config = Config(
                    connect_timeout=3, read_timeout=8, retries={"total_max_attempts": 1, "mode": "standard"}
                )
                session = boto3.session.Session(profile_name=self._profile, region_name=self._region)
                self._client = session.client("sns", endpoint_url=self._endpoint, config=config)
            return self._client

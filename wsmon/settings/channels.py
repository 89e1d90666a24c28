"""Settings of channels: one model a type, secrets from the settings, the environment or a file of their own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, Field, SecretStr, field_validator, model_validator

from wsmon.settings.section import Section, expanded

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
Texts = list[str]
MOST = 1e6
"""Messages a minute: no channel takes more, so it is as good as no bound."""


class _Channel(Section):
    """What every channel has."""

    secrets: ClassVar[tuple[str, ...]] = ()

    event_types: Texts = Field([], description="Only these: completion, error, state_change, cluster, alert, or verbs.")
    states: Texts = Field([], description="Only changes into these states, and alerts of worksets in them.")
    priorities: Texts = Field([], description="Only worksets of these priorities.")
    worksets: Texts = Field([], description="Only ids like these patterns; * stands for any text.")
    clusters: Texts = Field([], description="Only clusters like these patterns.")
    min_severity: Literal["info", "warning", "critical"] = Field("warning", description="The least that is told.")
    max_per_minute: float = Field(30.0, gt=0, le=MOST, description="Messages; what is over comes as a summary.")

    @model_validator(mode="before")
    @classmethod
    def _from_files(cls, values: Any) -> Any:
        """A secret's `..._file` is read in its place."""
        if not isinstance(values, dict):
            return values
        values = dict(values)
        for name in cls.secrets:
            path = values.pop(f"{name}_file", None)
            if path is not None and values.get(name) is None:
                try:
                    values[name] = expanded(Path(str(path))).expanduser().read_text(encoding="utf-8").strip()
                except (OSError, ValueError) as error:
                    raise ValueError(f"{name}_file {path} cannot be read ({_short(error)})") from None
            if isinstance(text := values.get(name), str) and not text.strip():
                # As from a variable that was never set: a webhook would go out unsigned, and nobody be told.
                raise ValueError(f"{name} is empty; give it, or leave the line out")
        return values


def _short(error: OSError | ValueError) -> str:
    """Why, without a word of what the file holds."""
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else type(error).__name__


class _Web(_Channel):
    """A channel that is a web address, which may hold a secret."""

    secrets: ClassVar[tuple[str, ...]] = ("url",)
    url: SecretStr = Field(description="Where messages are posted.")

    @field_validator("url")
    @classmethod
    def _http(cls, value: SecretStr) -> SecretStr:
        if not re.match(r"https?://[^\s/]+", value.get_secret_value()):
            raise ValueError("an address begins with https:// or http://")
        return value


class WebhookSettings(_Web):
    """JSON to any program."""

    secrets: ClassVar[tuple[str, ...]] = ("url", "secret")
    type: Literal["webhook"]
    secret: SecretStr | None = Field(None, description="Signs each message by HMAC-SHA256 (Standard Webhooks).")
    min_severity: Literal["info", "warning", "critical"] = Field("info", description="The least that is told.")
    max_per_minute: float = Field(120.0, gt=0, le=MOST, description="Messages; what is over comes as a summary.")


class SlackSettings(_Web):
    """Slack, by an incoming webhook."""

    type: Literal["slack"]
    max_per_minute: float = Field(20.0, gt=0, le=MOST, description="Messages; what is over comes as a summary.")


class SnsSettings(_Channel):
    """An Amazon SNS topic; .fifo topics get dedupe and group ids."""

    type: Literal["sns"]
    topic_arn: str = Field(pattern=r"^arn:[^:]+:sns:[^:]*:[^:]*:.+$", description="The topic.")
    region: str | None = Field(None, description="By default the topic's.")
    profile: str | None = Field(None, description="The AWS profile to take credentials from.")
    endpoint_url: str | None = Field(None, description="Another endpoint that speaks SNS.")
    min_severity: Literal["info", "warning", "critical"] = Field("info", description="The least that is told.")
    max_per_minute: float = Field(120.0, gt=0, le=MOST, description="Messages; what is over comes as a summary.")


class LinearSettings(_Channel):
    """Issues in Linear, one a group, with comments for what follows."""

    secrets: ClassVar[tuple[str, ...]] = ("api_key",)
    type: Literal["linear"]
    api_key: SecretStr = Field(description="The API key.")
    team_id: str = Field(min_length=1, description="The team that gets the issues.")
    project_id: str | None = Field(None, description="The project they belong to.")
    done_state_id: str | None = Field(None, description="The workflow state of an issue whose group has ended.")
    open_state_id: str | None = Field(None, description="The workflow state of an issue whose group has come back.")
    url: str = Field("https://api.linear.app/graphql", description="The API.")


class PagerDutySettings(_Channel):
    """Incidents in PagerDuty, by Events API v2."""

    secrets: ClassVar[tuple[str, ...]] = ("routing_key",)
    type: Literal["pagerduty"]
    routing_key: SecretStr = Field(description="The integration's key.")
    url: str = Field(
        "https://events.pagerduty.com/v2/enqueue",
        description="The API; https://events.eu.pagerduty.com/v2/enqueue in Europe.",
    )


class AppriseSettings(_Channel):
    """Email and many others, by an Apprise address; needs the extra `apprise`."""

    secrets: ClassVar[tuple[str, ...]] = ("url",)
    type: Literal["apprise"]
    url: SecretStr = Field(description="Such as mailtos://user:password@host?to=ops@example.org.")


ChannelSettings = Annotated[
    WebhookSettings | SlackSettings | SnsSettings | LinearSettings | PagerDutySettings | AppriseSettings,
    Field(discriminator="type"),
]
CHANNEL_TYPES: dict[str, type[BaseModel]] = {
    "webhook": WebhookSettings,
    "sns": SnsSettings,
    "slack": SlackSettings,
    "pagerduty": PagerDutySettings,
    "linear": LinearSettings,
    "apprise": AppriseSettings,
}


def _named(value: Any) -> Any:
    if isinstance(value, dict):
        for name in value:
            if not NAME.fullmatch(str(name)):
                raise ValueError(f"a channel's name is lower-case letters, digits, - and _, not {name!r}")
    return value


Channels = Annotated[dict[str, ChannelSettings], BeforeValidator(_named)]

"""The settings of the terminal UI and of the REST service."""

from __future__ import annotations

import re

from pydantic import Field, field_validator

from wsmon.settings.section import HUGE, LONGEST, MANY, Section


class TuiSettings(Section):
    """The terminal UI."""

    refresh_seconds: float | None = Field(
        None, gt=0, le=LONGEST, description="How often views refresh; 1 on SQLite, 2 on DynamoDB."
    )
    read_only: bool = Field(False, description="Refuse every change.")
    bell: bool = Field(True, description="Ring the terminal's bell when a critical alert begins.")
    mouse: bool = Field(
        True, description="Take clicks and the wheel; off leaves the mouse to the terminal, for selecting text."
    )
    armed_seconds: float = Field(
        900.0, gt=0, le=LONGEST, description="How long writes on a shared store stay armed once a person armed them."
    )


class ApiSettings(Section):
    """The REST service."""

    host: str = Field("127.0.0.1", description="The address; another than loopback needs tokens.")
    port: int = Field(8000, ge=0, le=65535, description="The port; 0 takes a free one.")
    rate_limit: str = Field("120000/minute", description="How often one client may ask, such as 600/minute.")
    denied_rate_limit: str = Field("600/minute", description="How often one client is told that its token is wrong.")
    body_bytes: int = Field(1_048_576, gt=0, le=HUGE, description="The largest body of a request.")
    body_seconds: float = Field(
        10.0, gt=0, le=LONGEST, description="How long a request's headers may take to come, and then its body."
    )
    event_streams: int = Field(64, gt=0, le=MANY, description="How many event streams may be open at once.")
    trust_proxy: bool = Field(False, description="Whether a proxy on this machine says who the client is.")

    @field_validator("rate_limit", "denied_rate_limit")
    @classmethod
    def _rate(cls, value: str) -> str:
        if not re.fullmatch(r"[1-9][0-9]{0,8}/(second|minute|hour|day)", value):
            raise ValueError("a rate is NUMBER/second, /minute, /hour or /day")
        return value


class WebSettings(Section):
    """The terminal UI in a browser."""

    host: str = Field("127.0.0.1", description="The address; another than loopback needs tokens.")
    port: int = Field(8001, ge=0, le=65535, description="The port; 0 takes a free one.")
    sessions: int = Field(
        16, gt=0, le=1000, description="How many browsers may look at once; each is a process of about 80 MB."
    )
    trust_proxy: bool = Field(
        False, description="Whether a proxy on this machine says who the client is, and that it came over TLS."
    )

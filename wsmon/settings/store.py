"""The settings of the store."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import Field, field_validator

from wsmon.settings.section import Section, expanded


class StoreSettings(Section):
    """Where the state lies."""

    url: str | None = Field(
        None, description="sqlite:PATH or dynamodb:TABLE; by default a SQLite file in the data folder."
    )
    region: str | None = Field(None, description="The AWS region of a DynamoDB table.")
    profile: str | None = Field(None, description="The AWS profile to take credentials from.")
    endpoint_url: str | None = Field(None, description="Another endpoint that speaks DynamoDB.")

    read_only: list[str] = Field(
        [], description="Tables, by name or pattern, and AWS accounts, by number, on which every change is refused."
    )
    production: list[str] = Field(
        [], description="Tables, by name or pattern, that matter: a red screen, and a confirm wants the name typed."
    )

    @field_validator("url")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        if value is not None:
            kind, _, rest = value.partition(":")
            if kind not in {"sqlite", "dynamodb"} or not rest:
                raise ValueError("a store is sqlite:PATH or dynamodb:TABLE")
            if kind == "sqlite":
                expanded(Path(rest))
            elif not re.fullmatch(r"[A-Za-z0-9_.-]{3,255}", rest):
                raise ValueError("a table's name is 3 to 255 letters, digits, dots, - and _")
        return value

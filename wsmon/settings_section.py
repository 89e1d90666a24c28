"""What every table of the settings has in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator

LONGEST = 2_592_000.0
"""Seconds in 30 days: no wait of a program is longer."""
YEAR = 31_536_000.0


class Section(BaseModel):
    """A table that is read once and never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_nul(cls, value: Any) -> Any:
        if isinstance(value, str | Path) and "\0" in str(value):
            raise ValueError("it holds a NUL character, which no system can be given")
        return value

"""What every table of the settings has in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, SecretStr, field_validator

LONGEST = 2_592_000.0
"""Seconds in 30 days: no wait of a program is longer."""
YEAR = 31_536_000.0
MANY = 10_000
"""More than this of anything that takes a thread, a process or a connection each is a slip of the keys."""
HUGE = 1_000_000_000
"""Bytes, MiB, GiB, vCPUs, worksets: still a number that every store and every sum of them can hold."""


class Section(BaseModel):
    """A table that is read once and never changes."""

    # A table that nobody set is its defaults, and its validator is never built: half of what the settings cost a command.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)

    @field_validator("*")
    @classmethod
    def _no_nul(cls, value: Any) -> Any:
        if _holds_nul(value):
            raise ValueError("it holds a NUL character, which no system can be given")
        return value


def _holds_nul(value: Any) -> bool:
    if isinstance(value, str | Path):
        return "\0" in str(value)
    if isinstance(value, SecretStr):
        return "\0" in value.get_secret_value()
    return isinstance(value, list | tuple) and any(map(_holds_nul, value))


def expanded(path: Path) -> Path:
    """The path, where its `~` is somebody's home."""
    try:
        path.expanduser()
    except RuntimeError:
        raise ValueError(f"{path.parts[0]} is nobody's home folder here") from None
    return path

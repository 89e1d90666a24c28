"""The settings of a command where only the store is said: known without pydantic, which takes a third of a short command.

Everything else is a default then. What the engine asks at once stands here, and a test holds it to the models; whatever is asked
beyond that is read from the models when it is asked for.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

from wsmon.domain.sources import AWS_VARIABLES, FILE_NAME, PREFIX

if TYPE_CHECKING:
    from wsmon.settings import Settings

STORE = ("url", "region", "profile", "endpoint_url")
URL = re.compile(r"sqlite:[^~\0]+|dynamodb:[A-Za-z0-9_.-]{3,255}")


KNOWN: dict[str, dict[str, Any]] = {
    "store": {"read_only": [], "production": []},
    "retry": {"max_attempts": 3, "base_seconds": 30.0, "cap_seconds": 3600.0, "max_expiries": 3},
    "tui": {"refresh_seconds": None, "read_only": False, "bell": True, "armed_seconds": 900.0},
}
"""Defaults, as the models have them."""


class Table:
    """A table of the settings by what is known of it; the rest is asked of the models."""

    def __init__(self, known: Mapping[str, Any], whole: Callable[[], Any]) -> None:
        self.__dict__.update(known)
        self._ask = whole

    def __getattr__(self, name: str) -> Any:
        """What is not known here. Raises SettingsError, AttributeError."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._ask(), name)


class Quick:
    """Settings in which nothing but the store is set; a Settings to whoever asks."""

    def __init__(self, store: Mapping[str, str | None], flags: Mapping[str, Any]) -> None:
        self._flags = flags
        self.store = Table({**KNOWN["store"], **store}, lambda: self._whole.store)
        self.retry = Table(KNOWN["retry"], lambda: self._whole.retry)
        self.tui = Table(KNOWN["tui"], lambda: self._whole.tui)

    @cached_property
    def _whole(self) -> Settings:
        from wsmon.settings import load_settings

        return load_settings(None, self._flags).settings

    def __getattr__(self, name: str) -> Any:
        """Any other table. Raises SettingsError."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._whole, name)


def quick_settings(flags: Mapping[str, Any]) -> Quick | None:
    """The settings, if flags and environment say nothing but the store, and no file says anything; else None."""
    variables = [name for name in os.environ if name.upper().startswith(PREFIX) and "__" in name]
    if any(name != f"{PREFIX}STORE__URL" for name in variables) or any(map(_is_file, _places())):
        return None
    store: dict[str, str | None] = dict.fromkeys(STORE)
    store |= {name: os.environ[variable] for variable, name in AWS_VARIABLES if os.environ.get(variable)}
    if variables:
        store["url"] = os.environ[variables[0]]
    store |= {name.removeprefix("store."): value for name, value in flags.items()}
    plain = all(value is None or (isinstance(value, str) and "\0" not in value) for value in store.values())
    known = store.keys() == set(STORE) and plain and (store["url"] is None or URL.fullmatch(store["url"]))
    return Quick(store, flags) if known else None


def _places() -> tuple[Path, ...]:
    return Path(FILE_NAME), Path(platformdirs.user_config_dir("wsmon")) / FILE_NAME


def _is_file(path: Path) -> bool:
    return path.is_file()

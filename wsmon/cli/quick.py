"""The settings of a command that asks for the store alone: known without pydantic, which takes a third of a short command.

A settings file may say more: of it only the store and the retries are taken here, where they are plain; its other tables are read from the models when
something asks for them, so that a monitor's mistake stops no listing (`wsmon config`, `doctor` and whatever uses it tell). What the engine asks at once
stands here, and a test holds it to the models.
"""

from __future__ import annotations

import os
import re
import tomllib
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


SECTIONS = frozenset(
    [
        "alerts",
        "api",
        "catalog",
        "channels",
        "clusters",
        "creation",
        "keys",
        "metrics",
        "monitor",
        "parallelcluster",
        "pool",
        "retry",
        "scheduler",
        "steps",
        "store",
        "tui",
        "web",
    ]
)
KNOWN: dict[str, dict[str, Any]] = {
    "alerts": {"rules": {}},
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

    def __init__(
        self, store: Mapping[str, str | None], retry: Mapping[str, Any], load: Callable[[], Settings], *, alerts: bool
    ) -> None:
        """`alerts`: the file says something of them."""
        self._load = load
        self.store = Table({**KNOWN["store"], **store}, lambda: self._whole.store)
        self.retry = Table({**KNOWN["retry"], **retry}, lambda: self._whole.retry)
        self.tui = Table(KNOWN["tui"], lambda: self._whole.tui)
        self.alerts = Table({} if alerts else KNOWN["alerts"], lambda: self._whole.alerts)

    @cached_property
    def _whole(self) -> Settings:
        return self._load()

    def __getattr__(self, name: str) -> Any:
        """Any other table. Raises SettingsError."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._whole, name)


def quick_settings(config: Path | None, flags: Mapping[str, Any]) -> Quick | None:
    """The settings, if flags and environment say nothing but the store and the file nothing but what is plain; else None."""
    variables = [name for name in os.environ if name.upper().startswith(PREFIX) and "__" in name]
    file = _file(config)
    if file is None or any(name != f"{PREFIX}STORE__URL" for name in variables):
        return None
    store: dict[str, Any] = {**dict.fromkeys(STORE), **file.get("store", {})}
    store |= {name: os.environ[variable] for variable, name in AWS_VARIABLES if os.environ.get(variable)}
    if variables:
        store["url"] = os.environ[variables[0]]
    store |= {name.removeprefix("store."): value for name, value in flags.items()}
    retry = file.get("retry", {})
    if not _plain_store(store) or not _plain_retry(retry):
        return None

    def load() -> Settings:
        from wsmon.settings import load_settings

        return load_settings(config, flags).settings

    return Quick(store, retry, load, alerts="alerts" in file)


def _file(config: Path | None) -> Mapping[str, dict[str, Any]] | None:
    """What the settings file says; empty where there is none, None where it has to be read the long way."""
    places = (Path(FILE_NAME), Path(platformdirs.user_config_dir("wsmon")) / FILE_NAME)
    path = config if config is not None else next((place for place in places if place.is_file()), None)
    if path is None:
        return {}
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    known = tables.keys() <= SECTIONS and all(isinstance(table, dict) for table in tables.values())
    return tables if known and "tui" not in tables else None


def _plain_store(store: Mapping[str, Any]) -> bool:
    plain = all(value is None or (isinstance(value, str) and "\0" not in value) for value in store.values())
    return store.keys() == set(STORE) and plain and (store["url"] is None or URL.fullmatch(store["url"]) is not None)


def _plain_retry(retry: Mapping[str, Any]) -> bool:
    """Whole numbers that every bound of the models takes."""
    return retry.keys() <= KNOWN["retry"].keys() and all(type(n) is int and 0 < n <= 1000 for n in retry.values())

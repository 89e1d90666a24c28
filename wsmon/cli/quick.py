"""The settings of a command that asks for the store alone: known without pydantic, which takes a third of a short command.

A settings file and the environment may say more: of them the store, the retries and the screen are taken here, where they are plain; other tables are read from
the models when something asks for them, so that a monitor's mistake stops no listing (`wsmon config`, `doctor` and whatever uses it tell). What the engine asks at once
stands here, and a test holds it to the models.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

from wsmon.domain.sources import AWS_VARIABLES, FILE_NAME, PREFIX

if TYPE_CHECKING:
    from wsmon.domain.queueing import Policy
    from wsmon.settings import Settings

LONGEST = 2_592_000.0
"""As wsmon.settings.section has it."""
NUMBERS = ("refresh_seconds", "armed_seconds")
NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
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
    "alerts": {"rules": {}, "monitor_silent_seconds": 300.0},
    "creation": {"enabled": False},
    "monitor": {"skew_seconds": 60.0},
    "store": {"read_only": [], "production": []},
    "scheduler": {
        "max_wait_seconds": 86_400.0,
        "cost_order": False,
        "daily_budget_usd": None,
        "silent_seconds": 300.0,
        "refusal_seconds": 1800.0,
    },
    "retry": {"max_attempts": 3, "base_seconds": 30.0, "cap_seconds": 3600.0, "max_expiries": 3},
    "tui": {"refresh_seconds": None, "read_only": False, "bell": True, "mouse": True, "armed_seconds": 900.0},
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
        self, said: Mapping[str, Mapping[str, Any]], both: Mapping[str, Any], load: Callable[[], Settings]
    ) -> None:
        """`said`: what is taken from here of the tables that are known whole; `both`: all that file and environment say."""
        self._load = load
        self.store = Table({**KNOWN["store"], **said["store"]}, lambda: self._whole.store)
        self.retry = Table({**KNOWN["retry"], **said["retry"]}, lambda: self._whole.retry)
        self.tui = Table({**KNOWN["tui"], **said["tui"]}, lambda: self._whole.tui)
        self.alerts = Table(_known("alerts", both), lambda: self._whole.alerts)
        self.creation = Table(_known("creation", both), lambda: self._whole.creation)
        self.monitor = Table(_known("monitor", both), lambda: self._whole.monitor)
        self.scheduler = Table(_scheduler(both), lambda: self._whole.scheduler)

    @cached_property
    def _whole(self) -> Settings:
        return self._load()

    def __getattr__(self, name: str) -> Any:
        """Any other table. Raises SettingsError."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._whole, name)


def quick_settings(config: Path | None, flags: Mapping[str, Any]) -> Quick | None:
    """The settings, if flags say nothing but what is known here, and file and environment what is plain; else None."""
    file, variables = _file(config), _variables()
    if file is None or variables is None:
        return None
    store: dict[str, Any] = {**dict.fromkeys(STORE), **file.get("store", {})}
    store |= {name: os.environ[variable] for variable, name in AWS_VARIABLES if os.environ.get(variable)}
    store |= variables.get("store", {})
    store |= {name.removeprefix("store."): value for name, value in flags.items()}
    both = {name: {**file.get(name, {}), **variables.get(name, {})} for name in {**file, **variables}}
    tui = both.get("tui", {})
    said = {"store": store, "retry": both.get("retry", {}), "tui": tui}
    if not all(plain(said[table]) for table, plain in PLAIN.items()):
        return None
    tui |= {name: float(tui[name]) for name in NUMBERS if name in tui}

    def load() -> Settings:
        from wsmon.settings import load_settings

        return load_settings(config, flags).settings

    return Quick(said, both, load)


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
    return tables if known else None


def _variables() -> dict[str, dict[str, Any]] | None:
    """What WSMON_* say, by table; None where one has to be read the long way: a whole table in it, or other letters."""
    said: dict[str, dict[str, Any]] = {}
    for variable, text in os.environ.items():
        table, nested, name = variable.upper().removeprefix(PREFIX).lower().partition("__")
        if not variable.upper().startswith(PREFIX) or not (nested or table in SECTIONS):
            continue  # another program's, or one that is no setting, as a run's own
        if not nested or table not in SECTIONS or variable != variable.upper():
            return None
        said.setdefault(table, {})[name] = _value(table, name, text)
    return said


def _value(table: str, name: str, text: str) -> object:
    """A variable as its setting has it; its text where what that means is for the models to say."""
    if table == "store":
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(text) if name in KNOWN["store"] else text
    if text in {"true", "false"}:
        return text == "true"
    return text if not NUMBER.fullmatch(text) else float(text) if "." in text else int(text)


def _plain_store(store: Mapping[str, Any]) -> bool:
    lists = [store.get(name, []) for name in KNOWN["store"]]
    texts = [store[name] for name in STORE if store[name] is not None]
    if not all(isinstance(one, list) for one in lists) or not all(map(_plain_text, [*texts, *chain(*lists)])):
        return False
    known = store.keys() <= {*STORE, *KNOWN["store"]}
    return known and (store["url"] is None or URL.fullmatch(store["url"]) is not None)


def _plain_text(value: object) -> bool:
    return isinstance(value, str) and "\0" not in value


def _plain_tui(tui: Mapping[str, Any]) -> bool:
    """Numbers that every bound of the models takes, as the models make of them."""
    return tui.keys() <= KNOWN["tui"].keys() and all(
        type(value) in {int, float} and 0 < value <= LONGEST if name in NUMBERS else type(value) is bool
        for name, value in tui.items()
    )


def _known(table: str, both: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of a table, name by name; nothing of a name of which the models have to say whether it will do."""
    said = both.get(table, {})
    known = {name: said.get(name, default) for name, default in KNOWN[table].items()}
    return {
        name: float(value) if type(value) is int else value
        for name, value in known.items()
        if name not in said or _plain_value(KNOWN[table][name], value)
    }


def _plain_value(default: object, value: object) -> bool:
    """Whether it is a switch where one belongs, or a number that every bound of the models takes."""
    if isinstance(default, bool):
        return isinstance(value, bool)
    return (default is None or isinstance(default, float)) and type(value) in {int, float} and 0 < value <= LONGEST  # type: ignore[operator]


def _scheduler(both: Mapping[str, Any]) -> dict[str, Any]:
    """By which worksets are ordered; nothing where the models have to say."""
    known, names = _known("scheduler", both), KNOWN["scheduler"].keys()
    if not both.get("scheduler", {}).keys() <= names or known.keys() != names:
        return {}

    def policy() -> Policy:
        from wsmon.domain.queueing import policy_of  # a listing orders nothing

        return policy_of(**known)

    return {**known, "policy": policy}


def _plain_retry(retry: Mapping[str, Any]) -> bool:
    """Whole numbers that every bound of the models takes."""
    return retry.keys() <= KNOWN["retry"].keys() and all(type(n) is int and 0 < n <= 1000 for n in retry.values())


PLAIN: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    "store": _plain_store,
    "retry": _plain_retry,
    "tui": _plain_tui,
}

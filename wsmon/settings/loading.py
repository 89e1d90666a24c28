"""Reading the settings: defaults, then wsmon.toml, then the environment, then flags; each value knows where it came from."""

from __future__ import annotations

import contextlib
import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs
from pydantic import ValidationError

from wsmon.domain.errors import SettingsError
from wsmon.domain.sources import AWS_VARIABLES, FILE_NAME, PREFIX
from wsmon.settings.model import TABLES, Settings


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings and, for each dotted name that was set, where."""

    settings: Settings
    sources: Mapping[str, str]

    def values(self) -> Iterator[tuple[str, Any, str]]:
        """(dotted name, value, source) of everything, in the order of the models."""
        for section, values in self.settings.model_dump(mode="json").items():
            for name, value in values.items():
                dotted = f"{section}.{name}"
                yield dotted, value, self.sources.get(dotted, "default")


def load_settings(config: Path | None = None, flags: Mapping[str, Any] | None = None) -> Loaded:
    """Merge the layers and check them. `flags` maps dotted names to values. Raises SettingsError."""
    merged: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for source, layer in _layers(config, flags or {}):
        for dotted, value in _flat(layer):
            section, _, name = dotted.partition(".")
            if section in TABLES and isinstance(value, Mapping):
                value = {**merged.get(section, {}).get(name, {}), **value}  # noqa: PLW2901
            if name:
                table = merged.setdefault(section, {})
                if not isinstance(table, dict):
                    raise SettingsError(f"{section} in {sources[section]} is a table of settings: [{section}]")
                table[name] = value
            else:
                merged[section] = value
            sources[dotted] = source.get(dotted, source["*"])
    try:
        return Loaded(_built(merged), sources)
    except ValidationError as error:
        raise SettingsError("; ".join(_problem(item, sources) for item in error.errors())) from None


def _built(merged: Mapping[str, Any]) -> Settings:
    """The settings. Only tables that are set are validated; the others are their defaults. Raises ValidationError."""
    models: dict[str, Any] = {
        name: field.annotation for name, field in Settings.model_fields.items() if name not in TABLES
    }
    with contextlib.suppress(ValidationError, TypeError):
        if merged.keys() <= models.keys():
            set_ones = {name: models[name](**values) for name, values in merged.items()}
            rest = {name: model.model_construct() for name, model in models.items() if name not in merged}
            return Settings.model_construct(**set_ones, **rest)
    return Settings(**merged)  # with every table's mistakes at once


def _layers(config: Path | None, flags: Mapping[str, Any]) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
    path = _config_path(config)
    if path is not None:
        yield {"*": str(path)}, _read_toml(path)
    for variable, name in AWS_VARIABLES:
        if os.environ.get(variable):
            yield {"*": variable}, {"store": {name: os.environ[variable]}}
    _refuse_unknown_variables()
    environment = _environment()
    names = {dotted: PREFIX + dotted.replace(".", "__").upper() for dotted, _ in _flat(environment)}
    yield {"*": "environment", **names}, environment
    for dotted, value in flags.items():
        section, _, name = dotted.partition(".")
        yield {"*": "flag"}, {section: {name: value}}


def _environment() -> dict[str, Any]:
    """What WSMON_* variables set."""
    if not any(variable.upper().startswith(PREFIX) for variable in os.environ):
        return {}
    # It loads asyncio and every cloud's source, two fifths of a short command's time: only where it is needed.
    from pydantic_settings import EnvSettingsSource
    from pydantic_settings import SettingsError as SourceError

    model: Any = Settings
    try:
        return EnvSettingsSource(model, env_prefix=PREFIX, env_nested_delimiter="__")()
    except (SourceError, RecursionError) as error:
        raise SettingsError(f"an environment variable cannot be read: {error}; lists and tables are JSON") from None


def _config_path(config: Path | None) -> Path | None:
    if config is not None:
        if not config.is_file():
            raise SettingsError(f"the settings file {config} does not exist; give another --config")
        return config
    found = (Path(FILE_NAME), Path(platformdirs.user_config_dir("wsmon")) / FILE_NAME)
    return next((path for path in found if path.is_file()), None)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from None


def _refuse_unknown_variables() -> None:
    known = {PREFIX + dotted.replace(".", "__").upper() for dotted in _names()}
    for variable in os.environ:
        if variable.upper().startswith(tuple(f"{PREFIX}{table.upper()}__" for table in TABLES)):
            continue  # their names are free; what is below is checked with the table
        if variable.startswith(PREFIX) and "__" in variable and variable.upper() not in known:
            raise SettingsError(f"the environment variable {variable} is no setting{_nearest(variable, known)}")


def _names() -> list[str]:
    sections = {n: field.annotation for n, field in Settings.model_fields.items() if n not in TABLES}
    return [f"{s}.{n}" for s, model in sections.items() for n in model.model_fields]  # type: ignore[union-attr]


def _flat(layer: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """(section.name, value); tables below that are values."""
    for section, values in layer.items():
        if not isinstance(values, Mapping):
            yield section, values
            continue
        for name, value in values.items():
            yield f"{section}.{name}", value


def _problem(item: Any, sources: Mapping[str, str]) -> str:
    dotted = ".".join(str(part) for part in item["loc"])
    source = next((sources[name] for name in (dotted, ".".join(dotted.split(".")[:2])) if name in sources), None)
    if source is None:
        source = next((where for name, where in sources.items() if name.startswith(dotted)), "the settings")
    if item["type"] == "extra_forbidden":
        known = set(_names()) if "." in dotted else set(Settings.model_fields)
        return f"{dotted} in {source} is no setting{_nearest(dotted, known)}"
    return f"{dotted} in {source}: {item['msg'].removeprefix('Value error, ')}"


def _nearest(name: str, known: set[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else f"; known are {', '.join(sorted(known))}"

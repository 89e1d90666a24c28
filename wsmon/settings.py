"""Settings: defaults, then wsmon.toml, then the environment, then flags; each value knows where it came from."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from wsmon.channel_settings import Channels
from wsmon.domain.errors import SettingsError
from wsmon.domain.outcome import EXIT_CATEGORIES
from wsmon.domain.states import ErrorCategory
from wsmon.domain.template import check_template
from wsmon.settings_alerts import AlertSettings, MetricsSettings
from wsmon.settings_pool import (
    CatalogSettings,
    ClusterSettings,
    ParallelClusterSettings,
    SchedulerSettings,
    StepsSettings,
)
from wsmon.settings_section import LONGEST, YEAR, Section

FILE_NAME = "wsmon.toml"
PREFIX = "WSMON_"
# AWS's own variables, least to most particular, and what they set here.
_AWS_VARIABLES = (
    ("AWS_DEFAULT_REGION", "region"),
    ("AWS_REGION", "region"),
    ("AWS_PROFILE", "profile"),
    ("AWS_ENDPOINT_URL", "endpoint_url"),
    ("AWS_ENDPOINT_URL_DYNAMODB", "endpoint_url"),
)
TABLES = frozenset({"channels", "clusters"})
"""Sections that hold a table for each name."""


def _expanded(path: Path) -> Path:
    """The path, where its `~` is somebody's home."""
    try:
        path.expanduser()
    except RuntimeError:
        raise ValueError(f"{path.parts[0]} is nobody's home folder here") from None
    return path


class StoreSettings(Section):
    """Where the state lies."""

    url: str | None = Field(
        None, description="sqlite:PATH or dynamodb:TABLE; by default a SQLite file in the data folder."
    )
    region: str | None = Field(None, description="The AWS region of a DynamoDB table.")
    profile: str | None = Field(None, description="The AWS profile to take credentials from.")
    endpoint_url: str | None = Field(None, description="Another endpoint that speaks DynamoDB.")

    @field_validator("url")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        if value is not None:
            kind, _, rest = value.partition(":")
            if kind not in {"sqlite", "dynamodb"} or not rest:
                raise ValueError("a store is sqlite:PATH or dynamodb:TABLE")
            if kind == "sqlite":
                _expanded(Path(rest))
            elif not re.fullmatch(r"[A-Za-z0-9_.-]{3,255}", rest):
                raise ValueError("a table's name is 3 to 255 letters, digits, dots, - and _")
        return value


class MonitorSettings(Section):
    """How a monitor works."""

    command: list[str] = Field(
        [],
        description="The command of a run, an argument list with {placeholders}; an id may begin with -, so put -- before"
        " it where the command takes options.",
    )
    poll_seconds: float = Field(5.0, gt=0, le=LONGEST, description="How often the queue is looked at.")
    max_concurrent: int = Field(2, gt=0, le=10_000, description="How many runs one monitor attends at once.")
    owner_id: str | None = Field(None, description="The monitor's name; by default host and process id.")
    lease_seconds: float = Field(60.0, ge=0.2, le=LONGEST, description="How long a lock lives without a renewal.")
    renew_seconds: float = Field(
        20.0, gt=0, le=LONGEST, description="How often a lock is renewed; at most half of lease_seconds."
    )
    skew_seconds: float = Field(
        60.0, ge=0, le=LONGEST, description="How far the clocks of different machines may differ."
    )
    timeout_seconds: float | None = Field(
        None, gt=0, le=YEAR, description="How long a run may last; without it, for ever."
    )
    stop_grace_seconds: float = Field(10.0, ge=0, le=LONGEST, description="How long a run has between TERM and KILL.")
    on_stop: Literal["leave", "wait"] = Field(
        "leave", description="At a clean stop: leave runs for another monitor to adopt, or wait for them."
    )
    allow_metadata_command: bool = Field(False, description="Whether a workset's metadata.command is run instead.")
    exit_categories: dict[int, ErrorCategory] = Field(
        default_factory=lambda: dict(EXIT_CATEGORIES), description="The failure category of each exit code."
    )
    run_root: Path | None = Field(
        None, description="Where run folders lie; a network disk is refused. By default beside the store."
    )
    log_format: Literal["text", "json"] = Field("text", description="How the monitor writes its log.")

    @field_validator("run_root")
    @classmethod
    def _home(cls, value: Path | None) -> Path | None:
        return None if value is None else _expanded(value)

    @field_validator("command")
    @classmethod
    def _template(cls, value: list[str]) -> list[str]:
        try:
            return list(check_template(value)) if value else value
        except SettingsError as error:
            raise ValueError(str(error)) from None

    @model_validator(mode="after")
    def _room_for_a_late_renewal(self) -> Self:
        if self.lease_seconds < 2 * self.renew_seconds:
            raise ValueError(
                f"lease_seconds ({self.lease_seconds:g}) must be at least twice renew_seconds ({self.renew_seconds:g})"
            )
        return self


class RetrySettings(Section):
    """When a failed workset is tried again."""

    max_attempts: int = Field(3, gt=0, le=10_000, description="How many attempts a workset has.")
    base_seconds: float = Field(
        30.0, ge=0, le=YEAR, description="The wait after the first failure; it doubles each time."
    )
    cap_seconds: float = Field(3600.0, ge=0, le=YEAR, description="The longest wait.")
    max_expiries: int = Field(
        3, gt=0, le=10_000, description="How many dead locks without a start count as one attempt."
    )


class PoolSettings(Section):
    """This machine as a pool of slots."""

    name: str | None = Field(None, description="The pool's name; by default the host's.")
    slots: int | None = Field(
        None, gt=0, le=10_000, description="How many worksets run here at once, all monitors together."
    )
    local: bool = Field(True, description="Whether worksets run on this machine at all.")


class TuiSettings(Section):
    """The terminal UI."""

    refresh_seconds: float | None = Field(
        None, gt=0, le=LONGEST, description="How often views refresh; 1 on SQLite, 2 on DynamoDB."
    )
    read_only: bool = Field(False, description="Refuse every change.")
    bell: bool = Field(True, description="Ring the terminal's bell when a critical alert begins.")


class ApiSettings(Section):
    """The REST service."""

    host: str = Field("127.0.0.1", description="The address; another than loopback needs tokens.")
    port: int = Field(8000, ge=0, le=65535, description="The port; 0 takes a free one.")
    rate_limit: str = Field("120000/minute", description="How often one client may ask, such as 600/minute.")
    denied_rate_limit: str = Field("600/minute", description="How often one client is told that its token is wrong.")
    body_bytes: int = Field(1_048_576, gt=0, le=1_000_000_000, description="The largest body of a request.")
    body_seconds: float = Field(10.0, gt=0, le=LONGEST, description="How long a request's body may take to come.")
    event_streams: int = Field(64, gt=0, le=10_000, description="How many event streams may be open at once.")
    trust_proxy: bool = Field(False, description="Whether a proxy on this machine says who the client is.")

    @field_validator("rate_limit", "denied_rate_limit")
    @classmethod
    def _rate(cls, value: str) -> str:
        if not re.fullmatch(r"[1-9][0-9]{0,8}/(second|minute|hour|day)", value):
            raise ValueError("a rate is NUMBER/second, /minute, /hour or /day")
        return value


class Settings(BaseModel):
    """All settings; frozen, handed in, read from nowhere later."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    store: StoreSettings = Field(default_factory=StoreSettings, description="Where the state lies.")
    monitor: MonitorSettings = Field(default_factory=MonitorSettings, description="How a monitor works.")
    retry: RetrySettings = Field(default_factory=RetrySettings, description="When failures are retried.")
    pool: PoolSettings = Field(default_factory=PoolSettings, description="This machine as a pool.")
    clusters: dict[str, ClusterSettings] = Field(
        default_factory=dict, description="Clusters reached over SSH, a table each: [clusters.NAME]."
    )
    parallelcluster: ParallelClusterSettings = Field(
        default_factory=ParallelClusterSettings, description="Clusters of AWS ParallelCluster."
    )
    steps: StepsSettings = Field(default_factory=StepsSettings, description="A run in steps.")
    catalog: CatalogSettings = Field(default_factory=CatalogSettings, description="Where worksets are dropped.")
    scheduler: SchedulerSettings = Field(default_factory=SchedulerSettings, description="Order and budget.")
    tui: TuiSettings = Field(default_factory=TuiSettings, description="The terminal UI.")
    api: ApiSettings = Field(default_factory=ApiSettings, description="The REST service.")
    alerts: AlertSettings = Field(
        default_factory=AlertSettings,
        description="Which conditions are alerts, and how notices become messages, in Alertmanager's words.",
    )
    metrics: MetricsSettings = Field(default_factory=MetricsSettings, description="Figures and where they go.")
    channels: Channels = Field(default_factory=dict, description="Who is told, a table each: [channels.NAME].")


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
        return Loaded(Settings(**merged), sources)
    except ValidationError as error:
        raise SettingsError("; ".join(_problem(item, sources) for item in error.errors())) from None


def _layers(config: Path | None, flags: Mapping[str, Any]) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
    path = _config_path(config)
    if path is not None:
        yield {"*": str(path)}, _read_toml(path)
    for variable, name in _AWS_VARIABLES:
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

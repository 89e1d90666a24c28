"""Every table of the settings keeps the same rules, those of channels included."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel, SecretStr

from wsmon.domain.errors import SettingsError
from wsmon.settings import CHANNEL_TYPES, TABLES, ClusterSettings, RuleSettings, Settings, load_settings
from wsmon.settings.section import Section

BARE = {
    "sns": {"topic_arn": "arn:aws:sns:us-east-1:1:t"},
    "linear": {"api_key": "k", "team_id": "t"},
    "pagerduty": {"routing_key": "k"},
}


def _tables() -> Iterator[tuple[str, type[BaseModel], dict[str, Any]]]:
    """(name, model, the least that it needs) of every table."""
    for name, field in Settings.model_fields.items():
        if name not in TABLES:
            assert isinstance(field.annotation, type)
            yield name, field.annotation, {}
    yield "clusters", ClusterSettings, {"host": "h"}
    yield "alerts.rules", RuleSettings, {}
    for name, model in CHANNEL_TYPES.items():
        yield f"channels.{name}", model, {"type": name, **BARE.get(name, {"url": "https://example.org"})}


FIELDS = [(table, model, least, name) for table, model, least in _tables() for name in model.model_fields]


def _fields(*types: object) -> list[Any]:
    """A case for each field that takes one of the types."""
    cases = []
    for table, model, least, name in FIELDS:
        annotation = model.model_fields[name].annotation
        if get_origin(annotation) is not dict and {annotation, *get_args(annotation)} & set(types):
            cases.append(pytest.param(model, least, name, id=f"{table}.{name}"))
    return cases


@pytest.mark.parametrize(("table", "model", "least"), [pytest.param(*table, id=table[0]) for table in _tables()])
def test_every_table_has_the_one_base(table: str, model: type[BaseModel], least: dict[str, Any]) -> None:
    assert issubclass(model, Section), table
    model(**least)


@pytest.mark.parametrize(("model", "least", "name"), _fields(int, float))
def test_a_number_has_its_bounds(model: type[BaseModel], least: dict[str, Any], name: str) -> None:
    for value in (math.nan, math.inf, -math.inf, 10**30, -(10**30)):
        with pytest.raises(ValueError, match=name):
            model(**least, **{name: value})


@pytest.mark.parametrize(("model", "least", "name"), _fields(str, Path, SecretStr, list[str]))
def test_a_nul_is_refused(model: type[BaseModel], least: dict[str, Any], name: str) -> None:
    text = f"{least.get(name, 'https://example.org/')}\0b"
    value = [text] if model.model_fields[name].annotation == list[str] else text
    with pytest.raises(ValueError, match=f"(?s){name}.*NUL"):
        model(**{**least, name: value})


@pytest.mark.parametrize("path", ["/nowhere/at/all", "~nobody-at-all/key", "/", "a\0b"])
def test_a_file_that_holds_no_secret_is_named(tmp_path: Path, path: str) -> None:
    file = tmp_path / "wsmon.toml"
    file.write_text(f'[channels.hook]\ntype = "webhook"\nurl_file = "{path}"\n'.replace("\0", "\\u0000"))
    with pytest.raises(SettingsError, match=r"channels\.hook.*url_file .*cannot be read"):
        load_settings(file)

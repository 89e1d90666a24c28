"""The settings pin a table or an account to read-only; no session there can be armed."""

from __future__ import annotations

from pathlib import Path

import pytest

from wsmon.adapters.dynamo import DynamoStore, schema
from wsmon.domain.errors import NotArmed, ReadOnly
from wsmon.engine import open_engine
from wsmon.settings import Settings
from wsmon.settings.store import StoreSettings

ARN = {"TableArn": "arn:aws:dynamodb:us-west-2:123456789012:table/prod-worksets"}


def settings(url: str, **store: list[str]) -> Settings:
    return Settings(store=StoreSettings(url=url, region="us-west-2", **store))


@pytest.mark.parametrize(
    ("pins", "pinned"),
    [([], False), (["prod-*"], True), (["test-*"], False), (["123456789012"], True), (["999999999999"], False)],
)
def test_a_pinned_table_or_account_is_read_only(monkeypatch: pytest.MonkeyPatch, pins: list[str], pinned: bool) -> None:
    asked: list[object] = []

    def describe(connection: object) -> dict[str, str]:
        asked.append(connection)
        return ARN

    monkeypatch.setattr(schema, "describe", describe)
    engine = open_engine(settings("dynamodb:prod-worksets", read_only=pins), arming=True)
    assert isinstance(engine.store, DynamoStore)
    assert engine.writable is not pinned
    assert len(asked) == any(pin.isdigit() for pin in pins), "asked only where an account is pinned"
    with pytest.raises(ReadOnly) as raised:
        engine.commands.allow()
    assert isinstance(raised.value, NotArmed) is not pinned
    if pinned:
        with pytest.raises(ReadOnly):
            engine.commands.arm()
    else:
        engine.commands.arm()
        engine.commands.allow()
    with pytest.raises(ReadOnly) if pinned else pytest.MonkeyPatch.context():
        open_engine(settings("dynamodb:prod-worksets", read_only=pins)).commands.allow()


def test_a_local_file_needs_no_arming_and_may_be_production(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path / 'prod.db'}"
    engine = open_engine(settings(url, production=["*/prod.db"]), arming=True)
    engine.commands.allow()
    assert engine.commands.gate is None
    assert engine.production == str(tmp_path / "prod.db")
    assert not open_engine(settings(url, production=["prod-*"])).production

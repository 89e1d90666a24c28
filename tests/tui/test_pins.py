"""The settings pin a table or an account to read-only; no session there can be armed. The screen says whose account it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests import peers
from tests.tui.stage import Stage, screen_text, settled
from tests.tui.test_actions import app_of
from wsmon.adapters.dynamo import DynamoStore, schema
from wsmon.domain.errors import NotArmed, ReadOnly, StoreUnusable
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


@pytest.mark.parametrize(
    ("width", "account", "who"), [(120, "123456789012", True), (80, "123456789012", False), (80, "", True)]
)
async def test_the_account_of_a_shared_store_is_on_the_screen_once_it_is_known(
    stage: Stage, width: int, account: str, who: bool
) -> None:
    stage.aws_account = account
    if not who:
        stage.who = "somebody-with-a-name@a-node-with-another"  # no room for both
    stage.store.info = replace(stage.store.info, engine="dynamodb", shared=True)
    async with stage.app().run_test(size=(width, 24)) as pilot:
        await settled(pilot, lambda: app_of(pilot).status.account == account)
        first = screen_text(pilot.app).splitlines()[0]
        assert (account in first, stage.who in first) == (True, who)


def test_the_account_is_what_sts_says_and_absent_where_it_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = open_engine(settings("dynamodb:worksets"))
    monkeypatch.setattr(DynamoStore, "identity", lambda _: "arn:aws:sts::123456789012:assumed-role/ops/ada")
    assert engine.account() == "123456789012"

    def refuse(_: object) -> str:
        raise StoreUnusable("expired")

    monkeypatch.setattr(DynamoStore, "identity", refuse)
    assert engine.account() == ""
    assert open_engine(settings("sqlite:w.db")).account() == ""


@pytest.mark.ci
def test_the_account_over_the_wire() -> None:
    engine = open_engine(settings("dynamodb:worksets"))
    engine.store = peers.dynamo_store("ministack", "worksets")
    assert engine.account().isdigit()

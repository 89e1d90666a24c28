"""What every test shares: peers end with the process, and nothing of the user's own is touched."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator
from pathlib import Path

import botocore.session
import pytest

from tests import peers

_LONG = ("demo", "storm", "ssh", "web", "load", "race", "channels", "project", "s3", "sqlite", "cli", "wire")
"""Folders whose tests wait: they come first, while others can be done beside them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that wait, then the rest as it is."""
    order = {name: number for number, name in enumerate(_LONG)}
    items.sort(key=lambda item: order.get(item.path.parent.name, len(order)))


def _alone(name: str) -> str:
    return re.sub(r"@\w+$", "", name)


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """What failed is remembered by the name that it has alone: xdist appends its group."""
    yield
    cache = getattr(session.config, "cache", None)
    if cache is not None and not hasattr(session.config, "workerinput"):
        failed = cache.get("cache/lastfailed", {})
        cache.set("cache/lastfailed", dict.fromkeys(map(_alone, failed), True))


@pytest.fixture(scope="session", autouse=True)
def _peers_end() -> Iterator[None]:
    yield
    peers.stop_all()


@pytest.fixture(scope="session", autouse=True)
def _models_read_once() -> Iterator[None]:
    """Hundreds of clients are made here, and each session would read the models of the services from disk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", functools.cache(botocore.session.create_loader))
        yield


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home of its own, and no setting from outside."""
    for name in list(os.environ):
        if name.startswith("WSMON_") and name != "WSMON_REQUIRE_PEERS":
            monkeypatch.delenv(name)
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in peers.CREDENTIALS.items():
        monkeypatch.setenv(name, value)

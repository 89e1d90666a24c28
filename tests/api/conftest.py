"""A service on each engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import peers
from tests.api.server import Service, serving
from wsmon.adapters.sqlite import SqliteStore


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    store = SqliteStore(tmp_path / "wsmon.db")
    with serving(store) as made:
        yield made
    store.close()


@pytest.fixture(params=["sqlite", "dynoxide"])
def any_service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    if request.param == "sqlite":
        store = SqliteStore(tmp_path / "wsmon.db")
        with serving(store) as made:
            yield made
        store.close()
        return
    with peers.temporary(str(request.param)) as table, serving(table) as made:
        yield made

"""The library as its callers make it, on a table of each peer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import peers
from wsmon.workset_state_db import WorksetStateDB

Opens = Callable[..., WorksetStateDB]


@pytest.fixture(params=["sqlite", "dynoxide"])
def opens(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opens]:
    """Opens further objects on one table."""
    engine, made = str(request.param), list[WorksetStateDB]()
    table = f"sqlite:{tmp_path / 'wsmon.db'}" if engine == "sqlite" else peers.new_table()
    endpoint = None if engine == "sqlite" else peers.url(engine)

    def open_one(**more: float) -> WorksetStateDB:
        made.append(WorksetStateDB(table, "us-east-1", endpoint_url=endpoint, **more))  # type: ignore[arg-type]
        return made[-1]

    yield open_one
    for one in made:
        one.close()


@pytest.fixture
def db(opens: Opens) -> WorksetStateDB:
    first = opens()
    first.create_table_if_not_exists()
    first.create_table_if_not_exists()
    return first

"""Fields on SQLite and on dynoxide; no process is left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import peers
from tests.storm.field import Field


@pytest.fixture
def make_field(tmp_path: Path) -> Iterator[Callable[[str], Field]]:
    made: list[Field] = []

    def make(engine: str, endpoint: str | None = None) -> Field:
        where = str(tmp_path / "wsmon.db")
        if engine != "sqlite":
            where = f"{endpoint or peers.url(engine)} {peers.new_table()}"
        made.append(Field(engine, where, tmp_path))
        return made[-1]

    yield make
    for field in made:
        field.end()

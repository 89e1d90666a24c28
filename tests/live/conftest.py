"""A store for each test, and what it holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.states import WorksetState
from wsmon.domain.workset import Row
from wsmon.services.commands import Commands


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(tmp_path / "w.db")
    made.init()
    yield made
    made.close()


def expected(commands: Commands) -> dict[str, Row]:
    return {row.workset_id: row for state in WorksetState for row in commands.rows(state)}

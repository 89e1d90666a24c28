"""A relay's world for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.relay.world import RelayWorld


@pytest.fixture
def world(tmp_path: Path) -> Iterator[RelayWorld]:
    made = RelayWorld(tmp_path)
    yield made
    made.store.close()

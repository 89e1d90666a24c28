"""A command line in a folder of its own, on each engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import peers
from tests.cli.run import Cli


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


@pytest.fixture(params=["sqlite", "dynoxide"])
def any_cli(request: pytest.FixtureRequest, tmp_path: Path) -> Cli:
    engine = str(request.param)
    if engine == "sqlite":
        return Cli(tmp_path)
    made = Cli(tmp_path, f"dynamodb:{peers.new_table()}")
    made.env |= {"AWS_ENDPOINT_URL": peers.url(engine), "AWS_REGION": "us-east-1"}
    return made

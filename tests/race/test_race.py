"""32 racers (4 processes of 8 threads) on one ready workset: one winner each round, on every engine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import peers
from tests.race.judging import race

ROUNDS = int(os.environ.get("WSMON_RACE_ROUNDS", "8"))
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(params=["sqlite", "dynoxide", pytest.param("ministack", marks=pytest.mark.ci)])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    engine = str(request.param)
    if engine == "sqlite":
        return engine, str(tmp_path / "wsmon.db")
    return engine, f"{peers.url(engine)} {peers.new_table()}"


def test_one_winner_each_round(where: tuple[str, str]) -> None:
    for number, winners in enumerate(race(*where, ROUNDS)):
        assert len(winners) == 1, f"round {number}: {winners}"

"""A load in small, and that its measures can tell bad from good."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import peers
from tests.load import playing
from tests.load.__main__ import document, table
from tests.load.crowd import Sizes
from tests.load.measuring import Budget, Memory, bad_lines, troubles


@pytest.mark.ci
def test_a_small_load_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if peers.missing("dynoxide"):
        peers.url("dynoxide")
    monkeypatch.setattr(playing, "SETTLE_SECONDS", 1.0)
    sizes = Sizes(worksets=60, monitors=1, screens=1, clients=1, seconds=4, poll=0.5, refresh=1.0, run_seconds=0.2)
    verdict = playing.play(sizes, tmp_path / "load", lambda text: None)
    assert verdict.broken == []
    assert int(str(verdict.figures["complete"])) > 2
    assert int(str(verdict.figures["refreshes"])) >= 2
    assert {memory.name for memory in verdict.memories} == {"api", "monitor-00", "screen-00"}
    assert set(verdict.figures["api_statuses"]) <= {"200", "201"}  # type: ignore[call-overload]
    assert "everything held" in table(verdict)
    assert '"broken": []' in document(verdict)


def test_a_leak_is_no_flat_memory() -> None:
    steady = Memory("m", 1, [50, 70, 80, 80.5, 80.2, 80.4, 80.3, 80.5])
    stepped = Memory("m", 1, [80.0] * 12 + [80.0] * 7 + [88.0] * 5)
    leaking = Memory("m", 1, [80 + 1.5 * n for n in range(16)])
    assert (steady.flat, stepped.flat, leaking.flat) == (True, True, False)
    assert leaking.trend == pytest.approx(9.0)


def test_what_an_operator_would_see_is_seen() -> None:
    assert bad_lines("2026 [info     ] started\n2026 [warning  ] lock lost workset_id=w\n") == [
        "2026 [warning  ] lock lost workset_id=w"
    ]
    assert troubles(["all is well\n ● live "]) == []
    assert len(troubles(["table 'x' does not answer; trying again in 2 s", "  stale  "])) == 2


@pytest.mark.parametrize(
    ("calls", "units", "kept"), [(306, 306, True), (330, 306, False), (300, 463, True), (300, 465, False)]
)
def test_the_budget_of_a_refresh(calls: int, units: float, kept: bool) -> None:
    """100 refreshes of 2 screens that saw 100 changes each: 3 units, a quarter for each read of a change, and one check."""
    assert Budget(100, calls, units, checks=1, events=100, screens=2, leases=10).kept is kept

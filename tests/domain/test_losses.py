"""What takes a lock away from its holder, and how long a run should take."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.domain.build import POLICY, SECOND, T0, after, complete, ctx, locked, ready, running
from wsmon.domain import holding, operating, reaping
from wsmon.domain.change import Change
from wsmon.domain.losses import lost_lock
from wsmon.domain.pace import ENOUGH_RUNS, SHORT_SECONDS, UNKNOWN_SECONDS, expected_seconds, run_limit, usual_seconds
from wsmon.domain.workset import row_of

LATER = ctx(T0 + 10 * SECOND, reason="it hangs")
DEAD = (1, 0)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (reaping.expire(locked(), LATER, dead=DEAD, policy=POLICY), "m1 lost its lock: it was dead before"),
        (operating.cancel(locked(), LATER), None),
        (holding.unlock(locked(), LATER), "m1 lost its lock: ended by tester (it hangs)"),
        (holding.unlock(running(), LATER), "m1 lost its lock: ended by tester"),
        (reaping.adopt(running(), LATER, holder="m2", duration=60, dead=DEAD), "m1 lost its lock: it was dead"),
        (holding.acquire(locked(), LATER, holder="m2", duration=60, dead=DEAD), "somebody lost its lock: it was dead"),
        (holding.acquire(ready(), LATER, holder="m2", duration=60), None),
        (holding.release(running(), LATER, token=1), None),
        (reaping.adopt(after(holding.release(running(), ctx(), token=1)), LATER, holder="m2", duration=60), None),
    ],
)
def test_a_lock_that_its_holder_did_not_give_back_is_lost(change: Change, text: str | None) -> None:
    alert = lost_lock(change.event)
    if text is None:
        assert alert is None
    else:
        assert alert is not None
        assert alert.text.startswith(text)
        assert (alert.fingerprint, alert.kind, alert.severity) == ("lock-lost/w1", "lock lost", "warning")
        assert alert.last_at == change.event.at


@pytest.mark.parametrize(
    ("requirements", "metadata", "seconds"),
    [
        ({}, {}, None),
        ({"duration_minutes": 5}, {"expected_hours": 9}, 300),
        ({"expected_hours": "1.5"}, {}, 5400),
        ({}, {"estimated_duration_minutes": 60}, 3600),
        ({}, {"expected_hours": 2}, 7200),
        ({}, {"hours": 2}, None),
        ({"vcpus": 4}, {"expected_hours": "soon"}, None),
        ({"expected_hours": 0}, {}, None),
    ],
)
def test_the_expected_length_is_what_the_registration_says(
    requirements: dict[str, Any], metadata: dict[str, Any], seconds: float | None
) -> None:
    assert expected_seconds(requirements, metadata) == seconds


@pytest.mark.parametrize(
    ("said", "usual", "fixed", "times", "limit"),
    [
        (3600, 9000, 60, 2, 7200),
        (None, 9000, 60, 2, 60),
        (None, 9000, None, 2, 18_000),
        (None, 2, None, 2, SHORT_SECONDS),
        (None, None, None, 2, UNKNOWN_SECONDS),
        (3600, 9000, 60, None, None),
    ],
)
def test_what_was_said_comes_first_then_what_is_set_then_what_is_usual(
    said: float | None, usual: float | None, fixed: float | None, times: float | None, limit: float | None
) -> None:
    assert run_limit(said, usual, fixed=fixed, times=times)[0] == limit


def test_what_is_usual_is_the_median_of_enough_runs() -> None:
    row = row_of(complete())
    rows = [replace(row, started_at=T0, ended_at=T0 + n * SECOND) for n in range(1, ENOUGH_RUNS + 2)]
    assert usual_seconds(rows) == 6
    assert usual_seconds(rows[: ENOUGH_RUNS - 1]) is None
    assert usual_seconds([replace(one, started_at=None) for one in rows]) is None

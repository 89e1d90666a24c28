"""When a cluster may be made, and what its commands are."""

from __future__ import annotations

from typing import Any

import pytest

from wsmon.domain.creating import (
    DAY,
    HOUR,
    CreationRule,
    Kind,
    barred,
    check_template,
    name_for,
    pause,
    render,
    said,
    spent_on,
)
from wsmon.domain.errors import SettingsError
from wsmon.domain.lives import Life, Phase
from wsmon.domain.pool import ClusterRecord

NOON = 20_000 * DAY + 12 * HOUR
MINUTE = HOUR // 60


def rule(**given: Any) -> CreationRule:
    usual: dict[str, Any] = {"daily": 20_000_000, "most": 2, "cooldown": 600.0}
    kind = Kind(("make", "{cluster}"), ClusterRecord("new", 1, 0), 2_000_000)
    return CreationRule((kind,), ("drop", "{cluster}"), **{**usual, **given})


def life(name: str = "c1", phase: Phase = Phase.MADE, *, hours_ago: float = 1, **given: Any) -> Life:
    asked = NOON - round(hours_ago * HOUR)
    return Life(name, 1, asked, phase=phase, since=asked, **{"asked_at": asked, "hourly": 2_000_000, **given})


@pytest.mark.parametrize(
    ("lives", "given", "why"),
    [
        ([], {}, ""),
        ([life()], {}, ""),
        ([life(phase=Phase.CREATING, hours_ago=0.1)], {}, "c1 is being made since 6m"),
        ([life("a"), life("b")], {}, "2 of at most 2 clusters are there: a, b"),
        ([life("a"), life("b", Phase.FAILED)], {}, "2 of at most 2"),
        ([life("a"), life("b", Phase.STUCK)], {}, "2 of at most 2"),
        ([life("a"), life("b", Phase.DELETING)], {}, "2 of at most 2"),
        ([life("a"), life("b", Phase.GONE, gone_at=NOON)], {}, ""),
        ([Life("theirs", 3, NOON, drained="x")], {"most": 1}, ""),
        ([life(hours_ago=0.05)], {}, "3m ago; the next may be in 7m"),
        ([life(hours_ago=0.3, failed=True, phase=Phase.GONE, gone_at=NOON)], {}, "the next may be in 2m"),
        ([life(hours_ago=9)], {}, ""),
        ([life(hours_ago=9.5)], {}, "$2.00 more would pass $20.00"),
        ([life(hours_ago=11), life("b", hours_ago=11)], {"most": 9}, "the clusters cost $44.00 on 2024-10-04"),
    ],
)
def test_what_is_in_the_way(lives: list[Life], given: dict[str, Any], why: str) -> None:
    found = barred(lives, rule(**given), NOON)
    assert (why in found) if why else (found == ""), found


@pytest.mark.parametrize(
    ("one", "dollars"),
    [
        (life(hours_ago=3), 6),
        (life(hours_ago=0), 2),  # its least hour, from the moment it was asked for
        (life(hours_ago=20), 24),  # since midnight
        (life(hours_ago=5, gone_at=NOON - 3 * HOUR, phase=Phase.GONE), 4),
        (life(hours_ago=40, gone_at=NOON - 20 * HOUR, phase=Phase.GONE), 0),
        (life(hours_ago=2, hourly=0), 0),
        (Life("theirs", 3, NOON), 0),
    ],
)
def test_what_a_cluster_costs_today(one: Life, dollars: float) -> None:
    assert spent_on([one], rule(), NOON) == dollars * 1_000_000


def test_failures_in_a_row_double_the_pause_and_a_success_ends_it() -> None:
    failed = [life(f"f{n}", Phase.GONE, hours_ago=n + 1, failed=True) for n in range(3)]
    assert pause(failed, rule()) == 4800
    assert pause([*failed, life(hours_ago=0.5)], rule()) == 600
    assert pause([life(f"f{n}", hours_ago=n, failed=True) for n in range(40)], rule()) == 600 * 64


def test_an_argument_stays_one_whatever_it_holds() -> None:
    argv = check_template(["make it", "--name={cluster}", "{{x}}", "$(rm -rf /)"])
    assert render(argv, "c 1; ls") == ["make it", "--name=c 1; ls", "{x}", "$(rm -rf /)"]


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (["make", "{name}"], "{name}"),
        (["make", "{cluster.__class__}"], "__class__"),
        (["make", "{"], "holds"),
        (["make"], "never says which cluster"),
    ],
)
def test_a_template_that_cannot_be_meant(argv: list[str], why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        check_template(argv)


def test_names_are_new_and_fit_what_makes_clusters() -> None:
    assert name_for(rule(prefix="team"), NOON, "abcdef") == "team-20241004-120000-abcd"


def test_it_is_said() -> None:
    assert said(None, [], NOON) == "switched off"
    assert said(rule(), [life(phase=Phase.CREATING)], NOON).startswith("not now: c1 is being made")
    assert said(rule(), [], NOON).startswith("a cluster is made once something waits")

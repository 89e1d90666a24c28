"""`why` and `plan`: the scheduler's objects as a person and a program get them."""

from __future__ import annotations

import pytest

from tests.cli.run import Cli
from wsmon.cli.planning import assumptions
from wsmon.domain.errors import InvalidInput


def test_why_and_plan_before_any_cluster_is_known(cli: Cli) -> None:
    cli("init")
    cli("register", "ws-1", "--bucket", "b", "--prefix", "p", "--priority", "urgent")
    cli("register", "ws-2", "--bucket", "b", "--prefix", "p")
    found = cli.json("why", "ws-2")
    assert (found["workset_id"], found["state"], found["position"], found["estimated_start"]) == (
        "ws-2",
        "ready",
        2,
        None,
    )
    assert found["clusters"] == []
    assert found["pool"].startswith("no cluster has reported yet")
    assert "no cluster" in cli("why", "ws-2").stdout
    assert found["ahead"] == ["ws-1"]
    assert cli.json("plan") == []
    made = cli.json("plan", "--as-if", "add-cluster=c9:slots=1:vcpus=8")
    assert [(one["workset_id"], one["cluster"]) for one in made] == [("ws-1", "c9")]
    assert made[0]["clusters"][0]["verdict"] == "fits"
    swapped = cli.json("plan", "--as-if", "add-cluster=c9:slots=1,priority=ws-1:low")
    assert [one["workset_id"] for one in swapped] == ["ws-2"]
    assert [one["action"] for one in cli.json("plan", "--all", "--as-if", "add-cluster=c9:slots=1")] == [
        "start",
        "wait",
    ]
    assert "ws-2" in cli("plan", "--all").stdout
    assert "2 would wait" in cli("plan").stdout
    lines = cli("plan", "--as-if", "add-cluster=c9").stdout.splitlines()
    assert lines[1].split("\t")[5] == "now"
    assert "nobody starts them now: no monitor is alive" in lines[-1]
    assert found["monitors"].startswith("no monitor is alive")
    cli("plan", "--as-if", "priority=ws-9:urgent", code=3)
    cli("lock", "ws-2", "--owner", "me")
    assert "'ws-2' is locked" in cli("plan", "--as-if", "priority=ws-2:urgent", code=1).stderr
    assert "position" in cli("why", "ws-1").stdout
    cli("why", "none", code=3)


def test_what_is_asked_for_by_hand_is_planned_with(cli: Cli) -> None:
    given = ("register", "ws-1", "--bucket", "b", "--prefix", "p", "--cluster", "c9")
    cli(*given, "--requirements", '{"vcpus": 64}')
    assert cli.json("plan", "--as-if", "add-cluster=c8:vcpus=96,add-cluster=c9:vcpus=8") == []
    (made,) = cli.json("plan", "--as-if", "add-cluster=c8:vcpus=96,add-cluster=c9:vcpus=64")
    assert made["cluster"] == "c9"
    assert "vcpus must be a number" in cli(*given, "--requirements", '{"vcpus": "many"}', code=2).stderr


def test_why_of_a_locked_one(cli: Cli) -> None:
    cli("register", "ws-1", "--bucket", "b", "--prefix", "p")
    cli("lock", "ws-1", "--owner", "me")
    assert cli.json("why", "ws-1") is None
    assert "no decision" in cli("why", "ws-1").stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", "add-cluster=NAME"),
        ("budget=much", "budget"),
        ("priority=ws-1:soon", "urgent"),
        ("add-cluster=c:colour=red", "slots"),
        ("add-cluster=c:slots=-1", "from 0 on"),
        ("add-cluster=c:zone=", "zone"),
    ],
)
def test_assumptions_that_cannot_be_read(text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        assumptions((text,), 0)


def test_an_assumed_cluster_has_what_is_said_of_it() -> None:
    (cluster,) = assumptions(("add-cluster=c:zone=us-west-2d:storage_gib=7",), 5).clusters
    assert (cluster.name, cluster.slots, cluster.zone, cluster.storage_gib) == ("c", 3, "us-west-2d", 7)


def test_a_bad_assumption_is_a_usage_error(cli: Cli) -> None:
    assert "add-cluster=NAME" in cli("plan", "--as-if", "nonsense", code=2).stderr

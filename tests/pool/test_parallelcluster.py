"""ParallelCluster's clusters from what AWS answers: pages, tags, health, throttling; and nothing presigned."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.waiting import wait_for
from wsmon.adapters.parallelcluster import ParallelClusters

NOW = 1_800_000_000_000_000
MINUTE = 60_000_000


def tags(**values: str) -> list[dict[str, str]]:
    return [{"Key": f"parallelcluster:{name.replace('_', '-')}", "Value": value} for name, value in values.items()]


def stack(name: str, status: str = "CREATE_COMPLETE", **more: Any) -> dict[str, Any]:
    return {"StackName": name, "StackStatus": status, "Tags": tags(version="3.9.1", cluster_name=name), **more}


def node(cluster: str, kind: str, state: str = "running", **more: Any) -> dict[str, Any]:
    return {
        "InstanceType": "c7i.8xlarge" if kind == "Compute" else "t3.small",
        "State": {"Name": state},
        "Placement": {"AvailabilityZone": "us-west-2d"},
        "PrivateIpAddress": "10.0.0.7",
        "CpuOptions": {"CoreCount": 16, "ThreadsPerCore": 2},
        "Tags": tags(cluster_name=cluster, node_type=kind, queue_name="i8"),
        **more,
    }


class Aws:
    """What the two paginators yield, page by page, and what was asked."""

    def __init__(self, stacks: list[list[dict[str, Any]]], nodes: list[list[dict[str, Any]]]) -> None:
        self.stacks, self.nodes = stacks, nodes
        self.deleted: list[list[dict[str, Any]]] = []
        self.asked: list[str] = []
        self.fail = ""

    def __call__(self, service: str) -> Aws:
        return self

    def get_paginator(self, operation: str) -> Aws:
        self.asked.append(operation)
        return self

    def paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
        if self.fail:
            raise ClientError({"Error": {"Code": self.fail}}, self.asked[-1])
        if self.asked[-1] == "list_stacks":
            yield from ({"StackSummaries": page} for page in self.deleted)
        elif self.asked[-1] == "describe_stacks":
            yield from ({"Stacks": page} for page in self.stacks)
        else:
            yield from ({"Reservations": [{"Instances": page}]} for page in self.nodes)


def test_clusters_are_stacks_with_the_tag_and_no_parent_whatever_the_pages() -> None:
    child = stack("cl1-nested", ParentId="arn:x")
    other = {"StackName": "vpc", "StackStatus": "CREATE_COMPLETE", "Tags": []}
    aws = Aws(
        [[other], [], [stack("cl1"), child], [], [stack("gone", "DELETE_COMPLETE")]],
        [
            [],
            [node("cl1", "HeadNode"), node("cl1", "Compute"), node("cl1", "Compute", "terminated")],
            [node("x", "HeadNode")],
        ],
    )
    (found,) = ParallelClusters(clients=aws, slots=5, cost_per_vcpu_hour=0.04).look(NOW)
    record = found.record
    assert (record.name, record.slots, record.health, record.zone) == ("cl1", 5, "running", "us-west-2d")
    assert (record.instance_types, record.load, record.cost_per_vcpu_hour) == (("c7i.8xlarge",), 32.0, 0.04)
    assert record.note == "CREATE_COMPLETE; 1 compute nodes; queues i8"
    assert found.head == {"private": "10.0.0.7"}


@pytest.mark.parametrize(
    ("status", "head", "health"),
    [
        ("CREATE_IN_PROGRESS", None, "creating"),
        ("CREATE_COMPLETE", "pending", "creating"),
        ("CREATE_COMPLETE", "running", "running"),
        ("CREATE_COMPLETE", "stopped", "stopped"),
        ("CREATE_COMPLETE", "terminated", "stopped"),
        ("UPDATE_ROLLBACK_IN_PROGRESS", "running", "degraded"),
        ("DELETE_IN_PROGRESS", "running", "draining"),
        ("CREATE_FAILED", "running", "failed"),
        ("A_STATUS_OF_TOMORROW", "running", "failed"),
    ],
)
def test_health(status: str, head: str | None, health: str) -> None:
    nodes = [node("cl1", "HeadNode", head)] if head else []
    (found,) = ParallelClusters(clients=Aws([[stack("cl1", status)]], [nodes])).clusters(NOW)
    assert found.health == health


def test_it_is_asked_once_a_minute_and_survives_throttling_without_pretending() -> None:
    aws = Aws([[stack("cl1")]], [[node("cl1", "HeadNode")]])
    source = ParallelClusters(clients=aws)
    source.clusters(NOW)
    assert source.clusters(NOW + MINUTE // 2)[0].updated_at == NOW + MINUTE // 2
    assert len(aws.asked) == 2
    aws.fail = "Throttling"
    (kept,) = source.clusters(NOW + 2 * MINUTE)
    assert kept.updated_at == NOW, "it grows old, so that nothing starts on hearsay"
    assert "Throttling" in source.problem
    aws.fail = ""
    assert source.clusters(NOW + 4 * MINUTE)[0].updated_at == NOW + 4 * MINUTE


def test_whoever_looks_does_not_wait_for_an_aws_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wsmon.adapters.parallelcluster.PATIENCE_SECONDS", 0.05)
    gate = threading.Event()

    class Slow(Aws):
        def paginate(self, **more: Any) -> Iterator[dict[str, Any]]:
            gate.wait(10)
            return super().paginate(**more)

    aws = Slow([[stack("a")]], [[node("a", "HeadNode")]])
    source = ParallelClusters(clients=aws)
    assert source.clusters(NOW) == []
    assert source.problem == "AWS has not answered within 0.05 s"
    assert source.clusters(NOW + 5 * MINUTE) == [], "one question at a time"
    assert aws.asked == ["describe_stacks"]
    gate.set()
    wait_for(lambda: source.clusters(NOW + 5 * MINUTE))
    (found,) = source.clusters(NOW + 5 * MINUTE)
    assert (found.name, source.problem) == ("a", "")
    assert found.updated_at == NOW + 5 * MINUTE


def test_nothing_that_could_hold_a_presigned_address_is_asked_for() -> None:
    aws = Aws([[stack("cl1", Parameters=[{"ParameterValue": "https://b.s3/x?X-Amz-Signature=secret"}])]], [[]])
    (found,) = ParallelClusters(clients=aws).clusters(NOW)
    assert "Amz" not in repr(found)
    assert set(aws.asked) == {"describe_stacks", "describe_instances"}


def test_a_cluster_is_gone_once_stack_and_instances_say_so() -> None:
    aws = Aws([[stack("cl2")]], [[node("cl2", "HeadNode"), node("cl1", "Compute", "terminated")]])
    aws.deleted = [[], [{"StackName": "cl1"}, {"StackName": "cl2"}]]
    source = ParallelClusters(clients=aws)
    assert source.gone("cl1", NOW) == "", "nothing was asked yet"
    source.look(NOW)
    assert "cl1 was deleted" in source.gone("cl1", NOW)
    assert source.gone("cl2", NOW) == "", "another one bears its name now"
    assert source.gone("cl3", NOW) == "", "nobody knows of it"
    asked = len(aws.asked)
    source.gone("cl1", NOW + MINUTE)
    assert len(aws.asked) == asked


@pytest.mark.parametrize("state", ["running", "shutting-down", "stopped"])
def test_a_node_that_may_live_keeps_its_cluster_from_being_gone(state: str) -> None:
    aws = Aws([[]], [[node("cl1", "Compute", state)]])
    aws.deleted = [[{"StackName": "cl1"}]]
    source = ParallelClusters(clients=aws)
    source.look(NOW)
    assert source.gone("cl1", NOW) == ""
    aws.nodes = [[]]
    assert source.gone("cl1", NOW + 6 * MINUTE)
    aws.fail = "Throttling"
    assert source.gone("cl1", NOW + 12 * MINUTE) == "", "no answer is not certain"

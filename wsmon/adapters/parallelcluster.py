"""AWS ParallelCluster's clusters, found by their stacks and instances with boto3 alone.

A cluster is a CloudFormation stack with the tag `parallelcluster:version` and no parent; its
instances bear `parallelcluster:cluster-name`, `node-type` and `queue-name`. Neither templates nor
parameters are asked for, so that no presigned address is ever seen here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from wsmon.domain.pool import ClusterRecord, Health
from wsmon.domain.times import Instant, micros

FRESH_SECONDS, DELETED_SECONDS, PATIENCE_SECONDS = 60.0, 300.0, 5.0
VERSION, NAME, NODE_TYPE, QUEUE = (
    f"parallelcluster:{word}" for word in ("version", "cluster-name", "node-type", "queue-name")
)
_CONFIG = Config(retries={"total_max_attempts": 8, "mode": "adaptive"}, connect_timeout=5, read_timeout=20)
_STOPPED, _GONE = frozenset({"stopping", "stopped"}), frozenset({"shutting-down", "terminated"})
_HEALTH = {
    "CREATE_IN_PROGRESS": Health.CREATING,
    "CREATE_COMPLETE": Health.RUNNING,
    "UPDATE_IN_PROGRESS": Health.RUNNING,
    "UPDATE_COMPLETE": Health.RUNNING,
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": Health.RUNNING,
    "UPDATE_ROLLBACK_COMPLETE": Health.RUNNING,
    "UPDATE_ROLLBACK_IN_PROGRESS": Health.DEGRADED,
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": Health.DEGRADED,
    "DELETE_IN_PROGRESS": Health.DRAINING,
}


@dataclass(frozen=True, slots=True)
class Found:
    """One cluster with where its head node is reached."""

    record: ClusterRecord
    head: Mapping[str, str] = field(default_factory=dict)
    """`private` and `public`, an address each where there is one."""


class _Question:
    """One question to AWS, asked beside whoever wants the answer."""

    def __init__(self, ask: Callable[[], list[Found]]) -> None:
        self.answered = threading.Event()
        self.found: list[Found] = []
        self.error: Exception | None = None
        # No part of the process's end: nobody waits for AWS to shut down.
        threading.Thread(target=self._work, args=(ask,), name="parallelcluster", daemon=True).start()

    def _work(self, ask: Callable[[], list[Found]]) -> None:
        try:
            self.found = ask()
        except Exception as error:  # told to whoever looks, on their thread
            self.error = error
        finally:
            self.answered.set()


class ParallelClusters:
    """The clusters of one region, asked at most once a minute; through a throttling the last answer stands."""

    def __init__(
        self,
        *,
        region: str | None = None,
        profile: str | None = None,
        slots: int = 3,
        cost_per_vcpu_hour: float = 0.0,
        clients: Callable[[str], Any] | None = None,
    ) -> None:
        self._region, self._profile, self._clients = region, profile, clients
        self._slots, self._cost = slots, cost_per_vcpu_hour
        self._asked: Instant | None = None
        self._question: _Question | None = None
        """What AWS has not answered yet."""
        self._found: list[Found] = []
        self._deleted: dict[str, tuple[Instant, str]] = {}
        """Cluster -> when it was asked whether it was deleted, and the answer."""
        self.problem = ""
        """Why the last question was not answered."""

    def look(self, now: Instant) -> list[Found]:
        """Every cluster with its head node. What AWS does not answer leaves the last answer, growing old.

        A question is waited for a few seconds and goes on beside, with its retries: whoever looks has runs to attend.
        """
        patience = 0.0
        if self._question is None and (self._asked is None or now - self._asked >= micros(FRESH_SECONDS)):
            self._asked, self._question, patience = now, _Question(lambda: self._ask(now)), PATIENCE_SECONDS
        if self._question is not None:
            self._hear(self._question, patience)
        if self.problem:
            return self._found
        return [replace(one, record=replace(one.record, updated_at=now)) for one in self._found]

    def _hear(self, question: _Question, patience: float) -> None:
        """Take the answer, if there is one by now."""
        if not question.answered.wait(patience):
            self.problem = self.problem or f"AWS has not answered within {PATIENCE_SECONDS:g} s"
            return
        self._question, error = None, question.error
        if error is None:
            self._found, self.problem = question.found, ""
            return
        if not isinstance(error, ClientError | BotoCoreError):
            raise error
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
        self.problem = f"AWS did not answer ({code})"

    def clusters(self, now: Instant) -> Sequence[ClusterRecord]:
        """The clusters as they are at `now`."""
        return [found.record for found in self.look(now)]

    def gone(self, name: str, now: Instant) -> str:
        """Why it is certain that nothing of a cluster lives any more; empty where it is not.

        Its stack was deleted, none of its name is there, and no instance of it is left that is not terminated.
        Asked at most every five minutes a name. What AWS does not answer is not certain.
        """
        if self._asked is None or self.problem or any(one.record.name == name for one in self._found):
            return ""
        asked, why = self._deleted.get(name, (None, ""))
        if asked is None or now - asked >= micros(DELETED_SECONDS):
            try:
                why = self._deletion(name)
            except (ClientError, BotoCoreError):
                why = ""
            self._deleted[name] = (now, why)
        return why

    def _deletion(self, name: str) -> str:
        """In words, where CloudFormation and EC2 both say so. Raises ClientError, BotoCoreError."""
        if any(cluster == name for cluster, _ in self._stacks()):
            return ""
        if not any(stack == name for stack in self._deleted_stacks()):
            return ""
        left = (one for one in self._instances() if tags_of(one).get(NAME) == name)
        if any(one["State"]["Name"] != "terminated" for one in left):
            return ""
        return f"the stack of {name} was deleted, and none of its instances is left"

    def _deleted_stacks(self) -> Iterator[str]:
        pages = self._client("cloudformation").get_paginator("list_stacks")
        for page in pages.paginate(StackStatusFilter=["DELETE_COMPLETE"]):
            yield from (stack["StackName"] for stack in page["StackSummaries"] if not stack.get("ParentId"))

    def _client(self, service: str) -> Any:
        if self._clients is not None:
            return self._clients(service)
        session = boto3.session.Session(profile_name=self._profile, region_name=self._region)
        return session.client(service, config=_CONFIG)  # type: ignore[call-overload]

    def _ask(self, now: Instant) -> list[Found]:
        stacks = dict(self._stacks())
        if not stacks:
            return []
        nodes: dict[str, list[dict[str, Any]]] = {name: [] for name in stacks}
        for instance in self._instances():
            name = tags_of(instance).get(NAME, "")
            if name in nodes and instance["State"]["Name"] not in _GONE:
                nodes[name].append(instance)
        return [self._one(name, status, nodes[name], now) for name, status in sorted(stacks.items())]

    def _stacks(self) -> Iterator[tuple[str, str]]:
        """(cluster, status) of every stack that is one. An empty page with a token is no end."""
        for page in self._client("cloudformation").get_paginator("describe_stacks").paginate():
            for stack in page["Stacks"]:
                tags = tags_of(stack)
                if VERSION in tags and not stack.get("ParentId") and stack["StackStatus"] != "DELETE_COMPLETE":
                    yield tags.get(NAME) or stack["StackName"], stack["StackStatus"]

    def _instances(self) -> Iterator[dict[str, Any]]:
        filters = [{"Name": "tag-key", "Values": [NAME]}]
        for page in self._client("ec2").get_paginator("describe_instances").paginate(Filters=filters):
            for reservation in page["Reservations"]:
                yield from reservation["Instances"]

    def _one(self, name: str, status: str, nodes: list[dict[str, Any]], now: Instant) -> Found:
        head = next((node for node in nodes if tags_of(node).get(NODE_TYPE) == "HeadNode"), None)
        compute = [node for node in nodes if tags_of(node).get(NODE_TYPE) == "Compute"]
        running = [node for node in compute if node["State"]["Name"] == "running"]
        queues = sorted({tags_of(node).get(QUEUE, "") for node in compute} - {""})
        notes = [
            status,
            f"{len(running)} compute nodes" if compute else "",
            f"queues {', '.join(queues)}" if queues else "",
        ]
        record = ClusterRecord(
            name,
            self._slots,
            now,
            health=_health(status, head).value,
            # Nodes come and go with the work; how many vCPUs there may be its Slurm tells, not its instances.
            load=float(sum(vcpus_of(node) for node in running)),
            kind="parallelcluster",
            zone=(head or {}).get("Placement", {}).get("AvailabilityZone", ""),
            instance_types=tuple(sorted({node["InstanceType"] for node in compute})),
            cost_per_vcpu_hour=self._cost,
            note="; ".join(filter(None, notes)),
        )
        addresses = {"private": "PrivateIpAddress", "public": "PublicIpAddress"}
        return Found(record, {kind: head[key] for kind, key in addresses.items() if head and head.get(key)})


def _health(status: str, head: Mapping[str, Any] | None) -> Health:
    health = _HEALTH.get(status, Health.FAILED)
    if health not in {Health.RUNNING, Health.DEGRADED}:
        return health
    if head is None or head["State"]["Name"] in _STOPPED:
        return Health.STOPPED
    return health if head["State"]["Name"] == "running" else Health.CREATING


def tags_of(thing: Mapping[str, Any]) -> dict[str, str]:
    """The tags of a stack or an instance."""
    return {tag["Key"]: tag["Value"] for tag in thing.get("Tags", [])}


def vcpus_of(instance: Mapping[str, Any]) -> int:
    """An instance's vCPUs."""
    options = instance.get("CpuOptions", {})
    return int(options.get("CoreCount", 0)) * int(options.get("ThreadsPerCore", 1))

"""Least-privilege IAM policies for a table, a topic, the metrics' namespace, the watched bucket and the clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wsmon.adapters.workfile import SENTINEL

READ = ("GetItem", "BatchGetItem", "Query", "DescribeTable", "ConditionCheckItem")
WRITE = ("PutItem", "UpdateItem", "DeleteItem")
"""TransactWriteItems needs the rights of its parts."""
KINDS = ("monitor", "operator", "read-only")
_PARTITIONS = {"cn": "aws-cn", "us-gov": "aws-us-gov"}


@dataclass(frozen=True, slots=True)
class Watched:
    """The bucket where worksets are dropped."""

    bucket: str
    writes: bool = False
    """Whether sentinels are written back."""


def policy(
    kind: str,
    table: str,
    *,
    region: str = "*",
    topic_arns: tuple[str, ...] = (),
    namespace: str | None = None,
    watched: Watched | None = None,
    clusters: bool = False,
) -> dict[str, Any]:
    """The policy document of a monitor, an operator or a reader; no kind may make or delete a table.

    `clusters`: whether AWS ParallelCluster's are looked for. What the commands of runs and of creations need is theirs.
    """
    partition = next((name for start, name in _PARTITIONS.items() if region.startswith(f"{start}-")), "aws")
    arn = f"arn:{partition}:dynamodb:{region}:*:table/{table}"
    actions = READ if kind == "read-only" else (*READ, *WRITE)
    statements = [_allow("Table", [f"dynamodb:{name}" for name in actions], [arn, f"{arn}/index/*"])]
    if kind == "monitor":
        statements[0]["Action"].append("dynamodb:PartiQLUpdate")  # the outbox, 25 events a call
        statements += _told(topic_arns, namespace)
        if clusters:
            stacks = ["cloudformation:DescribeStacks", "cloudformation:ListStacks"]
            statements.append(_allow("Clusters", [*stacks, "ec2:DescribeInstances"], ["*"]))  # all, or none
    if watched is not None and kind != "read-only":
        statements += _folders(watched, f"arn:{partition}:s3:::", writes=watched.writes and kind == "monitor")
    return {"Version": "2012-10-17", "Statement": statements}


def _told(topic_arns: tuple[str, ...], namespace: str | None) -> list[dict[str, Any]]:
    found = [_allow("Topics", ["sns:Publish"], list(topic_arns))] if topic_arns else []
    if namespace is not None:
        metrics = _allow("Metrics", ["cloudwatch:PutMetricData"], ["*"])  # it knows no resources
        metrics["Condition"] = {"StringEquals": {"cloudwatch:namespace": namespace}}
        found.append(metrics)
    return found


def _folders(watched: Watched, arns: str, *, writes: bool) -> list[dict[str, Any]]:
    """The whole bucket to read: what a workset refers to may lie beside the folder that is watched."""
    found = [
        _allow("Bucket", ["s3:ListBucket"], [f"{arns}{watched.bucket}"]),
        _allow("Folders", ["s3:GetObject"], [f"{arns}{watched.bucket}/*"]),
    ]
    if writes:
        sentinels = f"{arns}{watched.bucket}/*/{SENTINEL}*"
        found.append(_allow("Sentinels", ["s3:PutObject", "s3:DeleteObject"], [sentinels]))
    return found


def _allow(sid: str, actions: list[str], resources: list[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}

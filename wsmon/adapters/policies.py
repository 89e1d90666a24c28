"""Least-privilege IAM policies for a table, a topic and the metrics' namespace."""

from __future__ import annotations

from typing import Any

READ = ("GetItem", "BatchGetItem", "Query", "DescribeTable", "ConditionCheckItem")
WRITE = ("PutItem", "UpdateItem", "DeleteItem")
"""TransactWriteItems needs the rights of its parts."""
KINDS = ("monitor", "operator", "read-only")


def policy(
    kind: str, table: str, *, region: str = "*", topic_arns: tuple[str, ...] = (), namespace: str | None = None
) -> dict[str, Any]:
    """The policy document of a monitor, an operator or a reader; no kind may make or delete a table."""
    arn = f"arn:aws:dynamodb:{region}:*:table/{table}"
    actions = READ if kind == "read-only" else (*READ, *WRITE)
    statements: list[dict[str, Any]] = [
        _allow("Table", [f"dynamodb:{name}" for name in actions], [arn, f"{arn}/index/*"]),
    ]
    if kind == "monitor":
        statements[0]["Action"].append("dynamodb:PartiQLUpdate")  # the outbox, 25 events a call
        if topic_arns:
            statements.append(_allow("Topics", ["sns:Publish"], list(topic_arns)))
        if namespace is not None:
            metrics = _allow("Metrics", ["cloudwatch:PutMetricData"], ["*"])  # it knows no resources
            metrics["Condition"] = {"StringEquals": {"cloudwatch:namespace": namespace}}
            statements.append(metrics)
    return {"Version": "2012-10-17", "Statement": statements}


def _allow(sid: str, actions: list[str], resources: list[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}

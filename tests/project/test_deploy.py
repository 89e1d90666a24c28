"""The CloudFormation template: checked by cfn-lint, and equal to what the code makes and asks for."""

from __future__ import annotations

import json
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import boto3
import pytest
from cfnlint.decode import decode

from tests import peers
from tests.cli.run import Cli
from tests.project.pages import ROOT
from tests.waiting import wait_for
from wsmon.adapters.clock import SystemClock
from wsmon.adapters.dynamo.schema import definition
from wsmon.adapters.policies import KINDS, policy
from wsmon.domain.metering import METRICS
from wsmon.domain.spec import WorksetSpec
from wsmon.services.commands import Commands

TEMPLATE = ROOT / "deploy/wsmon.yaml"


@pytest.fixture(scope="module")
def resources() -> Any:
    template, problems = decode(str(TEMPLATE))
    assert not problems
    assert template is not None
    return json.loads(json.dumps(template))["Resources"]


def test_cfn_lint_finds_nothing() -> None:
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--non-zero-exit-code", "informational", str(TEMPLATE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_table_is_the_one_that_init_makes(resources: Any) -> None:
    made, table = definition("worksets"), resources["Table"]["Properties"]
    # ministack's CloudFormation does not turn it on, so only the template tells.
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    for part in ("KeySchema", "BillingMode", "GlobalSecondaryIndexes"):
        assert table[part] == made[part]
    assert sorted(a["AttributeName"] for a in table["AttributeDefinitions"]) == sorted(
        a["AttributeName"] for a in made["AttributeDefinitions"]
    )


@pytest.mark.parametrize(
    ("kind", "name"), zip(KINDS, ["MonitorPolicy", "OperatorPolicy", "ReadOnlyPolicy"], strict=True)
)
def test_the_policies_are_those_that_are_printed(resources: Any, kind: str, name: str) -> None:
    printed = policy(kind, "t", topic_arns=("arn:t",), namespace="N")["Statement"]
    deployed = resources[name]["Properties"]["PolicyDocument"]["Statement"]
    assert [(s["Sid"], s["Action"]) for s in deployed] == [(s["Sid"], s["Action"]) for s in printed]


class Stack:
    """The template as a stack of ministack's CloudFormation."""

    def __init__(self) -> None:
        peers.credentials()
        self._url, name = peers.url("ministack"), peers.new_table()
        formation = self.client("cloudformation")
        given = {"TableName": name, "TopicName": f"{name}-topic", "AlarmEmail": "ops@example.org"}
        formation.create_stack(
            StackName=name,
            TemplateBody=TEMPLATE.read_text(),
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
        )

        def ended() -> Any:
            (found,) = formation.describe_stacks(StackName=name)["Stacks"]
            return None if found["StackStatus"].endswith("IN_PROGRESS") else found

        found = wait_for(ended)
        assert found["StackStatus"] == "CREATE_COMPLETE", found
        self.made = {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}

    def client(self, service: str) -> Any:
        """boto3's client of a service there."""
        return boto3.client(service, region_name="us-east-1", endpoint_url=self._url)  # type: ignore[call-overload]


@pytest.fixture(scope="module")
def stack() -> Stack:
    return Stack()


def test_a_stack_of_it_makes_the_table_that_init_makes(stack: Stack) -> None:
    made = stack.made
    with peers.temporary("ministack") as inits:
        found = [
            stack.client("dynamodb").describe_table(TableName=name)["Table"]
            for name in (made["TableName"], inits.info.name)
        ]
    assert found[0]["DeletionProtectionEnabled"], "and besides it cannot be deleted by mistake"
    deployed, ours = (_shape(table) for table in found)
    assert deployed == ours
    assert len(deployed["indexes"]) == 3
    store = peers.dynamo_store("ministack", made["TableName"])
    try:
        store.check()
        Commands(store, SystemClock(), "tester").register(WorksetSpec("w", "bucket"))
        assert [event.workset_id for event in store.undelivered().events] == ["w"]
        assert store.init()[0].endswith("is there"), "init finds nothing to make"
    finally:
        store.close()


def _shape(table: dict[str, Any]) -> dict[str, Any]:
    return {
        "key": table["KeySchema"],
        "billing": table["BillingModeSummary"]["BillingMode"],
        "attributes": sorted((a["AttributeName"], a["AttributeType"]) for a in table["AttributeDefinitions"]),
        "indexes": sorted(
            (index["IndexName"], str(index["KeySchema"]), index["Projection"]["ProjectionType"], *sorted(_kept(index)))
            for index in table["GlobalSecondaryIndexes"]
        ),
    }


def _kept(index: dict[str, Any]) -> list[str]:
    return list(index["Projection"].get("NonKeyAttributes", []))


def test_a_stack_of_it_has_the_policies_that_are_printed_and_a_topic_that_is_heard(stack: Stack) -> None:
    made = stack.made
    iam = stack.client("iam")
    arns = {"arn:aws:dynamodb:us-east-1:000000000000:table/" + made["TableName"]}
    arns |= {f"{arn}/index/*" for arn in arns}
    for kind, name in zip(KINDS, ("Monitor", "Operator", "ReadOnly"), strict=True):
        arn = made[f"{name}PolicyArn"]
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        deployed = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
        printed = policy(
            kind,
            made["TableName"],
            region="us-east-1",
            topic_arns=(made["TopicArn"],),
            namespace="Daylily/WorksetMonitor",
        )
        assert set(deployed["Statement"][0].pop("Resource")) == arns
        for resource in printed["Statement"][0].pop("Resource"):
            assert any(fnmatchcase(arn, resource) or arn == resource for arn in arns), "the account's own"
        assert deployed == printed
    subscriptions = stack.client("sns").list_subscriptions_by_topic(TopicArn=made["TopicArn"])["Subscriptions"]
    assert [one["Endpoint"] for one in subscriptions] == ["ops@example.org"]
    alarms = stack.client("cloudwatch").describe_alarms()["MetricAlarms"]
    ours = [alarm for alarm in alarms if alarm["AlarmActions"] == [made["TopicArn"]]]
    assert sorted(alarm["MetricName"] for alarm in ours) == ["AlertsFiring", "OutboxLag", "OutboxLag"]


def test_dashboard_and_alarms_name_metrics_that_are_sent(resources: Any) -> None:
    known = {metric.name for metric in METRICS}
    alarms = [r["Properties"] for r in resources.values() if r["Type"] == "AWS::CloudWatch::Alarm"]
    assert {alarm["MetricName"] for alarm in alarms} <= known
    body = json.loads(resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])
    named = {m[1] for widget in body["widgets"] for m in widget["properties"]["metrics"] if len(m) > 1}
    assert named
    assert named <= known


def test_init_prints_the_policy_and_makes_nothing(tmp_path: Path) -> None:
    cli = Cli(tmp_path, "dynamodb:my-table")
    (tmp_path / "wsmon.toml").write_text(
        '[metrics]\ncloudwatch = true\n[channels.a]\ntype = "sns"\ntopic_arn = "arn:aws:sns:us-east-1:1:t"\n'
    )
    document = json.loads(cli("init", "--print-policy", "monitor", "--region", "us-west-2").stdout)
    first, topics, metrics = document["Statement"]
    assert first["Resource"][0] == "arn:aws:dynamodb:us-west-2:*:table/my-table"
    assert topics["Resource"] == ["arn:aws:sns:us-east-1:1:t"]
    assert metrics["Condition"] == {"StringEquals": {"cloudwatch:namespace": "Daylily/WorksetMonitor"}}
    (tmp_path / "wsmon.toml").write_text(
        '[catalog]\nbucket = "drops"\nmirror_sentinels = true\n[parallelcluster]\nenabled = true\n'
    )
    document = json.loads(cli("init", "--print-policy", "monitor", "--region", "us-gov-west-1").stdout)
    found = {s["Sid"]: s for s in document["Statement"]}
    assert found["Clusters"]["Action"] == [
        "cloudformation:DescribeStacks",
        "cloudformation:ListStacks",
        "ec2:DescribeInstances",
    ]
    assert found["Bucket"]["Resource"] == ["arn:aws-us-gov:s3:::drops"]
    assert found["Folders"]["Action"] == ["s3:GetObject"]
    assert found["Sentinels"]["Resource"] == ["arn:aws-us-gov:s3:::drops/*/daylily.*"]
    assert found["Table"]["Resource"][0] == "arn:aws-us-gov:dynamodb:us-gov-west-1:*:table/my-table"
    operator = json.loads(cli("init", "--print-policy", "operator").stdout)
    assert [s["Sid"] for s in operator["Statement"]] == ["Table", "Bucket", "Folders"]
    reader = json.loads(cli("init", "--print-policy", "read-only").stdout)
    assert not [a for s in reader["Statement"] for a in s["Action"] if any(w in a for w in ("Put", "Update", "Delete"))]

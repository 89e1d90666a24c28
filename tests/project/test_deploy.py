"""The CloudFormation template: checked by cfn-lint, and equal to what the code makes and asks for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode import decode

from tests.cli.run import Cli
from tests.project.pages import ROOT
from wsmon.adapters.dynamo.schema import definition
from wsmon.adapters.policies import KINDS, policy
from wsmon.domain.metering import METRICS

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
    reader = json.loads(cli("init", "--print-policy", "read-only").stdout)
    assert not [a for s in reader["Statement"] for a in s["Action"] if any(w in a for w in ("Put", "Update", "Delete"))]

"""What the predecessor left: its table and its monitor's configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest

from tests import peers
from tests.cli.run import Cli
from tests.folder.test_folder import REAL

HISTORY = [
    {"state": "ready", "timestamp": "2025-11-01T09:00:00Z", "reason": "made"},
    {"state": "locked", "timestamp": "2025-11-01T09:10:00Z"},
    {"state": "no such state", "timestamp": "?"},
    {"state": "in_progress", "timestamp": "soon", "reason": "[bold]it runs\x1b[31m"},
    {"state": "error", "timestamp": "2025-11-01T09:30:00Z", "reason": "disk"},
    {"state": "ready", "timestamp": "2025-11-01T09:40:00Z", "reason": "again"},
]


@pytest.fixture
def table(cli: Cli) -> str:
    """A table of its shape with five worksets; the command line finds it there."""
    endpoint, name = peers.url("ministack"), peers.new_table()
    client = boto3.client("dynamodb", endpoint_url=endpoint, region_name="us-east-1")
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "workset_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "workset_id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    table = boto3.resource("dynamodb", endpoint_url=endpoint, region_name="us-east-1").Table(name)

    def put(workset_id: str, state: str, **more: Any) -> None:
        item = {"workset_id": workset_id, "state": state, "bucket": "b", "prefix": f"p/{workset_id}"}
        table.put_item(Item={**item, "updated_at": "2025-11-01T10:00:00Z", "priority": "urgent", **more})

    more = {"preferred_cluster": "c7", "cluster_name": "c1", "metrics": {"hours": 1}}
    put("a", "ready", metadata={"samples": 3}, state_history=HISTORY, created_at="2025-11-01T09:00:00Z", **more)
    put("b", "error", error_details="no space", metrics={"hours": 2}, cluster_name="c1")
    put("c", "in_progress", lock_owner="m")
    put("d", "complete")
    put("e", "no such state")
    cli.env |= {"AWS_ENDPOINT_URL_DYNAMODB": endpoint, "AWS_REGION": "us-east-1"}
    return name


def test_its_table_is_taken_over_once(cli: Cli, table: str) -> None:
    done = {i["source"].rpartition("/")[2]: i["outcome"] for i in cli.json("import", "table", "--from", table, code=1)}
    assert done == {"a": "ready", "b": "error", "c": "held", "d": "complete", "e": "refused"}
    found = cli.json("show", "a")
    assert (found["priority"], found["metadata"]["samples"]) == ("urgent", 3)
    assert found["metadata"]["imported"]["state_history"] == HISTORY
    error = cli.json("show", "b")
    assert error["failure"]["details"] == "no space"
    assert error["ended_at"] == "2025-11-01T10:00:00.000000Z"
    assert error["metadata"]["imported"]["cluster_name"] == "c1"
    assert (error["metrics"], error["cluster"]) == ({"hours": 2}, "c1"), "as of any that ran here"
    assert (found["metrics"], found["cluster"], found["affinity"]) == ({}, None, "c7")
    again = [item["outcome"] for item in cli.json("import", "table", "--from", table, code=1)]
    assert sorted(again) == ["existing", "existing", "existing", "held", "refused"]


def test_the_states_it_went_through_are_its_history(cli: Cli, table: str) -> None:
    cli("import", "table", "--from", table, code=1)
    found = cli.json("show", "a")
    events = cli.json("history", "a")
    assert [(event["seq"], event["verb"], event["at"][11:16]) for event in events[:5]] == [
        (1, "register", "09:00"),
        (2, "acquire", "09:10"),
        (3, "start", "09:10"),
        (4, "fail", "09:30"),
        (5, "requeue", "09:40"),
    ]
    assert (events[5]["seq"], events[5]["verb"], found["rev"]) == (6, "register", 6)
    assert "\x1b" not in cli("history", "a").stdout


@pytest.mark.skipif(not REAL.exists(), reason="the real worksets stand beside the project only")
def test_import_of_the_predecessors_settings(cli: Cli, tmp_path: Path) -> None:
    source = REAL / "test_snv" / "daylily_info.yaml"
    output = tmp_path / "new.toml"
    told = cli("import", "settings", str(source), "--output", str(output))
    assert "cluster.template_path" in told.stderr
    values = cli.json("config", "--config", str(output))
    assert values["catalog.bucket"]["value"] == "lsmc-dayoa-omics-analysis-us-west-2"
    assert values["store.profile"]["value"] == "daylily-service-lsmc"
    cli("import", "settings", str(source), "--output", str(output), code=2)

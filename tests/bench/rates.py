"""Rates, each in turn with its peer: lifecycles beside the same raw requests."""

from __future__ import annotations

import statistics
import time
import uuid
from collections.abc import Iterator
from typing import Any

import boto3

from tests.bench.counts import lifecycle as lifecycle_counts
from tests.bench.figures import Figure, Scale
from tests.bench.stores import World, fresh
from tests.scheduling.build import NOW, crowd
from wsmon.adapters.dynamo.client import _CONFIG
from wsmon.domain.queueing import Policy
from wsmon.domain.scheduling import plan

LIVES = 20
"""Lifecycles a repetition."""
CROWD = 2_400
"""Worksets in the widest window: three tiers, ready and due, 400 of each."""


def lifecycle(scale: Scale) -> Iterator[Figure]:
    """Calls and units of a lifecycle, and its rate beside the same requests sent by boto3 alone."""
    yield from lifecycle_counts(scale)
    count = LIVES * scale.times
    with fresh(count) as ours, fresh(count) as raw:
        client = boto3.client(
            "dynamodb", region_name="us-east-1", endpoint_url=ours.store.info.endpoint, config=_CONFIG
        )
        mine, theirs = [], []
        for number in range(count):
            before, started = len(ours.meter.requests), time.perf_counter()
            ours.live(number)
            mine.append(time.perf_counter() - started)
            requests = [_elsewhere(raw, *request) for request in ours.meter.requests[before:]]
            started = time.perf_counter()
            for operation, parameters in requests:
                getattr(client, operation)(**parameters)
            theirs.append(time.perf_counter() - started)
        client.close()
    ratio = statistics.median(theirs) / statistics.median(mine)
    beside = f"raw: {1 / statistics.median(theirs):,.0f} a second, ours {1 / statistics.median(mine):,.0f}"
    what = "rate of lifecycles / rate of the same requests by boto3 alone"
    yield Figure("lifecycle.rate", what, ratio, "x", at_least=0.8, note=beside)


def plans(scale: Scale) -> Iterator[Figure]:
    """Decisions a second of CPU by `plan()` over 100 clusters: few kinds of needs, many, and each its own."""
    kinds = {"50 kinds of needs": 50, "1,000 kinds": 1_000, "no two alike": CROWD}
    for number, (told, count) in enumerate(kinds.items()):
        queue, pool = crowd(CROWD, count)
        taken = []
        for _ in range(scale.times):
            started = time.process_time()
            plan(queue, pool, Policy(), NOW)
            taken.append(time.process_time() - started)
        rate = CROWD / statistics.median(taken)
        what = f"decisions over 100 clusters, {told}"
        # A queue of which no two need the same is not the case the budget is for; it is there to be seen.
        yield Figure(f"plan.rate.{number}", what, rate, "a second", at_least=20_000 if number == 0 else None)


def _elsewhere(world: World, operation: str, parameters: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The same request to another world's table."""
    table = world.store.info.name
    if "TransactItems" not in parameters:
        return operation, {**parameters, "TableName": table}
    items = [
        {kind: {**part, "TableName": table} for kind, part in item.items()} for item in parameters["TransactItems"]
    ]
    return operation, {**parameters, "TransactItems": items, "ClientRequestToken": uuid.uuid4().hex}

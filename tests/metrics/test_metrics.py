"""A scripted run gives the scripted figures, in CloudWatch's and in Prometheus' form."""

from __future__ import annotations

import datetime as dt
import urllib.request
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from tests import peers
from tests.relay.world import FakeChannel, RelayWorld
from wsmon.adapters import cloudwatch
from wsmon.adapters.cloudwatch import CloudWatchSink
from wsmon.adapters.courier import InlineCourier
from wsmon.adapters.prometheus import PrometheusSink, prometheus_name, serve
from wsmon.domain import metering as m
from wsmon.domain.metering import METRICS, Series, Tally
from wsmon.domain.pool import ClusterRecord
from wsmon.domain.states import ErrorCategory
from wsmon.domain.workset import RunRecord
from wsmon.ports import MetricSink
from wsmon.services.alarms import Alarms
from wsmon.services.metrics import Metrics, gauges
from wsmon.services.plans import ChannelPlan, RelayConfig
from wsmon.services.relay import Relay

RUN = RunRecord(1, "place", "host", "boot", "/r")


class Kept:
    """A sink that keeps; `down` makes it raise."""

    def __init__(self) -> None:
        self.down, self.series = False, list[Series]()

    def report(self, series: Sequence[Series], at: int) -> None:
        if self.down:
            raise RuntimeError("throttled")
        self.series += series

    def total(self, metric: m.Metric, **dims: str) -> float:
        return sum(s.total for s in self.series if s.metric is metric and set(dims.items()) <= set(s.dimensions))


def script(world: RelayWorld) -> None:
    """Four worksets: two complete after 20 s each, one fails, one waits; each had waited 10 s."""
    world.register("a", "b", "c", "d")
    world.clock.sleep(10)
    tokens = {name: world.commands.acquire(name, holder="m", seconds=600).token for name in "abc"}
    for name, token in tokens.items():
        world.commands.start(name, token=token, run=RUN)
    world.clock.sleep(20)
    for name in "ab":
        world.commands.complete(name, token=tokens[name])
    world.commands.fail("c", token=tokens["c"], category=ErrorCategory.DATA, details="x")
    world.store.put_cluster(ClusterRecord("c1", 4, world.clock.now(), vcpus=96, cost_per_vcpu_hour=0.05))


def metered(world: RelayWorld, *sinks: MetricSink, holder: str = "m1") -> tuple[Relay, Metrics]:
    metrics = Metrics(world.store, world.clock, sinks, lambda: relay.on_duty, world.log)
    relay = Relay(
        world.store,
        world.clock,
        InlineCourier(),
        [ChannelPlan(FakeChannel("hook"))],
        RelayConfig(holder, rule=world.rule),
        log=world.log,
        jitter=lambda: 0.5,
        saw=metrics.saw,
    )
    return relay, metrics


def check(kept: Any) -> None:
    assert kept.total(m.TRANSITIONS, state="complete") == 2
    assert kept.total(m.TRANSITIONS, state="error") == 1
    assert kept.total(m.TRANSITIONS, state="ready", priority="normal") == 4
    assert kept.total(m.ACQUISITIONS) == 3
    assert kept.total(m.LOCK_FAILURES) == 2
    assert kept.total(m.WAIT) == pytest.approx(30, abs=0.01)
    assert kept.total(m.PROCESSING, state="complete") == pytest.approx(40, abs=0.01)
    assert kept.total(m.QUEUE_DEPTH, state="ready") == 1
    assert kept.total(m.COST, cluster="c1") == pytest.approx(4.8)
    assert kept.total(m.UTILIZATION, cluster="c1") == 0
    assert kept.total(m.ALERTS, severity="warning") == 1
    assert kept.total(m.LAG) == pytest.approx(30, abs=1)
    assert kept.total(m.BACKLOG) == 13  # nothing has gone out yet
    assert kept.total(m.SPEND) == 0


@pytest.fixture
def world(tmp_path: Path) -> Any:
    made = RelayWorld(tmp_path)
    yield made
    made.store.close()


def test_an_error_that_somebody_took_on_fires_no_more(world: RelayWorld) -> None:
    world.fail("a", "b")
    alarms = Alarms(world.commands, 60)
    for taken, left in ((), 2), (("error/a",), 1), (("error/a", "error/b"), 0):
        for name in taken:
            alarms.ack(name)
        kept = Kept()
        kept.report(gauges(world.store, world.clock), 0)
        assert kept.total(m.ALERTS, severity="warning") == left
    world.commands.requeue("a", reason="mended")
    kept = Kept()
    kept.report(gauges(world.store, world.clock), 0)
    assert kept.total(m.ALERTS, severity="warning") == 0, "until the watcher ends what was said of it"


def test_cloudwatch_is_given_no_value_that_it_refuses_a_whole_call_for() -> None:
    found = [Series(m.UTILIZATION, (("cluster", name),), {1.0: 1.0}) for name in ("клас\n1", " ", "c" * 2000, "ok-1")]
    values = [datum["Dimensions"][0]["Value"] for datum in cloudwatch.data(found, 0)]
    assert values == ["?????1", "?", "c" * 1024, "ok-1"]


def run_once(world: RelayWorld, *sinks: MetricSink) -> Metrics:
    script(world)
    relay, metrics = metered(world, *sinks)
    relay.step()
    metrics.count(m.LOCK_FAILURES)
    metrics.count(m.LOCK_FAILURES)
    metrics.step()
    return metrics


def test_a_scripted_run_gives_its_figures(world: RelayWorld) -> None:
    kept = Kept()
    run_once(world, kept)
    check(kept)
    named = {dim for s in kept.series for dim, _ in s.dimensions}
    assert named <= {"state", "priority", "cluster", "severity"}
    assert {s.metric.name for s in kept.series} == {metric.name for metric in METRICS}


def test_a_sink_that_is_down_keeps_its_counts_and_the_other_has_them_once(world: RelayWorld) -> None:
    good, bad = Kept(), Kept()
    bad.down = True
    metrics = run_once(world, good, bad)
    check(good)
    assert not bad.series
    bad.down = False
    before = len(good.series)
    metrics.step()
    check(bad)
    assert all(not s.metric.adds for s in good.series[before:]), "counts are given away once"


def test_a_takeover_counts_no_event_twice(world: RelayWorld) -> None:
    kept = Kept()
    script(world)
    world.clock.sleep(5)
    for holder in ("m1", "m2"):
        relay, metrics = metered(world, kept, holder=holder)
        world.run(relay, 15)
        metrics.step()
        relay.close()
    assert kept.total(m.TRANSITIONS, state="complete") == 2


class ReadBack:
    """What CloudWatch gives back of a namespace, asked as `Kept` is."""

    def __init__(self, world: RelayWorld) -> None:
        peers.credentials()
        self.namespace = f"Test/{uuid.uuid4().hex[:8]}"
        self._client = boto3.client("cloudwatch", region_name="us-east-1", endpoint_url=peers.url("ministack"))
        self._around = dt.datetime.fromtimestamp(world.clock.now() / 1e6, dt.UTC)

    def sink(self) -> CloudWatchSink:
        return CloudWatchSink(self.namespace, region="us-east-1", endpoint_url=peers.url("ministack"))

    def total(self, metric: m.Metric, **dims: str) -> float:
        """The sum over all series of a metric that have these dimensions, as a dashboard's search has it."""
        found = self._client.list_metrics(Namespace=self.namespace, MetricName=metric.name)["Metrics"]
        series = [one["Dimensions"] for one in found]
        wanted = [one for one in series if set(dims.items()) <= {(d["Name"], d["Value"]) for d in one}]
        return sum(self.read(metric, "Sum", {d["Name"]: d["Value"] for d in one}) for one in wanted)

    def read(self, metric: m.Metric, stat: str, dims: dict[str, str]) -> float:
        hours = dt.timedelta(hours=2)
        found = self._client.get_metric_statistics(
            Namespace=self.namespace,
            MetricName=metric.name,
            Dimensions=[{"Name": k, "Value": v} for k, v in dims.items()],
            StartTime=self._around - hours,
            EndTime=self._around + hours,
            Period=14_400,
            Statistics=[stat],  # type: ignore[list-item]
        )["Datapoints"]
        return sum(point[stat] for point in found)  # type: ignore[literal-required]


def test_a_scripted_run_reads_back_from_cloudwatch(world: RelayWorld) -> None:
    back = ReadBack(world)
    run_once(world, back.sink())
    check(back)


def test_cloudwatch_gives_the_figures_back(world: RelayWorld) -> None:
    back = ReadBack(world)
    tally = Tally()
    for n in range(400):
        tally.add(m.PROCESSING, n % 200, m.dimensions(priority="normal"))
    for state, count in (("ready", 7), ("error", 2)):
        tally.add(m.TRANSITIONS, count, m.dimensions(state=state))
        tally.add(m.QUEUE_DEPTH, count, m.dimensions(state=state))
    back.sink().report(tally.take(), world.clock.now())
    assert back.read(m.PROCESSING, "SampleCount", {"priority": "normal"}) == 400
    assert back.read(m.PROCESSING, "Sum", {"priority": "normal"}) == 2 * sum(range(200))
    assert back.read(m.TRANSITIONS, "Sum", {"state": "ready"}) == 7
    assert back.read(m.QUEUE_DEPTH, "Maximum", {"state": "error"}) == 2


def test_calls_stay_within_the_limits_and_botocores_model() -> None:
    tally = Tally()
    for n in range(1500):
        for value in range(160 if n < 50 else 2):
            tally.add(m.WAIT, float(value), m.dimensions(cluster=f"c{n}"))
    batches = list(cloudwatch.calls(cloudwatch.data(tally.take(), 1_800_000_000_000_000)))
    assert len(batches) == 2
    assert sum(len(batch) for batch in batches) == 1550
    assert all(len(datum["Values"]) == len(datum["Counts"]) <= 150 for batch in batches for datum in batch)
    peers.credentials()
    client = boto3.client("cloudwatch", region_name="us-east-1")
    with Stubber(client) as stub:
        for _ in batches:
            stub.add_response("put_metric_data", {}, {"Namespace": "N", "MetricData": ANY})
        sink = CloudWatchSink("N", client=client)
        again = Tally()
        for n in range(1500):
            again.add(m.WAIT, 1.0, m.dimensions(cluster=f"c{n}"))
        sink.report(again.take(), 1_800_000_000_000_000)


def test_prometheus_serves_them_under_its_own_names(world: RelayWorld) -> None:
    sink = PrometheusSink()
    metrics = run_once(world, sink)
    metrics.count(m.LOCK_FAILURES)
    metrics.step()
    port = peers.free_port()
    end = serve(sink, "127.0.0.1", port)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as reply:
            lines = reply.read().decode().splitlines()
    finally:
        end()
    for line in (
        'wsmon_workset_state_transitions_total{priority="normal",state="complete"} 2.0',
        "wsmon_workset_lock_failures_total 3.0",
        'wsmon_workset_queue_depth{state="ready"} 1.0',
        'wsmon_cluster_cost_per_hour_dollars{cluster="c1"} 4.8',
        'wsmon_alerts_firing{severity="warning"} 1.0',
    ):
        assert line in lines, line
    assert any(line.startswith("wsmon_workset_wait_duration_seconds_count") and line.endswith(" 3.0") for line in lines)
    assert len({prometheus_name(metric) for metric in METRICS}) == len(METRICS)


def test_a_large_report_goes_out_compressed() -> None:
    peers.credentials()
    client = boto3.client("cloudwatch", region_name="us-east-1", endpoint_url=peers.url("ministack"))
    encodings: list[str] = []
    client.meta.events.register(
        "before-send.cloudwatch", lambda request, **_: encodings.append(str(request.headers.get("Content-Encoding")))
    )
    tally = Tally()
    for n in range(400):
        tally.add(m.WAIT, float(n), m.dimensions(cluster=f"c{n}"))
    CloudWatchSink(f"Test/{uuid.uuid4().hex[:8]}", client=client).report(tally.take(), 1_800_000_000_000_000)
    assert len(encodings) == 1
    assert "gzip" in encodings[0]

"""A source that does not answer is an alert, until it answers or nobody asks it any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.live.clocks import Turning
from tests.services.world import SilentLog, World
from wsmon import wiring_pool
from wsmon.adapters.parallelcluster import ParallelClusters
from wsmon.domain.alerts import AWAY_SECONDS, AlertRecord, Rules
from wsmon.engine import open_engine
from wsmon.services.troubles import SAME_AGAIN_SECONDS, Trouble
from wsmon.services.watching import Watcher
from wsmon.settings import Settings


@pytest.fixture
def clock() -> Turning:
    return Turning()


def standing(world: World) -> list[AlertRecord]:
    return [alert for alert in world.store.alerts() if alert.status == "firing"]


def test_it_is_told_once_and_ends_with_an_answer(world: World, clock: Turning) -> None:
    one, other = (Trouble(world.store, clock, world.log, "bucket drop") for _ in range(2))
    one.note("")
    assert world.store.alerts() == []
    for _ in range(3):
        one.note("S3 answered AccessDenied")
    (alert,) = standing(world)
    assert (alert.kind, alert.severity, alert.count) == ("source away", "warning", 1)
    assert alert.text == "bucket drop: S3 answered AccessDenied"
    clock.ahead += SAME_AGAIN_SECONDS + 1
    one.note("S3 answered AccessDenied")
    assert standing(world)[0].count == 2, "for its age"
    other.note("")
    assert standing(world) == [], "whoever gets an answer ends it"
    one.note("S3 answered AccessDenied")
    clock.ahead += SAME_AGAIN_SECONDS + 1
    one.note("S3 answered AccessDenied")
    assert len(standing(world)) == 1
    assert [line for line, _ in world.log.lines] == ["source away"]


def test_of_a_monitor_that_is_gone_it_ends_by_itself(world: World, clock: Turning) -> None:
    watcher = Watcher(world.store, clock, Rules(), skew=1.0)
    Trouble(world.store, clock, world.log, "ParallelCluster").note("AWS did not answer")
    watcher.look({})
    clock.ahead += AWAY_SECONDS - 1
    watcher.look({})
    assert len(standing(world)) == 1
    clock.ahead += 2
    watcher.look({})
    assert standing(world) == []


def test_clusters_that_cannot_be_looked_for_are_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setattr("wsmon.adapters.parallelcluster._CONFIG", None)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    document = {
        "store": {"url": f"sqlite:{tmp_path}/w.db"},
        "monitor": {"command": ["true"], "poll_seconds": 0.1},
        "parallelcluster": {"enabled": True, "region": "us-east-1"},
    }
    monkeypatch.setattr(wiring_pool, "FIRST_LOOK_SECONDS", 0.01)
    opened = open_engine(Settings.model_validate(document))
    opened.commands.make_store()
    monitor = opened.monitor(SilentLog())
    monitor.step()
    (companion,) = (part for part in monitor._companions if part.name == "sources")
    companion._pass()
    (alert,) = opened.store.alerts()
    assert alert.text == "ParallelCluster: AWS did not answer (EndpointConnectionError)"
    monkeypatch.setattr(ParallelClusters, "_ask", lambda *_: [])
    monkeypatch.setattr("wsmon.adapters.parallelcluster.FRESH_SECONDS", 0.0)
    monitor.step()
    companion._pass()
    assert opened.store.alerts()[0].status == "resolved"
    opened.close()

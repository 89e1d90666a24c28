"""Monitors that are killed, stopped and cut off: everything ends, nothing runs twice, no event is lost."""

from __future__ import annotations

import itertools
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import peers
from tests.storm.field import Field
from tests.waiting import wait_for
from wsmon.domain.states import Verb, WorksetState

Make = Callable[..., Field]
pytestmark = pytest.mark.timeout(900)


def storm(field: Field, worksets: int, kill_every: float, seconds: float) -> None:
    """4 monitors; one is killed every `kill_every` seconds and replaced."""
    field.register(worksets, 0.2)
    names = (f"m{n}" for n in itertools.count())
    for _ in range(4):
        field.start(next(names))
    until, kills = time.monotonic() + seconds, 0
    next_kill = time.monotonic() + kill_every
    while not field.finished(worksets):
        assert time.monotonic() < until, field.store.tallies()
        if time.monotonic() > next_kill:
            victims = list(field.monitors)
            field.kill(victims[kills % len(victims)])
            field.start(next(names))
            kills += 1
            next_kill = time.monotonic() + kill_every
        time.sleep(0.1)
    assert kills > 0
    summary = field.summary()
    sys.stdout.write(f"{field.store.info.engine}: {kills} kills, {summary.document()}\n")
    assert summary.broken == ()
    assert (summary.completed, summary.double_runs) == (worksets, 0)
    assert field.store.leases() == []
    assert field.store.clusters()[0].claims == {}
    for row in field.commands.rows(WorksetState.COMPLETE):
        assert row.holder is None


@pytest.mark.parametrize("engine", ["sqlite", "dynoxide"])
def test_a_small_storm(make_field: Make, engine: str) -> None:
    storm(make_field(engine), worksets=20, kill_every=0.9, seconds=90)


@pytest.mark.soak
@pytest.mark.parametrize("engine", ["sqlite", "dynoxide"])
def test_the_storm(make_field: Make, engine: str) -> None:
    storm(make_field(engine), worksets=200, kill_every=3.0, seconds=600)


@pytest.mark.parametrize("engine", ["sqlite", "dynoxide"])
def test_a_holder_stopped_past_its_lock_is_refused_when_it_goes_on(make_field: Make, engine: str) -> None:
    field = make_field(engine)
    field.register(1, 8.0)
    field.start("paused")
    wait_for(field.effects.exists)
    field.signal("paused", signal.SIGSTOP)
    field.start("heir")
    wait_for(lambda: [ws.holder for ws in field.running()] == ["heir"], 20)
    field.signal("paused", signal.SIGCONT)
    wait_for(lambda: "lock lost" in field.log("paused"), 20)
    wait_for(lambda: field.finished(1), 20)
    summary = field.summary()
    assert (summary.double_runs, summary.broken, summary.adopted) == (0, (), 1)
    assert len(field.effects.read_text().splitlines()) == 2
    assert [event.actor for event in field.store.history("w000")][-2:] == ["heir", "heir"]
    assert Verb.FAIL not in {event.verb for event in field.store.history("w000")}


def outage(make_field: Make, folder: Path, seconds: float) -> None:
    """The endpoint goes away and comes back with its data; the monitors live through it."""
    if peers.missing("dynoxide"):
        peers.url("dynoxide")
    port = peers.free_port()
    process = peers.start("dynoxide", port, str(folder))
    try:
        field = make_field("dynoxide", f"http://127.0.0.1:{port}")
        field.register(24, 0.5)
        field.start("m0")
        field.start("m1")
        wait_for(lambda: field.store.tallies()[WorksetState.COMPLETE] > 2, 30)
        process.kill()
        process.wait()
        time.sleep(seconds)
        assert [monitor.poll() for monitor in field.monitors.values()] == [None, None]
        process = peers.start("dynoxide", port, str(folder))
        wait_for(lambda: field.finished(24), 120)
        summary = field.summary()
        assert (summary.double_runs, summary.broken, summary.completed) == (0, (), 24)
        assert "Traceback" not in field.log("m0") + field.log("m1")
    finally:
        process.kill()
        process.wait()


def test_a_short_outage(make_field: Make, tmp_path: Path) -> None:
    outage(make_field, tmp_path, 5.0)


@pytest.mark.soak
def test_thirty_seconds_without_a_store(make_field: Make, tmp_path: Path) -> None:
    outage(make_field, tmp_path, 30.0)

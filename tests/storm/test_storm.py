"""Monitors that are killed, stopped and cut off: everything ends, nothing runs twice, no event is lost."""

from __future__ import annotations

import itertools
import os
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


WORKSETS = int(os.environ.get("WSMON_STORM_WORKSETS", "12"))
ENGINES = ["sqlite", "dynoxide", "ministack"]
FAST_ENGINES = ["sqlite", *(pytest.param(name, marks=pytest.mark.ci) for name in ("dynoxide", "ministack"))]
PAUSE_SECONDS = 4.5
"""Longer than a lock and the skew together: whoever stands still so long is robbed."""


def storm(field: Field, worksets: int, every: float, seconds: float, takes: float = 0.2) -> None:
    """4 monitors; every so many seconds one is killed and replaced, or stopped past its lock and let go on."""
    field.register(worksets, takes)
    names = (f"m{n}" for n in itertools.count())
    for _ in range(4):
        field.start(next(names))
    until, blows = time.monotonic() + seconds, 0
    wait_for(field.store.leases, 30)
    next_blow = time.monotonic()
    stopped: dict[str, float] = {}
    went_on: list[str] = []
    while not field.finished(worksets):
        assert time.monotonic() < until, field.store.tallies()
        for name in [name for name, at in stopped.items() if time.monotonic() > at + PAUSE_SECONDS]:
            went_on += go_on(field, stopped, name)
        if time.monotonic() > next_blow:
            victims = [name for name in field.monitors if name not in stopped]
            holders = {lease.holder for lease in field.store.leases()}
            victim = ([name for name in victims if name in holders] or victims)[0]
            if blows % 3 == 1 and len(victims) > 2:
                field.signal(victim, signal.SIGSTOP)
                stopped[victim] = time.monotonic()
            else:
                field.kill(victim)
                field.start(next(names))
            blows += 1
            next_blow = time.monotonic() + every
        time.sleep(0.1)
    for name in list(stopped):
        went_on += go_on(field, stopped, name)
    said = judged(field, worksets)
    assert blows > 1
    assert went_on
    sys.stdout.write(f"{field.engine}: {blows - len(went_on)} killed, {len(went_on)} stopped; {said}\n")


def go_on(field: Field, stopped: dict[str, float], name: str) -> list[str]:
    """Let a stopped monitor go on, and wait until it has made a pass: what it believed is refused by then."""
    del stopped[name]
    field.signal(name, signal.SIGCONT)
    now = field.commands.clock.now()
    wait_for(lambda: any(m.name == name and m.heartbeat_at > now for m in field.store.monitors()), 30, 0.1)
    return [name]


def judged(field: Field, worksets: int) -> dict[str, object]:
    """Everything ended once, and nothing is left of any lock."""
    summary = field.summary()
    assert summary.broken == ()
    assert (summary.completed, summary.double_runs) == (worksets, 0)
    assert field.store.leases() == []
    assert field.store.clusters()[0].claims == {}
    for row in field.commands.rows(WorksetState.COMPLETE):
        assert row.holder is None
    return summary.document()


@pytest.mark.parametrize("engine", FAST_ENGINES)
def test_a_small_storm(make_field: Make, engine: str) -> None:
    storm(make_field(engine), WORKSETS, 1.5, 90 + 2 * WORKSETS)


@pytest.mark.soak
@pytest.mark.parametrize("engine", ENGINES)
def test_the_storm(make_field: Make, engine: str) -> None:
    storm(make_field(engine), worksets=200, every=3.0, seconds=600)


@pytest.mark.parametrize("engine", FAST_ENGINES)
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

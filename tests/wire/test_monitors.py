"""Monitors as processes, all of whose calls go through a bad wire: nothing runs twice, no event is lost."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from tests import peers
from tests.storm.field import Field
from tests.waiting import wait_for
from tests.wire.faults import ALL, Fault, Plan
from tests.wire.proxy import Proxy

ROUNDS = int(os.environ.get("WSMON_WIRE_ROUNDS", "25"))
SEED = int(os.environ.get("WSMON_WIRE_SEED", "1"))
FULL = ROUNDS > 25
# A reply that never comes is given up on after 5 s, and a lock of a field lives for 3 s: that is for the soak.
QUICK = tuple(fault for fault in ALL if fault is not Fault.SILENT)
HARD = (*QUICK, Fault.DROP_REPLY, Fault.CUT_REPLY, Fault.LATE)
pytestmark = pytest.mark.timeout(1800)


def through(tmp_path: Path, engine: str, plan: Plan, worksets: int, monitors: int, seconds: float) -> None:
    """So many worksets through so many monitors; the judge sees the peer itself."""
    url = peers.url(engine)
    with Proxy(url, plan) as proxy:
        field = Field("dynamodb", f"{url} {peers.new_table()}", tmp_path, proxy.url)
        try:
            field.register(worksets, 0.2)
            for number in range(monitors):
                field.start(f"m{number}")
            wait_for(lambda: field.finished(worksets), seconds, 0.2)
            proxy.calm_down()
            summary = field.summary()
            sys.stdout.write(f"{engine}: {proxy.told()}; {summary.document()}\n")
            assert (summary.broken, summary.completed, summary.double_runs) == ((), worksets, 0)
            wait_for(lambda: field.store.leases() == [], 10)
            assert field.store.clusters()[0].claims == {}
            assert [process.poll() for process in field.monitors.values()] == [None] * monitors
            assert sum(proxy.faults.values()) > 5
            for name in field.monitors:
                assert not re.search("Traceback|unexpected", field.log(name))
        finally:
            field.end()


@pytest.mark.parametrize("engine", ["dynoxide", pytest.param("ministack", marks=pytest.mark.ci)])
def test_everything_ends_once(tmp_path: Path, engine: str) -> None:
    worksets = 8 if not FULL else min(ROUNDS // 5, 200)
    through(tmp_path, engine, Plan(SEED, 0.2, HARD), worksets, 2 if not FULL else 4, 60 + 3 * worksets)


@pytest.mark.soak
@pytest.mark.parametrize("engine", ["dynoxide", "ministack"])
@pytest.mark.parametrize("seed", [SEED, SEED + 1])
def test_replies_slower_than_anybody_waits(tmp_path: Path, engine: str, seed: int) -> None:
    """Delays of up to 12 s, and replies that never come: longer than a call waits (5 s) and than a lock lives (3 s)."""
    through(tmp_path, engine, Plan(seed, 0.1, (*HARD, Fault.SILENT), longest=12.0), 60, 4, 900)


@pytest.mark.soak
@pytest.mark.parametrize("engine", ["dynoxide", "ministack"])
def test_a_peer_that_forgets_request_tokens(tmp_path: Path, engine: str) -> None:
    through(tmp_path, engine, Plan(SEED, 0.3, HARD, forgetful=True), 100, 4, 900)

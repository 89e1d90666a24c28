"""Commands and the live view through a bad wire: each call is done exactly once, or not at all, and told so."""

from __future__ import annotations

import os
import random
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from botocore.config import Config

from tests import peers
from tests.waiting import wait_for
from tests.wire.callers import Caller, Told, disagreements
from tests.wire.faults import Plan
from tests.wire.proxy import Proxy
from tui.worker import Follower, Troubled
from wsmon.adapters.clock import SystemClock
from wsmon.adapters.dynamo import DynamoStore, client
from wsmon.demo.summary import summarise
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import Verb, WorksetState
from wsmon.domain.workset import RetryPolicy, Row
from wsmon.ports import StateStore
from wsmon.services import doubts
from wsmon.services.commands import Commands

ROUNDS = int(os.environ.get("WSMON_WIRE_ROUNDS", "25"))
SEED = int(os.environ.get("WSMON_WIRE_SEED", "1"))
CALLERS, WORKSETS = 5, 6
CLOCK = SystemClock()
pytestmark = pytest.mark.timeout(1800)


@dataclass
class Session:
    """As much of an engine as the follower of a screen needs."""

    store: StateStore
    clock = CLOCK
    skew_seconds = 60.0
    refresh_seconds = 0.4
    ruling = None
    channels = False


class Screen:
    """What a face would show: rows as deltas change them, never read from the view itself."""

    def __init__(self, store: StateStore) -> None:
        self.rows: dict[str, Row] = {}
        self.counts: dict[WorksetState, int] = {}
        self.troubles = 0
        self._follower = Follower(lambda: Session(store), self._post)  # type: ignore[arg-type, return-value]
        self._follower.start()

    def _post(self, message: object) -> None:
        self.troubles += isinstance(message, Troubled)

    def look(self) -> None:
        delta = self._follower.take()
        if delta is not None:
            self.rows.update(delta.rows)
            for name in delta.gone:
                self.rows.pop(name, None)
            self.counts = dict(delta.counts)

    def stop(self) -> None:
        self._follower.stop()
        self._follower.join(20)


@pytest.fixture(params=["dynoxide-forgetful", pytest.param("ministack", marks=pytest.mark.ci)])
def proxy(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """Of three tries one fails; a caller gives up after three, or when a reply is slower than a quarter second."""
    monkeypatch.setattr(client, "MAX_ATTEMPTS", 3)
    config = client._CONFIG.merge(Config(read_timeout=0.25))
    monkeypatch.setattr(client, "_CONFIG", config)
    peer, _, forgetful = request.param.partition("-")
    with Proxy(peers.url(peer), Plan(SEED, 0.3, longest=0.5, forgetful=bool(forgetful))) as made:
        yield made


@pytest.fixture(autouse=True)
def _compares_often() -> Iterator[None]:
    """What a feed shows too late is found when the tallies are compared: sooner here than once a minute."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(doubts, "BUSY_CHECK_SECONDS", 15.0)
        yield


@pytest.fixture
def table(proxy: Proxy) -> str:
    name = peers.new_table()
    direct = opened(f"http://{proxy.peer.netloc}", name)
    direct.init()
    commands = Commands(direct, CLOCK, "judge")
    for number in range(WORKSETS):
        commands.register(WorksetSpec(f"w{number}", "b"))
    direct.close()
    return name


def opened(url: str, table: str) -> DynamoStore:
    return DynamoStore(table, region="us-east-1", endpoint_url=url)


def test_every_call_is_done_once_or_not_at_all(
    proxy: Proxy, table: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"w{number}" for number in range(WORKSETS)]
    callers = [
        Caller(
            f"c{n}",
            Commands(opened(proxy.url, table), CLOCK, f"c{n}", policy=RetryPolicy(base=0.0)),
            names,
            random.Random(f"{SEED}/{n}"),
        )
        for n in range(CALLERS)
    ]
    screen = Screen(opened(proxy.url, table))
    with ThreadPoolExecutor(CALLERS) as pool:
        for caller in pool.map(lambda caller: (caller.go(ROUNDS), caller)[1], callers):
            caller.commands.store.close()
    proxy.calm_down()
    monkeypatch.undo()
    peers.credentials()
    direct = opened(f"http://{proxy.peer.netloc}", table)
    judge = Commands(direct, CLOCK, "judge")
    heard = Counter(answer for caller in callers for answer in caller.told.values())
    sys.stdout.write(f"{proxy.told()}; told {dict(heard)}; the view was in trouble {screen.troubles} times\n")
    assert heard[Told.DONE] > ROUNDS
    assert disagreements(direct, callers) == []
    assert summarise(direct, judge, tmp_path / "none").broken == ()
    tokens = {n: [e.token for e in direct.history(n) if e.verb is Verb.ACQUIRE] for n in names}
    assert all(found == list(range(1, len(found) + 1)) for found in tokens.values())
    expected = {row.workset_id: row for state in WorksetState for row in judge.rows(state)}

    def level() -> bool:
        screen.look()
        return screen.rows == expected and screen.counts == direct.tallies()

    try:
        wait_for(level, 30, 0.2)
    finally:
        screen.stop()
    direct.close()


def test_many_registrations_are_written_once_each(proxy: Proxy, table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    many = 20 * min(
        ROUNDS, 50
    )  # ministack sorts its whole table for a page: of thousands it takes longer than a read waits
    monkeypatch.setattr(client, "MAX_ATTEMPTS", 14)
    store, direct = opened(proxy.url, table), opened(f"http://{proxy.peer.netloc}", table)
    told = list(Commands(store, CLOCK, "c").register_many(WorksetSpec(f"b{n:03}", "b") for n in range(many)))
    proxy.calm_down()
    assert sum(registered for registered, _ in told) == many
    assert not any(refused for _, refused in told)
    assert direct.tallies()[WorksetState.READY] == WORKSETS + many
    rows = [row.workset_id for row in Commands(direct, CLOCK, "judge").rows(WorksetState.READY)]
    assert len(set(rows)) == len(rows) == WORKSETS + many
    assert all(len(direct.history(name)) == 1 for name in rows[::10])
    store.close()
    direct.close()

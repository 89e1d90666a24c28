"""Each fault does to a write what its name says, and wsmon makes one change of it all the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.config import Config

from tests import peers
from tests.wire.faults import ALL, Fault, Plan
from tests.wire.proxy import Proxy
from wsmon.adapters.clock import SystemClock
from wsmon.adapters.dynamo import DynamoStore, client
from wsmon.domain.errors import StoreUnreachable
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import WorksetPriority, WorksetState
from wsmon.services.commands import Commands

WRITE = "TransactWriteItems"
APPLIED = {
    Fault.DROP_REPLY,
    Fault.CUT_REPLY,
    Fault.SILENT,
    Fault.LATE,
    Fault.TWICE,
    Fault.DELAY,
    Fault.DELAY_REPLY,
}
"""Faults under which the peer sees the whole request."""
UNSEEN = {Fault.DELAY, Fault.DELAY_REPLY, Fault.TWICE}
"""Faults that the caller cannot tell from an answer."""


@pytest.fixture(scope="module", params=["dynoxide-forgetful", pytest.param("ministack", marks=pytest.mark.ci)])
def proxy(request: pytest.FixtureRequest) -> Iterator[Proxy]:
    peer, _, forgetful = request.param.partition("-")
    with Proxy(peers.url(peer), Plan(only=WRITE, longest=0.05, calm=True, forgetful=bool(forgetful))) as made:
        yield made


@pytest.fixture(scope="module")
def shared(proxy: Proxy) -> Iterator[Commands]:
    """Its client gives a reply up sooner than usual, in the same proportion to its patience."""
    peers.credentials()
    with pytest.MonkeyPatch.context() as patch:
        usual: Any = client._CONFIG
        patch.setattr(client, "_CONFIG", usual.merge(Config(read_timeout=usual.read_timeout / 10)))
        patch.setattr(client, "READ_PATIENCE_SECONDS", client.READ_PATIENCE_SECONDS / 10)
        yield from _opened(proxy)


def _opened(proxy: Proxy) -> Iterator[Commands]:
    store = DynamoStore(peers.new_table(), region="us-east-1", endpoint_url=proxy.url)
    store.init()
    yield Commands(store, SystemClock(), "tester")
    store.close()


@pytest.fixture
def commands(shared: Commands, proxy: Proxy, request: pytest.FixtureRequest) -> Commands:
    shared.register(WorksetSpec(request.node.name, "b"))
    proxy.faults.clear()
    proxy.plan.calm = False
    return shared


@pytest.mark.parametrize("fault", ALL, ids=lambda fault: fault.name.lower())
def test_one_change_whatever_the_wire_does(
    proxy: Proxy, commands: Commands, fault: Fault, request: pytest.FixtureRequest
) -> None:
    name, before = request.node.name, proxy.requests
    proxy.plan.first = [fault, fault]
    after = commands.set_priority(name, WorksetPriority.URGENT, reason="once")
    proxy.calm_down()
    assert proxy.faults[fault] == (1 if fault in UNSEEN else 2)
    assert proxy.requests - before >= (2 if fault in UNSEEN else 4)
    assert commands.get(name) == after
    assert [(event.seq, event.reason) for event in commands.store.history(name)] == [(1, None), (2, "once")]


@pytest.mark.parametrize("fault", ALL, ids=lambda fault: fault.name.lower())
def test_what_the_peer_saw(
    proxy: Proxy,
    commands: Commands,
    fault: Fault,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One try only: then the change is there exactly where the fault lets the request through."""
    monkeypatch.setattr(client, "MAX_ATTEMPTS", 1)
    name = request.node.name
    proxy.plan.first = [fault]
    failed = False
    try:
        commands.ignore(name, reason="once")
    except StoreUnreachable:
        failed = True
    proxy.calm_down()
    assert failed == (fault not in UNSEEN)
    assert (commands.get(name).state is WorksetState.IGNORED) == (fault in APPLIED)


def test_a_read_that_is_never_answered_is_asked_again(
    proxy: Proxy, commands: Commands, request: pytest.FixtureRequest
) -> None:
    """As behind a firewall that has forgotten the connection: there is patience for a second try."""
    proxy.plan.first, proxy.plan.only = [Fault.SILENT], "GetItem"
    try:
        assert commands.get(request.node.name).rev == 1
    finally:
        proxy.plan.only = WRITE
    assert proxy.faults[Fault.SILENT] == 1


def test_the_same_seed_is_the_same_plan() -> None:
    def drawn(seed: int) -> list[Fault | None]:
        return [Plan(seed, 0.3).fault(number, WRITE) for number in range(200)]

    assert drawn(7) == drawn(7) != drawn(8)
    assert set(ALL) - set(drawn(7)) == set()
    assert 30 < sum(fault is not None for fault in drawn(7)) < 90

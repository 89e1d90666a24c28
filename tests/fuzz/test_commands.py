"""Command lines and bodies of any kind: an exit code or a status of ours, and no half-done write."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.server import Service, serving
from tests.fuzz.cases import fuzzed, texts, values
from tests.services.world import CLOCK
from wsmon.adapters.sqlite import SqliteStore
from wsmon.cli import main as command_line
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import WorksetState
from wsmon.domain.workset import Workset
from wsmon.ports import StateStore
from wsmon.services.commands import Commands

# What runs until it is stopped, opens a screen or a port, or writes outside the store is left out.
ENDLESS = {"monitor", "api", "web", "demo", "watch", "replay", "notify", "doctor"}
COMMANDS = sorted(set(command_line.COMMANDS) - ENDLESS)
OPTIONS = (
    *(
        "--json",
        "--yes",
        "--reason",
        "--force",
        "--owner",
        "--seconds",
        "--state",
        "--priority",
        "--bucket",
        "--prefix",
    ),
    *("--metadata", "--file", "--dry-run", "--limit", "--since", "--filter", "--as-if", "--help", "--nonsense"),
)
words = st.one_of(
    st.sampled_from(["w0", "w1", "ready", "urgent", "folder", "5", "-1", "1e9", "nan", "{}", '{"a":[1]}', "["]), texts
)
arguments = st.lists(st.one_of(st.sampled_from(OPTIONS), words), max_size=6)
EXITS = {0, 1, 2, 3, 4, 5, 6, 130}


def whole(store: StateStore) -> None:
    """Each change has one event, each tally is a count, each lock a holder."""
    counts = dict.fromkeys(WorksetState, 0)
    holders = set()
    for state in WorksetState:
        for row in store.page(state, limit=1000).rows:
            counts[state] += 1
            record = store.record(row.workset_id)
            assert isinstance(record, Workset)
            assert [e.seq for e in store.history(row.workset_id)] == [*range(1, record.rev + 1)]
            if record.holder is not None:
                holders.add(row.workset_id)
    assert counts == store.tallies()
    assert {lease.workset_id for lease in store.leases()} == holders


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="module")
def store(folder: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(folder / "w.db")
    made.init()
    commands = Commands(made, CLOCK, "fuzz")
    for name in ("w0", "w1", "w2"):
        commands.register(WorksetSpec(name, "b", "p"))
    yield made
    whole(made)
    made.close()


@fuzzed
@given(command=st.sampled_from(COMMANDS), more=arguments)
def test_command_lines(
    store: SqliteStore,
    folder: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    more: list[str],
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("WSMON_DEBUG", "1")  # an error of no kind of ours comes out as it is
    arguments = [part.replace("\0", "") for part in more]
    code = command_line._run(["--store", f"sqlite:{folder / 'w.db'}", command, *arguments])
    said = capfd.readouterr()
    assert code in EXITS
    for text in (said.out, said.err):
        assert not set("\x1b\x07\x9b\u202e") & set(text)
        assert "Traceback" not in text
    if code == 0 and "--json" in arguments and "--help" not in arguments and said.out:
        json.loads(said.out)
    whole(store)


BODIES = (
    ("POST", "/worksets", ("workset_id", "bucket", "prefix", "priority", "metadata", "requirements")),
    ("PUT", "/worksets/w0/state", ("state", "reason", "error_details", "cluster_name", "metrics", "owner_id")),
    ("POST", "/worksets/w1/requeue", ("reason",)),
    ("POST", "/worksets/w1/priority", ("priority", "reason")),
    ("POST", "/worksets/w2/cancel", ("reason",)),
    ("POST", "/worksets/w2/ignore", ("reason",)),
)


@pytest.fixture(scope="module")
def service(store: SqliteStore) -> Iterator[Service]:
    with serving(store) as made:
        yield made


@st.composite
def bodies(draw: Any) -> tuple[str, str, bytes]:
    """A route, and a body that nearly fits it, or anything."""
    method, path, names = draw(st.sampled_from(BODIES))
    if draw(st.booleans()):
        likely = st.one_of(st.sampled_from(["w0", "new", "complete", "ignored", "in_progress", "low"]), values)
        document = draw(st.dictionaries(st.sampled_from(names), likely, max_size=len(names)))
        return method, path, json.dumps(document).encode()
    return method, path, draw(st.one_of(st.binary(max_size=60), values.map(lambda value: json.dumps(value).encode())))


@fuzzed
@given(said=bodies())
def test_bodies(store: SqliteStore, service: Service, said: tuple[str, str, bytes]) -> None:
    method, path, body = said
    reply = service.client.request(method, path, content=body, headers={"Content-Type": "application/json"})
    assert reply.status_code in {200, 201, 400, 403, 404, 409, 412, 413, 415, 422}, reply.text
    if reply.status_code >= 400:
        assert reply.headers["content-type"] == "application/problem+json"
        assert reply.json()["detail"]
    whole(store)

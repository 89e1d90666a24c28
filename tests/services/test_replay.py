"""A replay shows every moment as it was: what was recorded live then is what the events give back."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from tests.tui.stage import StillClock
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.errors import WsmonError
from wsmon.domain.lives import Phase, lived
from wsmon.domain.pool import ClusterRecord
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import ClusterVerb, ErrorCategory, WorksetPriority, WorksetState
from wsmon.domain.times import Instant
from wsmon.domain.workset import Row, row_of
from wsmon.services.commands import Commands
from wsmon.services.draining import drain, resume
from wsmon.services.living import write_life
from wsmon.services.replay import Replay, load


def some_verb(commands: Commands, draw: random.Random, names: list[str]) -> None:
    """Whatever is possible just now."""
    name = draw.choice(names)
    token = commands.get(name).token
    verbs = (
        lambda: commands.acquire(name, holder=f"mon-{draw.randrange(3)}", seconds=60),
        lambda: commands.start(name, token=token, cluster="cl"),
        lambda: commands.complete(name, token=token),
        lambda: commands.fail(name, token=token, category=ErrorCategory.TRANSIENT, details="again"),
        lambda: commands.requeue(name, reason="anew"),
        lambda: commands.set_priority(name, draw.choice(list(WorksetPriority))),
        lambda: commands.unlock(name, reason="gone"),
        lambda: commands.delete(name),
        lambda: commands.purge(name),
    )
    draw.choice(verbs)()


def test_every_moment_is_as_it_was(tmp_path: Path) -> None:
    draw, clock = random.Random(5), StillClock()
    store = SqliteStore(tmp_path / "w.db")
    store.init()
    store.put_cluster(ClusterRecord("cl", 8, clock.now(), load=3.0))
    commands = Commands(store, clock, "t")
    names: list[str] = []
    moments: list[tuple[Instant, dict[str, Row], dict[WorksetState, int]]] = []
    begin = 0
    for turn in range(160):
        clock.sleep(1)
        try:
            if turn % 8 == 0:
                names.append(f"w{turn:03}")
                commands.register(WorksetSpec(names[-1], "b", "p"))
            else:
                some_verb(commands, draw, names)
        except WsmonError:
            continue
        if turn == 60:
            begin = clock.now()  # from here on: worksets have a life before it
        records = store.records(names)
        moments.append((clock.now(), {n: row_of(w) for n, w in records.items()}, store.tallies()))
    moments = [moment for moment in moments if moment[0] > begin]
    clock.sleep(1)
    replay = Replay(store, load(store, clock, begin, skew=1.0))
    assert replay.length == len(moments) > 40
    shown = {WorksetState.DELETED, WorksetState.ARCHIVED}
    order = [*reversed(moments), *moments, *draw.sample(moments, 20)]
    for at, rows, counts in order:
        replay.seek(at)
        alive = {name: row for name, row in rows.items() if row.state not in shown}
        assert {name: row for name, row in replay.rows.items() if row.state not in shown} == alive
        assert replay.counts == counts
        delta = replay.delta()
        assert {lease.workset_id for lease in delta.leases} == {n for n, r in alive.items() if r.holder}
        on_it = {n for n, r in alive.items() if r.cluster == "cl" and r.state is WorksetState.IN_PROGRESS}
        assert on_it <= set(delta.clusters[0].claims)
        assert (delta.clusters[0].kind, delta.clusters[0].load) == ("past", 0.0)
    assert replay.step(-1000) > 0
    assert (replay.step(-1), replay.last) == (0, None)
    assert replay.step(1000) == replay.length
    store.close()


def lives(commands: Commands, verb: ClusterVerb, phase: Phase) -> None:
    """One step of a cluster of wsmon's making."""
    write_life(commands, "new", lambda life, ctx: lived(ctx, verb, life, phase=phase), None)


def test_clusters_are_there_drained_and_gone_as_they_were(tmp_path: Path) -> None:
    clock, store = StillClock(), SqliteStore(tmp_path / "w.db")
    store.init()
    store.put_cluster(ClusterRecord("cl", 8, clock.now()))
    commands = Commands(store, clock, "ada")
    drain(commands, "cl", "before all that is looked at")
    begin = clock.now() + 1
    steps: list[tuple[Callable[[], object], dict[str, str]]] = [
        (lambda: commands.register(WorksetSpec("w", "b", "p")), {"cl": "drained"}),
        (lambda: resume(commands, "cl"), {"cl": ""}),
        (lambda: lives(commands, ClusterVerb.CREATE_ASKED, Phase.CREATING), {"cl": "", "new": "creating"}),
        (lambda: lives(commands, ClusterVerb.CREATE_DONE, Phase.MADE), {"cl": "", "new": ""}),
        (lambda: store.put_cluster(ClusterRecord("new", 4, clock.now())), {"cl": "", "new": ""}),
        (lambda: drain(commands, "new", "a new image"), {"cl": "", "new": "drained"}),
        (lambda: lives(commands, ClusterVerb.TEARDOWN_ASKED, Phase.DELETING), {"cl": "", "new": "drained draining"}),
        (lambda: lives(commands, ClusterVerb.TEARDOWN_DONE, Phase.GONE), {"cl": ""}),
    ]
    moments = []
    for step, expected in steps:
        clock.sleep(1)
        step()
        moments.append((clock.now(), expected))
    clock.sleep(1)
    replay = Replay(store, load(store, clock, begin, skew=1.0))
    assert replay.length == len(steps) - 1, "a report is no event"
    for at, expected in [*reversed(moments), *moments, moments[2], moments[6]]:
        replay.seek(at)
        told = {c.name: f"{'drained' if c.drained else ''} {c.health}".strip() for c in replay.delta().clusters}
        assert told == expected, at
    replay.seek(moments[5][0])
    assert "a new image" in next(c.drained for c in replay.delta().clusters if c.name == "new")
    store.close()

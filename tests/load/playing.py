"""One load from its start to its verdict."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from tests import peers
from tests.load.crowd import Crowd, Sizes
from tests.load.measuring import Budget, Counting, Memory, bad_lines, troubles
from tests.waiting import wait_for
from wsmon.adapters.clock import SystemClock
from wsmon.adapters.dynamo import DynamoStore
from wsmon.adapters.runner import LocalRunner
from wsmon.demo.summary import double_runs
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import WorksetState
from wsmon.services.commands import Commands
from wsmon.services.live import INDEX_LAG_SECONDS

SAMPLE_SECONDS, SETTLE_SECONDS = 5.0, 11.0
BULK = 10_000
"""So many registrations just before would be what the views read, and not the crowd's work."""
Say = Callable[[str], None]


@dataclass
class Verdict:
    """What came of it; `broken` says what did not hold."""

    figures: dict[str, object] = field(default_factory=dict)
    memories: list[Memory] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


def play(sizes: Sizes, folder: Path, say: Say) -> Verdict:
    """Fill a table on dynoxide, put everybody on it, watch, and judge."""
    peers.credentials()
    folder.mkdir(parents=True, exist_ok=True)
    port = peers.free_port()
    peer = peers.start("dynoxide", port)
    endpoint, table = f"http://127.0.0.1:{port}", peers.new_table()
    store = DynamoStore(table, region="us-east-1", endpoint_url=endpoint)
    verdict = Verdict(figures=dict(asdict(sizes)))
    try:
        with Counting(endpoint) as wire:
            commands = Commands(store, SystemClock(), "load")
            fill(commands, sizes.worksets, verdict, say)
            crowd = Crowd(folder, table, endpoint, wire.url, sizes)
            try:
                gather(crowd, wire, say)
                watch(crowd, wire, commands, verdict, say)
            finally:
                crowd.stop()
                end_runs(folder)
            judge(crowd, commands, verdict, say)
            verdict.figures["peer_mib"] = round(psutil.Process(peer.pid).memory_info().rss / 2**20)
    finally:
        store.close()
        peer.kill()
        peer.wait()
    return verdict


def fill(commands: Commands, count: int, verdict: Verdict, say: Say) -> None:
    """Register so many worksets in bulk."""
    commands.store.init()
    begin, done = time.monotonic(), 0
    for registered, refused in commands.register_many(WorksetSpec(f"w{n:06}", "b", f"p/{n}") for n in range(count)):
        assert not refused
        done += registered
    seconds = time.monotonic() - begin
    verdict.figures["registered_per_second"] = round(done / seconds)
    say(f"{done:,} worksets registered in {seconds:.1f} s")


def gather(crowd: Crowd, wire: Counting, say: Say) -> None:
    """Everybody comes, and is at work before anything is measured."""
    begin, sizes = time.monotonic(), crowd.sizes
    if sizes.worksets > BULK:
        time.sleep(INDEX_LAG_SECONDS)  # a view looks back so far before its opening
    if sizes.clients:
        port = peers.free_port()
        crowd.start_api(port)
        wait_for(lambda: answers(port), 60, 0.2)
    # The screens load everything first: a hundred thousand rows each are not what is measured, and
    # nobody starts a fleet and ten screens within a second.
    crowd.start_screens()
    screens = crowd.screens
    assert screens is not None
    wait_for(lambda: all(" live" in text for text in screens.texts()), 300 + sizes.worksets / 200, 0.5)
    wait_for(lambda: time.monotonic() - max(wire.loaded_at, begin) > SETTLE_SECONDS, 900, 0.5)
    crowd.start_monitors()
    wait_for(lambda: len(crowd.runs()) >= 2 * sizes.monitors or crowd.died(), 300, 0.5)
    screens.type()
    crowd.talk()
    say(f"{len(crowd.pids())} processes at work after {time.monotonic() - begin:.0f} s")


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def watch(crowd: Crowd, wire: Counting, commands: Commands, verdict: Verdict, say: Say) -> None:
    """Sample memory and screens until the time is over."""
    assert crowd.screens is not None
    memories = [Memory(name, pid) for name, pid in crowd.pids().items()]
    seen: dict[str, int] = {}
    leases: list[int] = []
    cursor, begin = commands.store.feed_start(), time.monotonic()
    wire.open = True
    psutil.cpu_percent(None)
    pause = min(SAMPLE_SECONDS, crowd.sizes.seconds / 10)
    while time.monotonic() - begin < crowd.sizes.seconds:
        time.sleep(pause)
        for memory in memories:
            with contextlib.suppress(psutil.NoSuchProcess):
                memory.take()
        for line in troubles(crowd.screens.texts()):
            seen[line] = seen.get(line, 0) + 1
        leases.append(len(commands.store.leases()))
        verdict.broken += [
            f"{name} ended by itself" for name in crowd.died() if f"{name} ended by itself" not in verdict.broken
        ]
    wire.open = False
    cpu = psutil.cpu_percent(None)
    seconds = time.monotonic() - begin
    budget = Budget(
        wire.refreshes,
        sum(wire.calls.values()),
        wire.units,
        wire.calls["BatchGetItem"],
        events_since(commands, cursor),
        crowd.sizes.screens,
        sum(leases) / max(1, len(leases)),
    )
    verdict.memories = memories
    verdict.figures |= {
        "measured_seconds": round(seconds, 1),
        "events_read": budget.events,
        "refreshes": budget.refreshes,
        "calls_per_refresh": round(budget.calls_each, 2),
        "units_per_refresh": round(budget.units_each, 2),
        "units_allowed": round(budget.units_allowed, 2),
        "calls_by_kind": dict(wire.calls),
        "leases": round(budget.leases, 1),
        "machine_cpu_percent": cpu,
    }
    if not budget.kept:
        verdict.broken.append(f"a refresh took {budget.calls_each:.2f} calls and {budget.units_each:.2f} units")
    verdict.broken += [f"on a screen {count} times: {line}" for line, count in seen.items()]
    verdict.broken += [f"{m.name} grew by {m.trend:.1f} MiB in the second half" for m in memories if not m.flat]
    say(f"watched for {seconds:.0f} s, the machine {cpu:.0f} % busy")


def events_since(commands: Commands, cursor: str) -> int:
    """How many events the feed has after a cursor: what each screen had to read, the window it reads again included."""
    found: set[tuple[str, int]] = set()
    while True:
        page = commands.store.feed(cursor)
        found |= {(event.workset_id, event.seq) for event in page.events}
        cursor = page.cursor
        if not page.more:
            return len(found)


def judge(crowd: Crowd, commands: Commands, verdict: Verdict, say: Say) -> None:
    """Logs, statuses, tallies, one event a change of what was worked on, and no run beside another."""
    for name, path in crowd.logs.items():
        verdict.broken += [f"{name}: {line}" for line in bad_lines(path.read_text(errors="replace"))]
    statuses: dict[str, int] = {}
    for client in crowd.clients:
        verdict.broken += [f"{client.name}: {error}" for error in client.errors]
        for status, count in client.statuses.items():
            statuses[status] = statuses.get(status, 0) + count
    tallies, worked = commands.store.tallies(), 0
    for state in WorksetState:
        rows = list(commands.rows(state))
        if len(rows) != tallies[state]:
            verdict.broken.append(f"the tally of {state.value} is {tallies[state]}, a count gives {len(rows)}")
        for row in rows:
            if row.rev > 1:
                worked += 1
                seqs = [event.seq for event in commands.store.history(row.workset_id)]
                if seqs != list(range(1, row.rev + 1)):
                    verdict.broken.append(f"the events of {row.workset_id} are not one a change")
    lines = crowd.effects.read_text().splitlines() if crowd.effects.exists() else []
    if doubles := double_runs(lines):
        verdict.broken.append(f"{doubles} runs overlapped another of the same workset")
    verdict.figures |= {"complete": tallies[WorksetState.COMPLETE], "worked_on": worked, "api_statuses": statuses}
    say(f"judged {worked} worksets that were worked on")


def end_runs(folder: Path) -> None:
    """No run goes on after its load."""
    if (folder / "runs").exists():
        runner = LocalRunner(folder / "runs", SystemClock())
        for workset_id, run in runner.live_runs():
            runner.stop(workset_id, run, force=True)

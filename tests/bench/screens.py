"""The TUI on a pseudo-terminal: first frame, keys, bytes, CPU and memory, side by side with hello world."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Figure, Scale, apart
from tests.bench.line import HELLO, WSMON, Line
from tests.bench.stores import HOLDER, crew, name_of, run_record, spec
from wsmon.adapters.clock import SystemClock
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.workset import Workset
from wsmon.services.commands import Commands

PAST_SECONDS = 2 * 86_400 + 1_800
FRAME = ("4 alerts", "1 queue", "quit")
KEYS = "j" * 30 + "k" * 10 + "\x04\x15" * 8 + "Ggj" * 8 + "jjjjjjjj"
VISIBLE = 44
"""Running worksets; all stand on the screen, on top of the queue."""


class Past(SystemClock):
    """`lag` seconds ago: days, so that ages on the screen tick by the hour."""

    def __init__(self, lag: float) -> None:
        self._lag = int(lag * 1_000_000)

    def now(self) -> int:
        return super().now() - self._lag


def filled(folder: Path, size: int) -> Commands:
    """A SQLite store of a size in the folder."""
    store = SqliteStore(folder / "w.db")
    store.init()
    commands = Commands(store, Past(PAST_SECONDS), "bench@node-1")
    for _, refused in commands.register_many(spec(number) for number in range(size)):
        assert not refused
    crew(store, SystemClock().now())
    return commands


def wsmon(*args: str) -> Line:
    """The TUI on the store of this folder."""
    return Line((*WSMON, "--store", "sqlite:w.db", *args))


def frame(scale: Scale) -> Iterator[Figure]:
    """From exec to the first full frame, in turn with hello world's."""
    with apart() as folder:
        filled(folder, 100).store.close()
        ours, hello = [], []
        for _ in range(scale.times + 1):
            with wsmon() as line:
                ours.append(line.until(*FRAME))
            with Line(HELLO) as line:
                hello.append(line.until("Hello, World!"))
    # The first of each fills the caches of the file system and of Python's bytecode.
    mine, theirs = statistics.median(ours[1:]), statistics.median(hello[1:])
    beside = f"hello world: {theirs * 1000:.0f} ms, ours {mine * 1000:.0f} ms, medians of {scale.times} in turn"
    yield Figure("frame.ratio", "TUI's first frame / hello world's", mine / theirs, "x", at_most=1.5, note=beside)


def keys(scale: Scale) -> Iterator[Figure]:
    """From a key to the last byte of its answer, with the largest queue; hello world's keys in between."""
    size = scale.worksets[-1]
    with apart() as folder:
        filled(folder, size).store.close()
        with wsmon() as line, Line(HELLO) as other:
            line.until(name_of(3))
            other.until("Hello, World!")
            line.settle()
            rounds = [_round(line, other) for _ in range(3)]
    # The machine may be busy with other things: the round that was disturbed least tells about the program.
    times, theirs, steps = min(rounds, key=lambda found: _percentile(found[0], 99))
    beside = (
        f"hello world: p50 {_percentile(theirs, 50):.1f} ms, p99 {_percentile(theirs, 99):.1f} ms; best of 3 rounds"
    )
    what = f"key to last byte at {size:,} worksets"
    yield Figure("keys.p99", what, _percentile(times, 99), "ms", at_most=50, note=beside)
    yield Figure("keys.p50", what, _percentile(times, 50), "ms", note=beside)
    yield Figure("keys.step", "a cursor step with the largest queue", statistics.median(steps), "bytes", at_most=512)


def _round(line: Line, other: Line) -> tuple[list[float], list[float], list[int]]:
    """Milliseconds of each key, of hello world's keys in between, and bytes of the cursor steps."""
    line.press("g")
    answers, hello = [], []
    for key in KEYS:
        answers.append(line.press(key))
        hello.append(other.press("x"))
    return [1000 * t for t, _ in answers], [1000 * t for t, _ in hello], [count for _, count in answers[:30]]


def _percentile(values: list[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def sent(scale: Scale) -> Iterator[Figure]:
    """What goes down the line: a cursor step, an idle screen, 40 changed rows."""
    with apart() as folder:
        commands = filled(folder, 2000)
        running = [begun(commands, number) for number in range(VISIBLE)]
        with wsmon() as line:
            line.until(name_of(3))
            line.settle()
            line.press("j")
            steps = [line.press("j")[1] for _ in range(15)]
            line.press("g")
            idle = line.count(scale.seconds) / scale.seconds
            changed = []
            for turn in range(3):
                line.settle(1.2)
                for workset in running[:40]:
                    commands.progress(workset.workset_id, token=workset.token, step=f"align {turn + 1}/7")
                changed.append(line.count(3.0))
        commands.store.close()
    yield Figure("bytes.step", "a cursor step", statistics.median(steps), "bytes", at_most=512)
    yield Figure("bytes.idle", "an idle screen, a second", idle, "bytes", at_most=1024)
    yield Figure("bytes.changes", "40 changed rows", max(changed), "bytes", at_most=10_240)


def begun(commands: Commands, number: int) -> Workset:
    """Locked and started days ago, with days left."""
    workset, lease = commands.take(name_of(number), holder=HOLDER, seconds=400_000)
    return commands.start(workset, token=lease.token, run=run_record(workset.workset_id, lease.token))


def idle(scale: Scale) -> Iterator[Figure]:
    """CPU without changes and with one a second, and memory at 10,000 rows; hello world beside it."""
    with apart() as folder:
        commands = filled(folder, min(10_000, scale.worksets[-1]))
        running = [begun(commands, number) for number in range(VISIBLE)]
        with wsmon() as line, Line(HELLO) as other:
            line.until(name_of(3))
            other.until("Hello, World!")
            line.settle(4.0)
            still, theirs = cpu_percent(line, scale.seconds), cpu_percent(other, scale.seconds / 4)
            memory, least = line.memory(), other.memory()
            before, started = line.cpu(), time.monotonic()
            for second in range(int(scale.seconds)):
                workset = running[second % len(running)]
                commands.progress(workset.workset_id, token=workset.token, step=f"align {second}/70")
                line.count(max(0.0, started + second + 1 - time.monotonic()))
            busy = 100 * (line.cpu() - before) / (time.monotonic() - started)
        commands.store.close()
    beside = f"hello world: {theirs:.2f} %"
    yield Figure("idle.cpu", "idle, of a core", still, "%", at_most=0.5, note=beside)
    yield Figure("idle.cpu-busy", "with a change a second, of a core", busy, "%", at_most=2, note=beside)
    beside = f"hello world: {least:.1f} MiB, ours {memory:.1f} MiB"
    yield Figure("idle.memory", "beyond hello world's at 10,000 rows", memory - least, "MiB", at_most=40, note=beside)


def cpu_percent(line: Line, seconds: float) -> float:
    """Of one core, while nothing happens."""
    before, started = line.cpu(), time.monotonic()
    line.count(seconds)
    return 100 * (line.cpu() - before) / (time.monotonic() - started)

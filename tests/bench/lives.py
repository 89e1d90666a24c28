"""What is measured on whole processes: a monitor's day, the start of a command, the race for a lock."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests import peers
from tests.bench.figures import Figure, Scale, apart
from tests.bench.screens import filled
from tests.race.judging import race

WARM_HOURS = 0.2
"""Of the time, until every path was taken once and the allocator has what it needs."""


def memory(scale: Scale) -> Iterator[Figure]:
    """Hourly memory of a monitor in a process of its own; flat after it is warm."""
    with apart():
        command = [sys.executable, "-m", "tests.bench.day", str(scale.hours)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    hours = [json.loads(line) for line in done.stdout.splitlines()]
    warm = hours[int(len(hours) * WARM_HOURS)]
    last = hours[-1]
    beside = (
        f"{warm['mib']:.1f} MiB after {warm['hour']} h, {last['mib']:.1f} MiB after {last['hour']} h,"
        f" {last['passes']:,} passes, {last['complete']} runs"
    )
    what = f"a monitor's growth until its hour {last['hour']}"
    yield Figure("memory.growth", what, last["mib"] - warm["mib"], "MiB", at_most=1, note=beside)


def start(scale: Scale) -> Iterator[Figure]:
    """A command from exec to exit, in turn with the import of boto3."""
    wsmon = ("-c", "from wsmon.cli.main import main; main()", "--store", "sqlite:w.db")
    contestants: dict[str, Sequence[str]] = {
        "boto3": ("-c", "import boto3; boto3.client('dynamodb', region_name='us-east-1')"),
        "next": (*wsmon, "next", "--json"),
        "list": (*wsmon, "list", "--state", "ready", "--json"),
        "version": (*wsmon[:2], "--version"),
    }
    with apart() as folder, peers.temporary("dynoxide") as table:
        filled(folder, 1000).store.close()
        there = (
            "--store",
            f"dynamodb:{table.info.name}",
            "--endpoint-url",
            peers.url("dynoxide"),
            "--region",
            "us-east-1",
        )
        contestants["dynamodb"] = (*wsmon[:2], *there, "list", "--json")
        times: dict[str, list[float]] = {name: [] for name in contestants}
        for _ in range(scale.times + 1):
            for name, args in contestants.items():
                started = time.monotonic()
                subprocess.run([sys.executable, *args], check=True, stdout=subprocess.DEVNULL)
                times[name].append(time.monotonic() - started)
    median = {name: statistics.median(taken[1:]) for name, taken in times.items()}
    for name, at_most in (("next", 1.0), ("list", 1.0), ("version", None), ("dynamodb", 1.5)):
        beside = f"boto3 and a client: {median['boto3'] * 1000:.0f} ms, ours {median[name] * 1000:.0f} ms"
        what = f"`wsmon {name}` on 1,000 worksets / boto3's start" if name != "version" else "`wsmon --version`"
        if name == "dynamodb":
            what = "`wsmon list` on DynamoDB / boto3's start"
        yield Figure(f"start.{name}", what, median[name] / median["boto3"], "x", at_most=at_most, note=beside)


def races(scale: Scale) -> Iterator[Figure]:
    """32 racers for one workset, round after round, on every engine."""
    for engine in ("sqlite", *peers.NAMES):
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            where = str(Path(folder) / "w.db")
            if engine != "sqlite":
                where = f"{peers.url(engine)} {peers.new_table()}"
            winners = [len(found) for found in race(engine, where, scale.rounds)]
        two, none = sum(n > 1 for n in winners), sum(n == 0 for n in winners)
        beside = f"{len(winners):,} rounds"
        yield Figure(f"race.two.{engine}", "rounds with two winners", two, "rounds", at_most=0, note=beside)
        yield Figure(f"race.none.{engine}", "rounds without one", none, "rounds", at_most=0, note=beside)

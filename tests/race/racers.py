"""A process with eight threads that race for whatever workset is named on its standard input.

`python -m tests.race.racers ENGINE WHERE`: for each line `id` every thread tries to acquire it
once; the answer is a line with the holders that won, separated by spaces.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests import peers
from wsmon.adapters.clock import SystemClock
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.errors import LockHeld
from wsmon.ports import StateStore
from wsmon.services.commands import Commands

THREADS = 8


def opened(engine: str, where: str) -> StateStore:
    """A store by engine: a file, or `url table`."""
    if engine == "sqlite":
        return SqliteStore(Path(where))
    from wsmon.adapters.dynamo import DynamoStore

    peers.credentials()
    url, table = where.split()
    return DynamoStore(table, region="us-east-1", endpoint_url=url)


def main() -> None:
    """Race until the input ends."""
    commands = Commands(opened(sys.argv[1], sys.argv[2]), SystemClock(), f"p{os.getpid()}")

    def attempt(task: tuple[str, int]) -> str:
        workset_id, number = task
        holder = f"{os.getpid()}-{number}"
        try:
            commands.acquire(workset_id, holder=holder, seconds=60)
        except LockHeld:
            return ""
        return holder

    with ThreadPoolExecutor(THREADS) as pool:
        for line in sys.stdin:
            tasks = [(line.strip(), number) for number in range(THREADS)]
            print(" ".join(filter(None, pool.map(attempt, tasks))), flush=True)


if __name__ == "__main__":
    main()

"""Many clients on one service at once: no error, and the memory of its process stays where it is."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from pathlib import Path

import httpx
import psutil
import pytest

from tests.cli.run import Cli
from tests.cli.test_api import served
from tests.load.measuring import Memory

CLIENTS = int(os.environ.get("WSMON_API_CLIENTS", "5"))
SECONDS = float(os.environ.get("WSMON_API_SECONDS", "0.7"))
SAMPLES = 40


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


async def client(url: str, number: int, until: float, statuses: Counter[str]) -> None:
    """Works on worksets of its own as a script does, and looks at everybody's between."""
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as http:

        async def ask(method: str, path: str, *expected: int, json: object = None) -> None:
            reply = await http.request(method, path, json=json)
            known = reply.status_code in expected
            statuses["as it should be" if known else f"{method} {path} {reply.status_code} {reply.text[:200]}"] += 1

        turn = 0
        while time.monotonic() < until:
            name = f"c{number}-{turn % 20}"
            body = {"workset_id": name, "bucket": "b", "prefix": "p"}
            await ask("POST", "/worksets", 201 if turn < 20 else 409, json=body)
            await ask("POST", f"/worksets/{name}/lock?owner_id=c{number}&seconds=60", 200)
            await ask("PUT", f"/worksets/{name}/state", 200, json={"state": "in_progress", "reason": "r"})
            await ask("PUT", f"/worksets/{name}/state", 200, json={"state": "complete", "reason": "r"})
            await ask("POST", f"/worksets/{name}/requeue", 200, json={"reason": "again"})
            await ask("GET", "/worksets?limit=20&filter=is:waiting", 200)
            await ask("GET", "/queue/stats", 200)
            await ask("GET", "/worksets/next", 200)
            turn += 1


async def crowd(url: str, memory: Memory) -> Counter[str]:
    statuses: Counter[str] = Counter()
    until = time.monotonic() + SECONDS
    clients = [asyncio.create_task(client(url, number, until, statuses)) for number in range(CLIENTS)]
    while time.monotonic() < until:
        memory.take()
        await asyncio.sleep(SECONDS / SAMPLES)
    await asyncio.gather(*clients)
    return statuses


def test_a_crowd_gets_no_error_and_memory_is_flat(cli: Cli) -> None:
    with served(cli, "--create-table") as service:
        (process,) = [one for one in psutil.Process().children() if "api" in one.cmdline()]
        memory = Memory("api", process.pid)
        statuses = asyncio.run(crowd(str(service.base_url), memory))
    done = statuses.pop("as it should be")
    assert not statuses, statuses.most_common(5)
    assert done >= 8 * CLIENTS
    print(
        f"{CLIENTS} clients, {SECONDS:g} s: {done} requests; memory {memory.samples[0]:.0f} to {memory.samples[-1]:.0f} MiB"
    )
    if SECONDS >= 30:  # a start is no level
        assert memory.flat, memory.samples

"""Threads come and go, as a server's workers do."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from wsmon.adapters.sqlite import SqliteStore


def test_threads_that_end_take_their_connection_along(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "wsmon.db")
    store.tallies()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        thread = threading.Thread(target=store.tallies)
        thread.start()
        thread.join()
    assert len(os.listdir("/proc/self/fd")) <= before + 3
    store.close()

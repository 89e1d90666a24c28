"""Connections to the file, one a thread, and what goes wrong with them in wsmon's own words."""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from wsmon.adapters.localdisk import real_path
from wsmon.adapters.sqlite import schema
from wsmon.domain.errors import StoreUnreachable, StoreUnusable

T = TypeVar("T")
PATIENCE_SECONDS = 15.0
CLOSE_SECONDS = 2.0
_PASSING = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PROTOCOL})


class _Guard:
    """Lives as long as its thread does."""


class Connections:
    """Hands each thread its connection; `close` closes them all."""

    def __init__(self, path: Path, *, make: bool = True) -> None:
        self.path, self._make = real_path(path), make
        self._store_id: str | None = None
        """Of the store that was found at the first opening; no other is taken for it later."""
        self._local = threading.local()
        self._all: dict[sqlite3.Connection, threading.Lock] = {}
        """Each connection with the lock its thread holds while it works."""
        self._mutex = threading.Lock()
        self._closed = False

    def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do `work` on this thread's connection, again with full jitter while the file is busy.

        Raises StoreUnreachable after PATIENCE_SECONDS, StoreUnusable for a file that is not ours.
        """
        return self._on_file(work)

    def _on_file(self, work: Callable[[sqlite3.Connection], T]) -> T:
        until, pause = time.monotonic() + PATIENCE_SECONDS, 0.002
        while True:
            try:
                connection = self._mine()
                with self._local.lock:
                    return work(connection)
            except sqlite3.ProgrammingError:
                # `close` came between taking the connection and using it.
                if not self._closed:
                    raise
                raise self._was_closed() from None
            except sqlite3.Error as error:
                self._drop()
                if not _may_pass(error) or time.monotonic() > until:
                    raise self._explained(error) from None
            time.sleep(random.uniform(0, pause))
            pause = min(0.25, pause * 2)

    def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do `work` in one immediate transaction; it is written whole, or not at all where it raises."""

        def whole(connection: sqlite3.Connection) -> T:
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise
            return result

        return self._on_file(whole)

    def _mine(self) -> sqlite3.Connection:
        if self._closed:
            raise self._was_closed()
        connection = getattr(self._local, "connection", None)
        if connection is not None and self._same_file():
            return connection  # type: ignore[no-any-return]
        self._drop()
        connection = self._open()
        self._local.connection, self._local.inode = connection, self._inode()
        self._local.lock = self._all[connection]
        # A server's worker threads come and go; each must take its connection along.
        self._local.guard = _Guard()
        weakref.finalize(self._local.guard, _end, weakref.ref(self), connection).atexit = False
        return connection

    def _inode(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self.path)
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _same_file(self) -> bool:
        """A file that was moved away or replaced must not be written to any more."""
        return bool(self._inode() == self._local.inode)

    def _open(self) -> sqlite3.Connection:
        """This thread's connection to the file, which is made where it is missing, but not a second time."""
        schema.refuse_network_disk(self.path)
        if not self.path.exists():
            if self._store_id is not None:
                raise StoreUnreachable(f"the store {self.path} is gone; bring the file back")
            if not self._make:
                raise StoreUnusable(
                    f"there is no store at {self.path}, and this session is read-only; see `wsmon init`"
                )
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StoreUnreachable(f"the folder of {self.path} cannot be made: {error.strerror}") from None
        connection = sqlite3.connect(self.path, timeout=5.0, isolation_level=None, check_same_thread=False)
        return self._checked(connection)

    def _checked(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        """The connection, once it is known to lead to a store of ours."""
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            # Each thread has a connection, a server forty; another's write empties a cache, so 2 MB each only fill memory.
            connection.execute("PRAGMA cache_size = -512")
            if connection.execute("PRAGMA user_version").fetchone()[0] < schema.VERSION:
                schema.create(connection)
            schema.check(connection)
            self._recognise(schema.known_id(connection))
        except BaseException:
            connection.close()
            raise
        with self._mutex:
            self._all[connection] = threading.Lock()
        return connection

    def _recognise(self, store_id: str | None) -> None:
        """Raises StoreUnreachable where another store stands in the place of the one that was opened first."""
        if store_id is not None and self._store_id not in {None, store_id}:
            raise StoreUnreachable(f"another store stands at {self.path} now; bring the first one back, or start anew")
        self._store_id = store_id or self._store_id

    def _drop(self) -> None:
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            self._local.connection = None
            self.end(connection)

    def end(self, connection: sqlite3.Connection) -> None:
        """Close one connection that nobody uses any more; twice does nothing."""
        with self._mutex:
            known = self._all.pop(connection, None)
        if known is not None:
            connection.close()

    def _was_closed(self) -> StoreUnreachable:
        return StoreUnreachable(f"the store {self.path} was closed")

    def _explained(self, error: sqlite3.Error) -> Exception:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_NOTADB:
            return StoreUnusable(f"{self.path} is not a SQLite database; choose another path")
        if code == sqlite3.SQLITE_CORRUPT:
            return StoreUnusable(f"{self.path} is damaged ({error}); restore a backup")
        return StoreUnreachable(f"the store {self.path} cannot be used: {error}")

    def close(self) -> None:
        """Close every thread's connection; the object cannot be used afterwards."""
        with self._mutex:
            self._closed = True
            connections, self._all = self._all, {}
        for connection, lock in connections.items():
            # Closing under a thread that works on it would end the process; one that hangs keeps its own.
            if lock.acquire(timeout=CLOSE_SECONDS):
                connection.close()
                lock.release()


class MemoryConnections(Connections):
    """One database in memory, gone with the object: one connection, on which all threads take turns."""

    def __init__(self) -> None:
        super().__init__(Path(":memory:"))
        self._one = self._checked(sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False))
        self._turn = self._all[self._one]

    def _mine(self) -> sqlite3.Connection:
        if self._closed:
            raise self._was_closed()
        self._local.lock = self._turn
        return self._one

    def _drop(self) -> None:
        """Kept: another connection would lead to another database."""


class LateConnections(Connections):
    """To a file that looking does not make: while it is missing it reads as empty, and the first change makes it.

    Once it was there it is never taken for empty again.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._seen = False
        self._empty: MemoryConnections | None = None

    def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Look; see Connections."""
        self._seen = self._seen or self.path.exists()
        return self._on_file(work) if self._seen else self._nothing().run(work)

    def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Change, and make what is missing; see Connections."""
        result = super().transact(work)
        self._seen = True
        return result

    def _nothing(self) -> MemoryConnections:
        with self._mutex:
            if self._empty is None:
                schema.refuse_network_disk(self.path)
                self._empty = MemoryConnections()
                self._empty.run(lambda connection: connection.execute("PRAGMA query_only = ON"))
            return self._empty

    def close(self) -> None:
        """Close every thread's connection; the object cannot be used afterwards."""
        super().close()
        if self._empty is not None:
            self._empty.close()


def _end(connections: weakref.ref[Connections], connection: sqlite3.Connection) -> None:
    owner = connections()
    if owner is not None:
        owner.end(connection)


def _may_pass(error: sqlite3.Error) -> bool:
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _PASSING

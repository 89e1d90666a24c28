"""The file: its tables, and the checks that it is one of ours and safe to use from here."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from uuid import uuid4

from wsmon.adapters.localdisk import network_file_system
from wsmon.adapters.machine import machine_id
from wsmon.domain.errors import StoreUnusable
from wsmon.domain.states import WorksetState

VERSION = 3
APPLICATION_ID = 0x77736D6E  # "wsmn"

TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS worksets (
    workset_id TEXT PRIMARY KEY,
    rev INTEGER NOT NULL,
    state TEXT,
    tier INTEGER,
    moment INTEGER,
    row TEXT,
    record TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS queue ON worksets (state, tier, moment, workset_id);
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    workset_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    change_id TEXT NOT NULL,
    undelivered INTEGER,
    event TEXT NOT NULL,
    UNIQUE (workset_id, seq)
);
CREATE INDEX IF NOT EXISTS feed ON events (at);
CREATE INDEX IF NOT EXISTS outbox ON events (number) WHERE undelivered = 1;
CREATE TABLE IF NOT EXISTS leases (
    workset_id TEXT PRIMARY KEY,
    token INTEGER NOT NULL,
    renewal INTEGER NOT NULL,
    lease TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tallies (state TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS claims (
    cluster TEXT NOT NULL,
    workset_id TEXT NOT NULL,
    token INTEGER NOT NULL,
    vcpus INTEGER NOT NULL DEFAULT 0,
    memory_mib INTEGER NOT NULL DEFAULT 0,
    until INTEGER,
    PRIMARY KEY (cluster, workset_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spend (day TEXT PRIMARY KEY, amount INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS facts (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (kind, name)
) WITHOUT ROWID;
"""

# From each version to the next.
UPGRADES = {
    1: (
        "ALTER TABLE claims ADD COLUMN vcpus INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE claims ADD COLUMN memory_mib INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE claims ADD COLUMN until INTEGER",
        "CREATE TABLE spend (day TEXT PRIMARY KEY, amount INTEGER NOT NULL) WITHOUT ROWID",
    ),
    2: (
        (
            "INSERT INTO facts SELECT 'life', name,"
            " json_object('name', name, 'drained', json_extract(document, '$.why')) FROM facts WHERE kind = 'drain'"
        ),
        "DELETE FROM facts WHERE kind = 'drain'",
    ),
}


def refuse_network_disk(path: Path) -> None:
    """SQLite's locks do not hold across a network. Raises StoreUnusable."""
    kind = network_file_system(path)
    if kind:
        raise StoreUnusable(
            f"{path} lies on a network file system ({kind}), where SQLite's locks do not hold;"
            " choose a local path, or a DynamoDB table for several machines"
        )


def create(connection: sqlite3.Connection) -> bool:
    """Make the tables where they are missing, or bring them to this version; True when this call made them."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        fresh = bool(version == 0)
        if fresh:
            _refuse_strangers(connection)
            for statement in TABLES.split(";"):
                connection.execute(statement)
            connection.executemany("INSERT INTO tallies VALUES (?, 0)", [(state.value,) for state in WorksetState])
            connection.execute("INSERT INTO meta VALUES ('machine', ?)", (machine_id(),))
            connection.execute("INSERT INTO meta VALUES ('store', ?)", (uuid4().hex,))
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
        elif version < VERSION:
            _upgrade(connection, version)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return fresh


def known_id(connection: sqlite3.Connection) -> str | None:
    """The store's id; None for a file that was made before there were any."""
    found = connection.execute("SELECT value FROM meta WHERE name = 'store'").fetchone()
    return str(found[0]) if found else None


def store_id(connection: sqlite3.Connection) -> str:
    """The store's id; drawn now for a file that was made before there were any. Called in a transaction."""
    connection.execute("INSERT OR IGNORE INTO meta VALUES ('store', ?)", (uuid4().hex,))
    return str(known_id(connection))


def _upgrade(connection: sqlite3.Connection, version: int) -> None:
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        return  # another program's file; `check` refuses it
    for step in range(version, VERSION):
        for statement in UPGRADES[step]:
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {VERSION}")


def _refuse_strangers(connection: sqlite3.Connection) -> None:
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    if tables:
        names = ", ".join(sorted(name for (name,) in tables)[:5])
        raise StoreUnusable(f"the file is another program's database (tables {names}); choose another path")


def check(connection: sqlite3.Connection) -> None:
    """Raises StoreUnusable unless the file is a store of this version, made on this machine."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION_ID:
        raise StoreUnusable("the file is another program's database; choose another path")
    if version > VERSION:
        raise StoreUnusable(
            f"the store has schema {version}, made by a newer wsmon; this one knows {VERSION}: upgrade it"
        )
    (made_on,) = connection.execute("SELECT value FROM meta WHERE name = 'machine'").fetchone()
    if made_on != machine_id():
        raise StoreUnusable(
            "the store was made on another machine; two machines on one file would lose data."
            " Use it there, or a DynamoDB table for several machines"
        )

"""The table of facts: JSON documents by kind and name."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from wsmon.adapters.codec import dumps


def write_document(connection: sqlite3.Connection, kind: str, name: str, document: object) -> None:
    """Put a document."""
    connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?, ?)", (kind, name, dumps(document)))


def read_document(connection: sqlite3.Connection, kind: str, name: str) -> Any:
    """A document; None where there is none."""
    found = connection.execute("SELECT document FROM facts WHERE kind = ? AND name = ?", (kind, name)).fetchone()
    return json.loads(found[0]) if found else None


def documents(connection: sqlite3.Connection, kind: str) -> list[dict[str, Any]]:
    """All documents of a kind by name."""
    found = connection.execute("SELECT document FROM facts WHERE kind = ? ORDER BY name", (kind,))
    return [json.loads(text) for (text,) in found]

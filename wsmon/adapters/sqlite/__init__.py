"""The embedded store."""

from wsmon.adapters.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]

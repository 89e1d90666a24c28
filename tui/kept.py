"""What a person has set on the screen, kept for the next time: theme, columns, order, filters, each by store."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

MAX_BYTES = 1_000_000
STORES, FILTERS, LAST = "stores", "filters", "last"


def state_file(environ: dict[str, str] | None = None) -> Path:
    """Under the XDG state folder; a relative one there counts as not set, as its specification says."""
    chosen = (environ if environ is not None else os.environ).get("XDG_STATE_HOME", "")
    folder = Path(chosen) if os.path.isabs(chosen) else Path.home() / ".local" / "state"
    return folder / "wsmon" / "screen.json"


class Kept:
    """A small JSON file. What cannot be read is as if it were not there; what cannot be written is told.

    Without a path nothing is kept beyond the process.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._store = ""
        self._document = self._read()
        self.problem = ""

    def _read(self) -> dict[str, Any]:
        if self._path is None or not self._path.is_file():
            return {}
        import json  # where nothing is kept the first frame need not wait for it

        with contextlib.suppress(OSError, ValueError, RecursionError):
            with self._path.open("rb") as file:
                document = json.loads(file.read(MAX_BYTES))
            if isinstance(document, dict):
                return document
        return {}

    def _part(self, *names: str) -> dict[str, Any]:
        """A table within the document, made where it is not there; whatever else stands there gives way."""
        part = self._document
        for name in names:
            below = part.get(name)
            if not isinstance(below, dict):
                below = part[name] = {}
            part = below
        return part

    def open_store(self, url: str) -> None:
        """From now on it is about this store."""
        self._store = url

    def text(self, name: str) -> str:
        """Something of this store; before one is open, what was set last on any."""
        part = self._part(STORES, self._store) if self._store else self._part(LAST)
        found = part.get(name)
        return found if isinstance(found, str) else ""

    def keep_text(self, name: str, value: str) -> None:
        """Keep it for this store."""
        self._part(LAST)[name] = value
        self._part(STORES, self._store)[name] = value
        self._write()

    def table(self, name: str) -> tuple[list[str] | None, str | None, bool]:
        """A table's columns (None: as usual), the one it is sorted by, and whether downwards."""
        found = self._part(STORES, self._store, "tables").get(name)
        if not isinstance(found, dict):
            return None, None, False
        columns, order = found.get("columns"), found.get("sort")
        known = [one for one in columns if isinstance(one, str)] if isinstance(columns, list) else None
        return known or None, order if isinstance(order, str) else None, found.get("down") is True

    def keep_table(self, name: str, columns: list[str] | None, sort: str | None, *, down: bool) -> None:
        """Keep how a table is shown."""
        tables = self._part(STORES, self._store, "tables")
        new = {"columns": columns, "sort": sort, "down": down}
        if tables.get(name, {"columns": None, "sort": None, "down": False}) != new:
            tables[name] = new
            self._write()

    def filters(self) -> dict[str, str]:
        """Saved filters by name, of all stores."""
        return {name: text for name, text in self._part(FILTERS).items() if isinstance(text, str)}

    def keep_filter(self, name: str, text: str) -> None:
        """Save a filter under a name; an empty text forgets it."""
        if text:
            self._part(FILTERS)[name] = text
        else:
            self._part(FILTERS).pop(name, None)
        self._write()

    def _write(self) -> None:
        """As a whole or not at all: another screen may write at the same time."""
        if self._path is None:
            return
        import json

        temporary = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            temporary.write_text(json.dumps(self._document, ensure_ascii=False, indent=1), encoding="utf-8")
            temporary.replace(self._path)
            self.problem = ""
        except (OSError, UnicodeError) as error:
            self.problem = f"what you set cannot be kept in {self._path}: {getattr(error, 'strerror', None) or error}"

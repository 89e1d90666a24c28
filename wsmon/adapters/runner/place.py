"""A place: the folder under which this machine's runs lie, and the highest token seen for each workset."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from wsmon.adapters.localdisk import network_file_system, real_path
from wsmon.adapters.machine import boot_id, machine_id
from wsmon.adapters.runner.supervise import highest_token, write_whole
from wsmon.domain.errors import Refused
from wsmon.ports import Place

LOCK_WAIT_SECONDS = 5.0
ROOM_BYTES, ROOM_FILES = 64 * 1024, 16
"""What a run needs of a disk before it has written anything itself, with some to spare."""


def folder_key(workset_id: str, store_id: str = "") -> str:
    """A file name for a store's workset: readable, safe, and different for different ones."""
    slug = re.sub(r"[^A-Za-z0-9._-]+", "_", workset_id)[:40].strip(".") or "_"
    named = f"{store_id}\0{workset_id}" if store_id else workset_id
    return f"{slug}-{hashlib.sha256(named.encode()).hexdigest()[:16]}"


class PlaceFolder:
    """The files of a place. Raises Refused when the folder cannot be used.

    The place is made by the first `place` of a process and by nothing later: a root that goes
    away under living runs (an unmounted disk, a deleted folder) is no place that knows of none.
    Stores may share a root; what is kept of their worksets is kept apart by the stores' ids.
    """

    def __init__(self, root: Path, store_id: Callable[[], str] = lambda: "") -> None:
        self.root = real_path(root)
        self.lock_file = self.root / "place.lock"
        self._ask_store = store_id
        self._store_id: str | None = None
        self._place: Place | None = None

    @property
    def store_id(self) -> str:
        """The store whose runs are meant. Raises the store's errors at the first call."""
        if self._store_id is None:
            self._store_id = self._ask_store()
        return self._store_id

    def place(self) -> Place:
        """This place as it stands now; its id is made once and kept in the root."""
        if self._place is None:
            self._place = self._enter()
        else:
            self._verify(self._place)
        return self._place

    def _enter(self) -> Place:
        kind = network_file_system(self.root)
        if kind:
            raise Refused(
                f"the run root {self.root} lies on a network file system ({kind}), where locks tell nothing of other"
                " machines; set [monitor] run_root to a local disk"
            )
        assert self.store_id is not None
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise self._unusable(error) from None
        with self._taken():
            document = self._document() or self._make()
        self._refuse_copy(document)
        return Place(document["place_id"], socket.gethostname(), boot_id())

    def _make(self) -> dict[str, Any]:
        document = {"place_id": uuid.uuid4().hex, "machine": machine_id(), "host": socket.gethostname()}
        try:
            write_whole(str(self.root / "place.json"), document)
        except OSError as error:
            raise self._unusable(error) from None
        return document

    def _document(self) -> dict[str, Any] | None:
        """place.json; None where there is none."""
        path = self.root / "place.json"
        try:
            document = dict(json.loads(path.read_text(encoding="utf-8")))
            document["place_id"] = str(document["place_id"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Refused(f"{path} cannot be read ({error}); restore it, or choose another run root") from None
        return document

    def _verify(self, place: Place) -> None:
        """Raises Refused unless the root is still the place that was entered."""
        document = self._document()
        if document is None:
            raise Refused(f"the run root {self.root} is gone; bring it back (is its disk mounted?)")
        if document["place_id"] != place.place_id:
            raise Refused(f"the run root {self.root} is another place now; bring the first one back, or start anew")
        self._refuse_copy(document)

    def _refuse_copy(self, document: dict[str, Any]) -> None:
        """A copied disk names runs that live elsewhere: nothing can be told of them from here."""
        if document.get("machine", machine_id()) != machine_id():
            raise Refused(
                f"the run root {self.root} was made on another machine ({document.get('host', 'unknown')}), whose runs"
                " cannot be seen from here; choose another run root, or remove its place.json to begin anew"
            )

    def _unusable(self, error: OSError) -> Refused:
        return Refused(f"the run root {self.root} cannot be used: {error.strerror}; choose another")

    def room(self) -> None:
        """Raises Refused while the disk has no room for another run."""
        try:
            disk = os.statvfs(self.root)
        except OSError as error:
            raise self._unusable(error) from None
        if disk.f_bavail * disk.f_frsize < ROOM_BYTES or (disk.f_files and disk.f_favail < ROOM_FILES):
            raise Refused(f"the disk of the run root {self.root} is full; make room")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """The place's one lock. Raises Refused when it stays taken (its owner may be stopped)."""
        place = self.place()
        with self._taken():
            self._verify(place)
            yield

    @contextlib.contextmanager
    def _taken(self) -> Iterator[None]:
        until = time.monotonic() + LOCK_WAIT_SECONDS
        while True:
            try:
                file = self.lock_file.open("a")
            except OSError as error:
                raise self._unusable(error) from None
            with file:
                self._wait_for(file.fileno(), until)
                if not _same(file.fileno(), self.lock_file):
                    continue  # it was removed meanwhile: others take turns at a newer one
                yield
                return

    def _wait_for(self, descriptor: int, until: float) -> None:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    raise Refused(f"{self.lock_file} is held by another process; trying again later") from None
                time.sleep(0.001)
            else:
                return

    def token_file(self, workset_id: str) -> Path:
        """Where the highest token seen for a workset stands."""
        return self.root / "tokens" / folder_key(workset_id, self.store_id)

    def runs_of(self, workset_id: str) -> Path:
        """Where the folders of a workset's runs lie, named by run token."""
        return self.root / "runs" / folder_key(workset_id, self.store_id)

    def highest(self, workset_id: str) -> int:
        """The highest token seen; call it under the lock."""
        try:
            return highest_token(str(self.token_file(workset_id)))
        except (OSError, ValueError) as error:
            raise Refused(f"{self.token_file(workset_id)} cannot be read: {error}") from None

    def keep(self, workset_id: str, token: int) -> None:
        """Keep a token as the highest; call it under the lock."""
        path = self.token_file(workset_id)
        try:
            path.parent.mkdir(exist_ok=True)
            temporary = path.with_name(path.name + ".new")
            with temporary.open("w") as file:
                file.write(str(token))
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError as error:
            raise Refused(f"{path} cannot be written: {error.strerror}") from None


def _same(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False

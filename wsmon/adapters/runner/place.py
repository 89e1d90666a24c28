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
from collections.abc import Iterator
from pathlib import Path

import psutil

from wsmon.adapters.runner.supervise import highest_token, write_whole
from wsmon.domain.errors import Refused
from wsmon.ports import Place

LOCK_WAIT_SECONDS = 5.0
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """Names the machine's present boot."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return f"boot-{int(psutil.boot_time())}"


def folder_key(workset_id: str) -> str:
    """A file name for a workset id: readable, safe, and different for different ids."""
    slug = re.sub(r"[^A-Za-z0-9._-]+", "_", workset_id)[:40].strip(".") or "_"
    return f"{slug}-{hashlib.sha256(workset_id.encode()).hexdigest()[:16]}"


class PlaceFolder:
    """The files of a place. Raises Refused when the folder cannot be used."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lock_file = root / "place.lock"
        self._place: Place | None = None

    def place(self) -> Place:
        """This place; its id is made once and kept in the root."""
        if self._place is None:
            with self.locked():
                self._place = Place(self._identity(), socket.gethostname(), boot_id())
        return self._place

    def _identity(self) -> str:
        path = self.root / "place.json"
        try:
            return str(json.loads(path.read_text())["place_id"])
        except FileNotFoundError:
            identity = uuid.uuid4().hex
            write_whole(str(path), {"place_id": identity})
            return identity
        except (OSError, ValueError, KeyError) as error:
            raise Refused(f"{path} cannot be read ({error}); restore it, or choose another run root") from None

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """The place's one lock. Raises Refused when it stays taken (its owner may be stopped)."""
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = self.lock_file.open("a")
        except OSError as error:
            raise Refused(f"the run root {self.root} cannot be used: {error.strerror}; choose another") from None
        with file:
            until = time.monotonic() + LOCK_WAIT_SECONDS
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > until:
                        raise Refused(f"{self.lock_file} is held by another process; trying again later") from None
                    time.sleep(0.005)
            yield

    def token_file(self, workset_id: str) -> Path:
        """Where the highest token seen for a workset stands."""
        return self.root / "tokens" / folder_key(workset_id)

    def run_folder(self, workset_id: str, run_token: int) -> Path:
        """Where the files of one run lie."""
        return self.root / "runs" / folder_key(workset_id) / str(run_token)

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

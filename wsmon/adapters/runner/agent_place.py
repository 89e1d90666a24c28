"""The far end's place: the files under a run root, and who may work on them. It lies beside agent.py there."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
import uuid
from typing import Any

import supervise  # type: ignore[import-not-found]

LOCK_WAIT_SECONDS = 5.0


class Refusal(Exception):
    """Understood, and the answer is no."""


def boot_id() -> str:
    """Names the machine's present boot."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return "boot-unknown"


def machine_id() -> str:
    """Names this machine; the host name where the system keeps no id."""
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        try:
            with open(path, encoding="ascii") as file:
                text = file.read().strip()
        except OSError:
            continue
        if text:
            return text
    return socket.gethostname()


class Place:
    """The files under a run root. It is made where `make` says so: what goes away later is no place without runs."""

    def __init__(self, root: str, make: bool = False) -> None:
        self.root = os.path.realpath(os.path.expanduser(root))
        self.lock_file = os.path.join(self.root, "place.lock")
        self.make = make
        if make:
            os.makedirs(self.root, mode=0o700, exist_ok=True)

    def __enter__(self) -> Place:
        try:
            self.file = open(self.lock_file, "a", encoding="ascii")
        except FileNotFoundError:
            raise Refusal("the run root " + self.root + " is gone; bring it back (is its disk mounted?)") from None
        until = time.monotonic() + LOCK_WAIT_SECONDS
        while True:
            try:
                fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if time.monotonic() > until:
                    self.file.close()
                    raise Refusal(self.lock_file + " is held by another process; trying again later") from None
                time.sleep(0.01)
            else:
                return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def identity(self) -> str:
        """The place's id; under the lock where it may have to be made."""
        path = os.path.join(self.root, "place.json")
        if self.make and not os.path.exists(path):
            supervise.write_whole(
                path, {"place_id": uuid.uuid4().hex, "machine": machine_id(), "host": socket.gethostname()}
            )
        try:
            document = read(path)
        except FileNotFoundError:
            raise Refusal("the run root " + self.root + " is gone; bring it back (is its disk mounted?)") from None
        if document.get("machine", machine_id()) != machine_id():
            raise Refusal(
                "the run root " + self.root + " was made on another machine; remove its place.json to begin anew"
            )
        return str(document["place_id"])

    def expect(self, place_id: str) -> None:
        """Refuse to work on any place but this one; under the lock."""
        if self.identity() != place_id:
            raise Refusal("the run root " + self.root + " is another place now")

    def token_file(self, key: str) -> str:
        """Where the highest token seen for a workset stands."""
        return os.path.join(self.root, "tokens", key)

    def raise_to(self, key: str, token: int) -> None:
        """Keep the higher of the known token and this one; under the lock."""
        path = self.token_file(key)
        if token > supervise.highest_token(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            supervise.write_whole(path, token)


def read(path: str) -> Any:
    """A JSON file's content."""
    with open(path, encoding="utf-8") as file:
        return json.load(file)

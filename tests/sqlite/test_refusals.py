"""Files that cannot be a store are refused with a sentence that says what would do."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

import pytest

from wsmon.adapters.localdisk import network_file_system
from wsmon.adapters.sqlite import SqliteStore, connection, schema
from wsmon.domain.errors import StoreUnreachable, StoreUnusable
from wsmon.domain.pool import ClusterRecord

MOUNTS = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:40 / /data rw - nfs4 server:/export rw
31 30 254:1 / /data/local rw - xfs /dev/vdb rw
33 22 0:43 / /mnt/Übung\u00a0ß rw - nfs4 server:/export rw
34 22 0:44 / /mnt/back\\134040slash rw - wekafs w rw
32 22 0:41 / /mnt/with\\040space rw - fuse.sshfs host: rw
33 22 0:42 / /tmp rw - tmpfs tmpfs rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/data/x/wsmon.db", "nfs4"),
        ("/data/local/wsmon.db", None),
        ("/mnt/with space/w.db", "fuse.sshfs"),
        ("/mnt/Übung\u00a0ß/w.db", "nfs4"),
        ("/mnt/back\\040slash/w.db", "wekafs"),
        ("/tmp/w.db", None),
        ("/elsewhere/w.db", None),
        ("/database/w.db", None),
    ],
)
def test_network_file_systems_are_known(path: str, kind: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "exists", lambda self: True)
    monkeypatch.setattr(Path, "resolve", lambda self, strict=False: self)
    assert network_file_system(Path(path), MOUNTS) == kind


def test_a_network_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "network_file_system", lambda path: "nfs4")
    with pytest.raises(StoreUnusable, match=r"nfs4.*local path"):
        SqliteStore(tmp_path / "w.db").check()


def test_another_machines_store_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SqliteStore(tmp_path / "w.db")
    store.init()
    store.close()
    monkeypatch.setattr(schema, "machine_id", lambda: "another")
    with pytest.raises(StoreUnusable, match="another machine"):
        SqliteStore(tmp_path / "w.db").check()


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "w.db")
    store.init()
    store.close()
    raw = sqlite3.connect(tmp_path / "w.db")
    raw.execute("PRAGMA user_version = 99")
    raw.close()
    with pytest.raises(StoreUnusable, match="newer wsmon"):
        SqliteStore(tmp_path / "w.db").check()


def test_other_files_are_refused_and_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("shopping list\n" * 100)
    with pytest.raises(StoreUnusable, match="not a SQLite database"):
        SqliteStore(text).check()
    assert text.read_text() == "shopping list\n" * 100
    other = tmp_path / "other.db"
    raw = sqlite3.connect(other)
    raw.execute("CREATE TABLE recipes (name TEXT)")
    raw.close()
    with pytest.raises(StoreUnusable, match="recipes"):
        SqliteStore(other).check()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnreachable, match="folder"):
        SqliteStore(tmp_path / "file" / "w.db").check()


def test_a_file_that_vanished_is_an_outage_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "w.db"
    store = SqliteStore(path)
    store.init()
    hidden = {file: file.with_name("away-" + file.name) for file in tmp_path.glob("w.db*")}
    for file, away in hidden.items():
        file.rename(away)
    with pytest.raises(StoreUnreachable, match="gone"):
        store.tallies()
    for file, away in hidden.items():
        away.rename(file)
    assert store.tallies()
    store.close()


def test_another_store_in_its_place_is_not_taken_for_it(tmp_path: Path) -> None:
    """The file was removed, and another process has made a new one there meanwhile: worksets would seem gone."""
    path = tmp_path / "w.db"
    store = SqliteStore(path)
    store.init()
    for file in tmp_path.glob("w.db*"):
        file.rename(file.with_name("away-" + file.name))
    stranger = SqliteStore(path)
    stranger.init()
    found: list[Exception] = []

    def elsewhere() -> None:
        try:
            store.tallies()
        except StoreUnreachable as error:
            found.append(error)

    thread = threading.Thread(target=elsewhere)  # one that has no connection yet
    thread.start()
    thread.join()
    with pytest.raises(StoreUnreachable, match="another store"):
        store.tallies()
    assert "another store" in str(found[0])
    stranger.close()
    store.close()


def test_a_busy_file_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "PATIENCE_SECONDS", 0.0)
    store = SqliteStore(tmp_path / "w.db")
    store.init()
    raw = sqlite3.connect(tmp_path / "w.db", isolation_level=None, check_same_thread=False)
    raw.execute("BEGIN IMMEDIATE")
    done: list[float] = []

    def release() -> None:
        time.sleep(0.3)
        raw.execute("COMMIT")
        done.append(time.monotonic())

    thread = threading.Thread(target=release)
    thread.start()
    store.clear_alert("nothing")
    assert done
    thread.join()
    raw.close()
    store.close()


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "w.db")
    store.init()
    store.close()
    with pytest.raises(StoreUnreachable, match="closed"):
        store.tallies()


def test_a_drain_of_the_schema_before_stays_one(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "w.db")
    store.put_cluster(ClusterRecord("c1", 3, 1))
    store.close()
    raw = sqlite3.connect(tmp_path / "w.db")
    raw.execute('INSERT INTO facts VALUES (\'drain\', \'c1\', \'{"name":"c1","why":"ann: new image"}\')')
    raw.execute("PRAGMA user_version = 2")
    raw.commit()
    raw.close()
    store = SqliteStore(tmp_path / "w.db")
    assert [cluster.drained for cluster in store.clusters()] == ["ann: new image"]
    assert store.life("c1").rev == 0
    store.close()

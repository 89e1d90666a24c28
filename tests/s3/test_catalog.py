"""Workset folders in a bucket: what is registered, how, and how little is asked of S3 for it."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.folder.test_folder import REAL
from tests.s3.conftest import PREFIX, Shelf
from wsmon.adapters.clock import SystemClock
from wsmon.adapters.folder import FolderCatalog
from wsmon.adapters.s3 import PAGE, Bucket, S3Catalog
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.errors import OutsideError
from wsmon.domain.states import ErrorCategory, WorksetState
from wsmon.services.commands import Commands
from wsmon.services.importing import take_over

S = WorksetState
WORDS = ["ready", "lock", "in_progress", "complete", "error", "ignore"]
FOLDERS = int(os.environ.get("WSMON_S3_FOLDERS", "14"))


def commands(folder: Path) -> Commands:
    return Commands(SqliteStore(folder / "w.db"), SystemClock(), "importer")


def test_a_folder_becomes_what_the_same_folder_on_disk_becomes(shelf: Shelf, tmp_path: Path) -> None:
    shelf.put_all(shelf.folder("ws", **{"daylily_work.yaml": "dy-r: [a, b]\npriority: low\nestimated_cost_usd: 12.5\n"
                                        "cluster_name: c7\nrequirements: {vcpus: 96, zone: us-west-2d}\n"}))  # fmt: skip
    (entry,) = shelf.catalog().scan()
    assert entry.problem is None
    spec = entry.spec
    assert spec is not None
    assert (spec.workset_id, spec.bucket, spec.prefix) == ("ws", shelf.name, f"{PREFIX}/ws/")
    assert (spec.priority, spec.affinity) == ("low", "c7")
    assert spec.requirements == {"vcpus": 96, "zone": "us-west-2d"}
    assert spec.metadata["estimated_cost_usd"] == 12.5
    assert spec.metadata["run_args"] == "a b"
    for path, text in shelf.folder("ws").items():
        on_disk = tmp_path / path.removeprefix(f"{PREFIX}/")
        on_disk.parent.mkdir(parents=True, exist_ok=True)
        on_disk.write_text(text)
    shelf.add("ws")
    (remote,), (local,) = shelf.catalog().scan(), FolderCatalog(tmp_path).scan()
    assert remote.spec is not None
    assert local.spec is not None
    assert {**remote.spec.metadata, "folder": local.spec.metadata["folder"]} == local.spec.metadata
    assert (remote.since, remote.state) == (local.since, local.state)


@pytest.mark.skipif(not REAL.exists(), reason="the real worksets stand beside the project only")
def test_real_worksets_come_through_unchanged(shelf: Shelf) -> None:
    for folder in sorted(path for path in REAL.iterdir() if path.is_dir()):
        shelf.upload(folder)
    found = {entry.spec.workset_id: entry for entry in shelf.catalog().scan() if entry.spec}
    for entry in FolderCatalog(REAL).scan():
        assert entry.spec is not None
        remote = found[entry.spec.workset_id]
        assert remote.problem is None, "the data stands in for what was left out on disk"
        assert remote.spec is not None
        for name in ("run_args", "clone_args", "export_uri", "notes", "samples", "daylily_info"):
            assert remote.spec.metadata[name] == entry.spec.metadata[name]
    text = found["test_snv"].spec.metadata["run_args"]  # type: ignore[union-attr]
    assert text.startswith("produce_snv_concordances")
    assert 'aligners=["sent","bwa2a","strobe"]' in text


@pytest.mark.parametrize("held", range(len(WORDS)))
def test_sentinels_accumulate_and_the_strongest_holds(shelf: Shelf, held: int) -> None:
    order = ["ignore", "error", "complete", "in_progress", "lock", "ready"]
    shelf.add("ws", *order[held:])
    (entry,) = shelf.catalog().scan()
    expected = [S.IGNORED, S.ERROR, S.COMPLETE, S.IN_PROGRESS, S.LOCKED, S.READY]
    assert entry.state is expected[held]
    assert (entry.problem == "no such reference") == (order[held] == "error")


def test_only_direct_sentinels_count_and_only_direct_subfolders_are_worksets(shelf: Shelf) -> None:
    shelf.put_all(shelf.folder("ws"))
    shelf.put(f"{PREFIX}/ws/results/daylily.complete", "x")
    shelf.put(f"{PREFIX}/daylily.ready", "x")
    shelf.put(f"{PREFIX}/plain/readme.txt", "x")
    shelf.put(f"{PREFIX}x/other/daylily.ready", "x")
    shelf.put(f"{PREFIX}/empty/", "")
    assert [(e.source.rpartition("/ws")[1], e.state) for e in shelf.catalog().scan()] == [("/ws", S.READY)]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"daylily_work.yaml": None}, "daylily_work.yaml is missing"),
        ({"daylily_work.yaml": "a: [1"}, "not readable YAML"),
        ({"daylily_work.yaml": "dy-r: x\nrequirements: {vcpus: many}"}, "vcpus must be a number"),
        ({"stage_samples.tsv": None}, "stage_samples.tsv is missing"),
        ({"sample_data/.hold": None}, "sample_data/ is missing or empty"),
    ],
)
def test_a_ready_folder_that_is_not_whole_is_an_error_with_the_reason(
    shelf: Shelf, tmp_path: Path, changes: dict[str, str | None], said: str
) -> None:
    shelf.put_all(shelf.folder("ws", **changes))
    made = commands(tmp_path)
    (done,) = take_over(shelf.catalog(), made)
    assert done.outcome == "error"
    found = made.get("ws")
    assert found.failure is not None
    assert found.failure.category is ErrorCategory.CONFIGURATION
    assert said in found.failure.details
    assert found.rev == 1, "never ready in between"


def test_a_whole_bucket_is_taken_over_right_and_twice_changes_nothing(shelf: Shelf, tmp_path: Path) -> None:
    """2,000 folders where it is asked for (WSMON_S3_FOLDERS=2000); every sentinel state in turn."""
    files: dict[str, str] = {}
    for n in range(FOLDERS):
        files |= shelf.folder(f"ws{n:05}", *dict.fromkeys(["ready", WORDS[n % 6]]))
    shelf.put_all(files)
    made = commands(tmp_path)
    dry = Counter(item.outcome for item in take_over(shelf.catalog(), made, dry_run=True))
    assert sum(made.store.tallies().values()) == 0
    first = Counter(item.outcome for item in take_over(shelf.catalog(), made))
    there = Counter(WORDS[n % 6] for n in range(FOLDERS))
    held, taken = there["lock"] + there["in_progress"], FOLDERS - there["lock"] - there["in_progress"]
    names = {"ready": "ready", "complete": "complete", "error": "error", "ignore": "ignored"}
    assert first == dry == {"held": held} | {outcome: there[word] for word, outcome in names.items()}
    counts = {state.value: n for state, n in made.store.tallies().items() if n}
    assert counts == {outcome: there[word] for word, outcome in names.items()}
    before = made.store.feed_start()
    again = Counter(item.outcome for item in take_over(shelf.catalog(), made))
    assert again == {"existing": taken, "held": held}
    assert made.store.feed_start() == before
    # Idle: everything known, nothing held is of interest.
    bucket = Bucket(region="us-east-1", endpoint_url=shelf.endpoint)
    idle = S3Catalog(bucket, shelf.name, PREFIX)
    assert len(list(idle.scan(lambda _: True, {S.READY}))) == there["ready"]
    assert bucket.requests == -(-len(files) // PAGE), "one request per 1,000 objects, none per workset"


def test_a_subfolder_of_thousands_of_objects_is_jumped_over(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wsmon.adapters.s3.PAGE", 10)
    real = shelf.bucket.client.get_paginator("list_objects_v2").paginate

    class Small:
        """A listing of ten a page."""

        def paginate(self, **parameters: str) -> object:
            return real(**parameters, PaginationConfig={"PageSize": 10})

    shelf.put_all({f"{PREFIX}/a/results/{n:04}": "" for n in range(300)} | shelf.folder("a") | shelf.folder("b"))
    monkeypatch.setattr(shelf.bucket.client, "get_paginator", lambda _: Small())
    shelf.bucket.requests = 0
    folders = list(shelf.catalog().folders())
    assert [files.name for files in folders] == ["a", "b"]
    assert all("stage_samples.tsv" in files.children for files in folders), "what follows the jump is seen"
    assert shelf.bucket.requests < 10
    assert shelf.inspector().inspect(shelf.name, f"{PREFIX}/a/").problems == ()


def test_an_address_is_no_buckets_name(shelf: Shelf) -> None:
    with pytest.raises(OutsideError, match="without s3://"):
        list(S3Catalog(shelf.bucket, f"s3://{shelf.name}", "").scan())


def test_what_s3_refuses_is_said_with_what_to_do(shelf: Shelf) -> None:
    with pytest.raises(OutsideError, match="no such bucket"):
        list(S3Catalog(shelf.bucket, "not-there-at-all", "").scan())
    with pytest.raises(OutsideError, match="check network"):
        list(S3Catalog(Bucket(region="us-east-1", endpoint_url="http://127.0.0.1:9"), "b", "").scan())

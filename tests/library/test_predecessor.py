"""What callers of the predecessor do, with the import replaced, and what was a defect there."""

from __future__ import annotations

import contextlib
import io
import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.library.conftest import Opens
from wsmon.domain.errors import IllegalTransition, InvalidInput, LockLost, NotFound
from wsmon.workset_state_db import ErrorCategory, WorksetPriority, WorksetState, WorksetStateDB

S = WorksetState


def started(db: WorksetStateDB, workset_id: str = "ws-001", owner: str = "monitor-1") -> None:
    assert db.register_workset(workset_id, "my-bucket", f"worksets/{workset_id}/")
    assert db.acquire_lock(workset_id, owner)
    db.update_state(workset_id, S.IN_PROGRESS, "Pipeline started", cluster_name="cluster-1")


def test_the_common_sequence(db: WorksetStateDB) -> None:
    db.register_workset(
        workset_id="ws-001",
        bucket="my-bucket",
        prefix="worksets/ws-001/",
        priority=WorksetPriority.URGENT,
        metadata={"samples": 10, "estimated_cost": 50.0},
    )
    if db.acquire_lock("ws-001", owner_id="monitor-1"):
        db.update_state(
            workset_id="ws-001",
            new_state=WorksetState.IN_PROGRESS,
            reason="Pipeline started",
            cluster_name="cluster-1",
        )
        working = db.get_workset("ws-001")
        assert working is not None
        assert (working["state"], working.lock_owner, working.get("cluster_name")) == (
            "in_progress",
            "monitor-1",
            "cluster-1",
        )
        db.update_state("ws-001", WorksetState.COMPLETE, "Pipeline finished", metrics={"cost_usd": 12.5})
        assert db.release_lock("ws-001", owner_id="monitor-1")
    done = db.get_workset("ws-001")
    assert done is not None
    assert done.state is S.COMPLETE, "a finished workset stays finished"
    assert done["metrics"] == {"cost_usd": 12.5}
    assert done["metadata"] == {"samples": 10, "estimated_cost": 50.0}
    assert done["lock_owner"] is None
    told = done["state_history"]
    assert [one["state"] for one in told] == ["ready", "locked", "in_progress", "complete"]
    assert told[2]["reason"] == "Pipeline started"
    assert [one["actor"] for one in told[1:]] == ["monitor-1"] * 3
    assert json.loads(json.dumps(done))["state"] == "complete"
    with pytest.raises(AttributeError, match="no 'colour'"):
        _ = done.colour
    with pytest.raises(KeyError):
        _ = done["colour"]


def test_a_race_has_one_winner(db: WorksetStateDB, opens: Opens) -> None:
    db.register_workset("w", "b", "p")
    racers = [opens() for _ in range(8)]
    won: list[int] = []
    start = threading.Barrier(len(racers))

    def race(number: int) -> None:
        start.wait()
        if racers[number].acquire_lock("w", f"racer-{number}"):
            won.append(number)

    threads = [threading.Thread(target=race, args=(number,)) for number in range(len(racers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    found = db.get_workset("w")
    assert found is not None
    assert found.lock_owner == f"racer-{won[0]}"


def test_a_dead_lock_is_taken_and_its_holder_fenced_out(opens: Opens) -> None:
    mine, yours = opens(lock_timeout_seconds=0.4), opens(lock_timeout_seconds=60)
    mine.create_table_if_not_exists()
    mine.register_workset("w", "b", "p")
    assert mine.acquire_lock("w", "me")
    refused = yours.acquire_lock("w", "you")
    assert not refused
    assert refused == False  # noqa: E712
    assert "locked by 'me'" in refused.reason
    assert mine.refresh_lock("w", "me")
    assert not yours.acquire_lock("w", "you")
    time.sleep(0.5)
    assert yours.acquire_lock("w", "you")
    with pytest.raises(LockLost, match="stolen"):
        mine.update_state("w", S.IN_PROGRESS, "too late")
    with pytest.raises(LockLost):
        mine.record_failure("w", "too late")
    assert not mine.release_lock("w", "me")
    assert not mine.refresh_lock("w", "me")
    assert yours.update_state("w", S.IN_PROGRESS, "go")


def test_force_takes_a_lock_before_a_start_and_never_after(db: WorksetStateDB, opens: Opens) -> None:
    other = opens()
    db.register_workset("w", "b", "p")
    db.acquire_lock("w", "me")
    assert not other.acquire_lock("w", "you")
    assert other.acquire_lock("w", "you", force=True)
    with pytest.raises(LockLost):
        db.update_state("w", S.IN_PROGRESS, "robbed")
    other.update_state("w", S.IN_PROGRESS, "go")
    assert not db.acquire_lock("w", "me", force=True)
    found = db.get_workset("w")
    assert found is not None
    assert (found.state, found.lock_owner) == ("in_progress", "you")


def test_what_cannot_be_is_refused_and_changes_nothing(db: WorksetStateDB) -> None:
    assert db.register_workset("w", "b", "p")
    assert not db.register_workset("w", "other", "p")
    with pytest.raises(IllegalTransition, match="allowed from here"):
        db.update_state("w", S.COMPLETE, "no")
    with pytest.raises(NotFound):
        db.update_state("none", S.COMPLETE, "no")
    for refused in (
        db.acquire_lock("none", "me"),
        db.release_lock("none", "me"),
        db.release_lock("w", "me"),
        db.archive_workset("w"),
        db.restore_workset("w"),
        db.delete_workset("none"),
        db.reset_for_retry("w"),
        db.set_cluster_affinity("none", "c"),
    ):
        assert not refused
    found = db.get_workset("w")
    assert found is not None
    assert (found.bucket, found.rev) == ("b", 1)
    assert db.get_workset("none") is None


def test_failures_are_retried_until_attempts_are_spent(db: WorksetStateDB) -> None:
    started(db)
    for _ in range(2):
        assert db.record_failure("ws-001", "timeout", ErrorCategory.TRANSIENT, failed_step="align") is True
        found = db.get_workset("ws-001")
        assert found is not None
        assert (found.state, found.error_details, found.failed_step) == ("retrying", "timeout", "align")
        assert db.reset_for_retry("ws-001")
        assert db.acquire_lock("ws-001", "monitor-1")
        db.update_state("ws-001", "in_progress", "again")
    assert db.record_failure("ws-001", "timeout") is False
    found = db.get_workset("ws-001")
    assert found is not None
    assert (found.state, found.retry_count) == ("failed", 3)
    started(db, "ws-002")
    assert db.record_failure("ws-002", "bad sheet", "data") is False
    assert db.list_worksets_by_state("error")[0].error_category == "data"


def test_retries_are_listed_once_they_are_due(db: WorksetStateDB) -> None:
    started(db)
    db.engine.commands.policy = type(db.engine.commands.policy)(base=0.3)
    db.record_failure("ws-001", "timeout")
    assert db.get_retryable_worksets() == []
    time.sleep(0.4)
    assert [one.workset_id for one in db.get_retryable_worksets()] == ["ws-001"]


def test_lists_page_and_depth_is_exact(db: WorksetStateDB) -> None:
    for number in range(230):
        db.register_workset(f"n{number:03}", "b", "p")
    db.register_workset("low", "b", "p", WorksetPriority.LOW, {"a": 1})
    db.register_workset("now", "b", "p", WorksetPriority.URGENT)
    assert db.get_queue_depth() == {state.value: 232 if state is S.READY else 0 for state in S}
    assert [one.workset_id for one in db.get_ready_worksets_prioritized(3)] == ["now", "n000", "n001"]
    assert len(db.list_worksets_by_state(S.READY)) == 100
    everything = db.list_worksets_by_state(S.READY, limit=None)
    assert isinstance(everything, Iterator)
    ids = [one.workset_id for one in everything]
    assert ids == ["now", *(f"n{number:03}" for number in range(230)), "low"]
    assert [one.metadata for one in db.list_worksets_by_state(S.READY, WorksetPriority.LOW)] == [{"a": 1}]
    assert db.list_worksets_by_state(S.READY, limit=0) == []


def test_every_list_pages_in_the_same_words(db: WorksetStateDB) -> None:
    for number in range(4):
        db.register_workset(f"held{number}", "b", "p")
        db.acquire_lock(f"held{number}", "o")
        started(db, f"gone{number}")
        db.update_state(f"gone{number}", S.COMPLETE, "done")
        db.archive_workset(f"gone{number}")
    for listed in (db.list_locked_worksets, db.list_archived_worksets):
        assert len(listed()) == 4
        assert len(listed(limit=3)) == 3
        everything = listed(limit=None)
        assert isinstance(everything, Iterator)
        assert len(list(everything)) == 4
        with pytest.raises(InvalidInput, match="limit of -1"):
            listed(limit=-1)


def test_clusters_counts_and_locks(db: WorksetStateDB) -> None:
    started(db, "a")
    for name in ("free", "tied", "else"):
        db.register_workset(name, "b", "p")
    assert db.set_cluster_affinity("tied", "cluster-2", "data_locality")
    assert db.set_cluster_affinity("else", "cluster-3")
    assert [one.workset_id for one in db.get_worksets_by_cluster("cluster-1")] == ["a"]
    following = {name: db.get_next_workset_with_affinity(name) for name in ("cluster-1", "cluster-2")}
    assert {name: one and one.workset_id for name, one in following.items()} == {
        "cluster-1": "free",
        "cluster-2": "tied",
    }
    assert db.get_next_workset_with_affinity("cluster-2", WorksetPriority.LOW) is None
    db.acquire_lock("free", "m")
    assert [one.workset_id for one in db.list_locked_worksets()] == ["a", "free"]
    assert db.get_concurrent_worksets_count() == 2
    assert db.can_start_new_workset(3)
    assert not db.can_start_new_workset(2)
    assert db.update_progress("a", "align").current_step == "align"


def test_archive_restore_and_delete_leave_their_trail(db: WorksetStateDB) -> None:
    started(db)
    db.update_state("ws-001", S.ERROR, "bad", error_details="boom", metrics={"cost_usd": 2.5})
    assert db.archive_workset("ws-001", archived_by="ann", archive_reason="old")
    assert [one.workset_id for one in db.list_archived_worksets()] == ["ws-001"]
    assert db.restore_workset("ws-001", restored_by="bob")
    found = db.get_workset("ws-001")
    assert found is not None
    assert (found.state, found.metrics) == (S.ERROR, {"cost_usd": 2.5})
    assert [(one["verb"], one["actor"], one["reason"]) for one in found.state_history[-2:]] == [
        ("archive", "ann", "old"),
        ("restore", "bob", "restore by bob"),
    ]
    assert db.delete_workset("ws-001")
    assert db.delete_workset("ws-001", hard_delete=True)
    assert db.get_workset("ws-001") is None
    assert db.register_workset("ws-001", "b", "p")
    again = db.get_workset("ws-001")
    assert again is not None
    assert again.token == 1, "a new registration goes on from the old token"


def test_the_example_of_the_page_on_migrating_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parent.parent.parent / "docs/migrating.md").read_text(encoding="utf-8")
    example = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)[0]
    monkeypatch.chdir(tmp_path)
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        names: dict[str, object] = {}
        exec(example, names)
    assert told.getvalue().startswith("complete {'ready': 0")
    db = names["db"]
    assert isinstance(db, WorksetStateDB)
    db.close()

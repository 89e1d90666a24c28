"""A folder that was broken, was mended and is requeued: what it says now is what runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.domain.build import ready
from tests.folder.test_folder import GOOD
from tests.s3.conftest import PREFIX, Shelf
from wsmon.domain import operating
from wsmon.domain.change import Context
from wsmon.domain.spec import Facts, WorksetSpec
from wsmon.domain.states import ErrorCategory, WorksetPriority, WorksetState
from wsmon.engine import Engine, open_engine
from wsmon.services.importing import take_over
from wsmon.settings import Settings

S = WorksetState
BROKEN = "dy-r: [unclosed"
MENDED = "dy-r: now whole\npriority: urgent\ncluster_name: c9\nrequirements: {vcpus: 4}\nestimated_cost_usd: 2\n"


def opened(folder: Path, **catalog: Any) -> Engine:
    store = {"url": f"sqlite:{folder}/w.db", "region": "us-east-1"}
    return open_engine(Settings.model_validate({"store": store, "catalog": catalog}))


def test_of_a_bucket_it_is_read_anew(shelf: Shelf, tmp_path: Path) -> None:
    engine = opened(tmp_path, endpoint_url=shelf.endpoint)
    shelf.add("one", **{"daylily_work.yaml": BROKEN})
    shelf.add("bad", **{"daylily_work.yaml": "dy-r: x\nrequirements: {vcpus: 2020-01-01}\n"})
    assert {found.outcome for found in take_over(shelf.catalog(), engine.commands)} == {"error"}
    assert engine.commands.get("bad").metadata["run_args"] == "x", "one bad part spoils no other"
    assert "requirements.vcpus" in "; ".join(engine.validate(engine.commands.get("bad")).problems)
    shelf.add("one", **{"daylily_work.yaml": MENDED})
    requests = shelf.bucket.requests
    after = engine.commands.acting_as("somebody").requeue("one", reason="mended")
    assert (after.state, after.priority, after.affinity, after.requirements) == (S.READY, "urgent", "c9", {"vcpus": 4})
    assert (after.metadata["run_args"], after.metadata["estimated_cost_usd"]) == ("now whole", 2)
    assert engine.store.history("one")[-1].detail == {"read_anew": ["affinity", "metadata", "priority", "requirements"]}
    (waiting,) = engine.store.page(S.READY, priority=WorksetPriority.URGENT).rows
    assert waiting.needs == {"vcpus": 4, "cost": 2_000_000}, "and so it is planned"
    assert shelf.bucket.requests == requests
    engine.close()


def test_of_this_machine_too_and_only_where_the_folder_was_at_fault(tmp_path: Path) -> None:
    from wsmon.adapters.folder import FolderCatalog

    folder, engine = tmp_path / "in/one", opened(tmp_path)
    for name, text in {**GOOD, "daylily_work.yaml": BROKEN}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    list(take_over(FolderCatalog(tmp_path / "in"), engine.commands))
    (folder / "daylily_work.yaml").write_text("dy-r: first\n")
    assert engine.commands.requeue("one", reason="mended").metadata["run_args"] == "first"
    (folder / "daylily_work.yaml").write_text("dy-r: second\n")
    for category, expected in ((ErrorCategory.PERMANENT, "first"), (ErrorCategory.DATA, "second")):
        token = engine.commands.acquire("one", holder="m", seconds=60).token
        engine.commands.start("one", token=token)
        engine.commands.fail("one", token=token, category=category, details="x")
        assert engine.commands.requeue("one", reason="again").metadata["run_args"] == expected
    assert "folder" in engine.commands.get("one").metadata, "what is not the folder's to say stays"
    engine.close()


def test_what_cannot_be_asked_is_queued_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    engine = opened(tmp_path, endpoint_url="http://127.0.0.1:9")
    engine.commands.register(WorksetSpec("one", "b", f"{PREFIX}/one/", metadata={"since": "x", "run_args": "a"}))
    token = engine.commands.acquire("one", holder="m", seconds=60).token
    engine.commands.fail("one", token=token, category=ErrorCategory.DATA, details="x")
    after = engine.commands.requeue("one", reason="again")
    assert (after.state, after.metadata["run_args"]) == (S.READY, "a")
    asked: list[str] = []
    monkeypatch.setattr("wsmon.adapters.s3.S3Inspector.inspect", lambda *_: asked.append("x"))
    token = engine.commands.acquire("one", holder="m", seconds=60).token
    engine.commands.fail("one", token=token, category=ErrorCategory.DATA, details="x")
    engine.commands.requeue("one", reason="again")
    assert asked == [], "of a hundred worksets only the first waits for it"
    engine.close()


@pytest.mark.parametrize(
    ("before", "facts", "changed"),
    [
        ({}, Facts(), {}),
        ({"priority": WorksetPriority.LOW}, Facts(priority=WorksetPriority.URGENT), {}),
        ({"affinity": "mine"}, Facts(affinity="c9"), {}),
        ({"metadata": {"cluster_name": "c1"}, "affinity": "c1"}, Facts(affinity="c2"), {"affinity": "c2"}),
        (
            {"metadata": {"notes": "old", "own": 1}},
            Facts(metadata={"samples": 2}, names=frozenset({"notes", "samples"})),
            {"metadata": {"own": 1, "samples": 2}},
        ),
    ],
)
def test_what_somebody_chose_since_stands(before: dict[str, Any], facts: Facts, changed: dict[str, Any]) -> None:
    workset = replace(ready(), **before, state=S.ERROR)
    after = operating.requeue(workset, Context(9, "me", "id", "x"), facts=facts).after
    for name in ("metadata", "requirements", "priority", "affinity"):
        assert getattr(after, name) == changed.get(name, getattr(workset, name))

"""The schema: committed, and true of a real server whatever it is asked."""

from __future__ import annotations

import base64
import hashlib
import itertools
import os
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import CHECKS, load_all_checks

from tests import peers
from tests.api.server import Service, serving
from tests.project.pages import ROOT, openapi_text
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.spec import WorksetSpec
from wsmon.ports import StateStore

EXAMPLES = int(os.environ.get("WSMON_API_CASES", "2"))
CHECKED = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
]
KNOWN = ("ws-001", "ws-002", "a/b?c#d%")


def test_the_committed_schema_is_the_one_that_is_served(service: Service) -> None:
    """`python -m tests.project.pages` writes it anew; what changed in it changes for callers."""
    assert (ROOT / "docs/openapi.json").read_text(encoding="utf-8") == openapi_text()
    assert service.client.get("/openapi.json").json() == service.app.openapi()
    docs = service.client.get("/docs")
    assert docs.status_code == 200
    assert "openapi.json" in docs.text
    # Nobody else's script, whatever an address gives one day: each file from outside by its hash.
    outside = re.findall(r'<[^>]*(?:src|href)="https?://[^>]*>', docs.text)
    assert len(outside) == 2
    assert all(
        re.search(r'@\d+\.\d+\.\d+/[^>]* integrity="sha384-[^"]{64}" crossorigin="anonymous"', tag) for tag in outside
    )
    policy = docs.headers["content-security-policy"]
    (inline,) = re.findall(r"<script>(.*?)</script>", docs.text)
    assert base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode() in policy
    assert "'unsafe-inline'" not in policy.partition("style-src")[0]


def test_every_operation_is_described_and_every_body_has_an_example(service: Service) -> None:
    for path, operations in service.app.openapi()["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert operation.get("description"), where
            assert {"401", "403", "422", "429", "503"} <= operation["responses"].keys(), where
            for parameter in operation.get("parameters", []):
                named = parameter["name"] in {"state", "priority"} or parameter.get("description")
                assert named, (where, parameter["name"])


@pytest.fixture(params=["sqlite", pytest.param("ministack", marks=pytest.mark.ci)])
def filled(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    if request.param == "sqlite":
        store: StateStore = SqliteStore(tmp_path / "wsmon.db")
        with serving(store, scheduler=True) as made:
            yield prepared(made)
        store.close()
        return
    with peers.temporary(str(request.param)) as table, serving(table, scheduler=True) as made:
        yield prepared(made)


def prepared(service: Service) -> Service:
    for name in KNOWN:
        service.commands.register(WorksetSpec(name, "b", "p"))
    service.make_tokens()
    return service


@pytest.mark.timeout(1800)
def test_no_request_brings_a_server_error_or_an_undocumented_answer(filled: Service) -> None:
    load_all_checks()
    checks = CHECKS.get_by_names(CHECKED)
    schema = schemathesis.openapi.from_url(f"{filled.url}/openapi.json")
    codes: Counter[int] = Counter()
    for found in schema.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]
        for mode in schemathesis.GenerationMode:
            fuzz(operation, mode, filled, checks, codes)
    assert not [fields for event, fields in filled.log.lines if event == "unexpected error"]
    assert {200, 409, 422} <= codes.keys(), f"too little was reached: {codes}"


def fuzz(operation: Any, mode: Any, service: Service, checks: Any, codes: Counter[int]) -> None:
    """Requests of one kind to one operation, with an admin's token; every second is about a workset there is."""
    ids = itertools.cycle([*KNOWN, None, None, None])
    quiet = settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )

    @quiet
    @given(operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        if operation.path == "/events":
            case.query["follow"] = "false"
        known = next(ids)
        if known is not None and "workset_id" in (case.path_parameters or {}):
            case.path_parameters["workset_id"] = known
        reply = case.call(headers=service.bearing("admin"))
        codes[reply.status_code] += 1
        assert reply.status_code != 401 or "Authorization" not in reply.request.headers
        case.validate_response(reply, checks=checks)

    has_input = operation.body or any(operation.iter_parameters())
    if mode is schemathesis.GenerationMode.NEGATIVE and not has_input:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ask()

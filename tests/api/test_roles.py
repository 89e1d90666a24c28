"""Every route by every kind of caller, and the doors that are shut without tokens."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.server import Service, serving
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.roles import Role
from wsmon.ports import TokenRecord
from wsmon.services.access import create_token

OPEN = {("GET", "/"), ("GET", "/healthz"), ("GET", "/readyz")}
READ, WRITE, ADMIN = "reader", "operator", "admin"
REASON = {"reason": "r"}
LOCK = "/worksets/{workset_id}/lock"
STATE = {"state": "ignored", "reason": "r"}
# route -> the least role, and a request that such a caller may make of a ready workset
ROUTES: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {
    ("GET", "/metrics"): (READ, {}),
    ("GET", "/queue/stats"): (READ, {}),
    ("GET", "/scheduler/stats"): (READ, {}),
    ("GET", "/clusters"): (READ, {}),
    ("GET", "/monitors"): (READ, {}),
    ("GET", "/alerts"): (READ, {}),
    ("GET", "/events"): (READ, {"params": {"follow": "false"}}),
    ("GET", "/worksets"): (READ, {}),
    ("GET", "/worksets/next"): (READ, {}),
    ("GET", "/worksets/{workset_id}"): (READ, {}),
    ("GET", "/worksets/{workset_id}/history"): (READ, {}),
    ("GET", "/worksets/{workset_id}/why"): (READ, {}),
    ("POST", "/worksets"): (WRITE, {"json": {"workset_id": "new", "bucket": "b", "prefix": "p"}}),
    ("PUT", "/worksets/{workset_id}/state"): (WRITE, {"json": STATE}),
    ("POST", LOCK): (WRITE, {"params": {"owner_id": "m"}}),
    ("PUT", LOCK): (WRITE, {"params": {"owner_id": "m"}}),
    ("DELETE", LOCK): (WRITE, {"params": {"owner_id": "m"}}),
    ("POST", "/worksets/{workset_id}/requeue"): (WRITE, {"json": REASON}),
    ("POST", "/worksets/{workset_id}/unlock"): (WRITE, {"json": REASON}),
    ("POST", "/worksets/{workset_id}/ignore"): (WRITE, {"json": REASON}),
    ("POST", "/worksets/{workset_id}/cancel"): (WRITE, {}),
    ("POST", "/worksets/{workset_id}/priority"): (WRITE, {"json": {"priority": "low"}}),
    ("POST", "/worksets/{workset_id}/affinity"): (WRITE, {"json": {"cluster": "c"}}),
    ("POST", "/worksets/{workset_id}/archive"): (WRITE, {}),
    ("POST", "/worksets/{workset_id}/restore"): (WRITE, {}),
    ("DELETE", "/worksets/{workset_id}"): (WRITE, {}),
    ("POST", "/alerts/{name}/ack"): (WRITE, {}),
    ("POST", "/worksets/{workset_id}/purge"): (ADMIN, {}),
}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with a token of each role, and one that has expired."""
    store = SqliteStore(tmp_path_factory.mktemp("api") / "wsmon.db")
    with serving(store) as made:
        made.make_tokens()
        secret, record = create_token(made.commands, Role.ADMIN, name="gone", seconds=60)
        store.put_token(TokenRecord(**{**{f: getattr(record, f) for f in record.__slots__}, "expires_at": 1}))
        made.tokens["expired"] = secret
        yield made
    store.close()


def call(service: Service, method: str, path: str, headers: dict[str, str], more: dict[str, Any]) -> httpx.Response:
    return service.client.request(method, path.replace("{workset_id}", "w"), headers=headers, **more)


def test_the_matrix_names_every_route(guarded: Service) -> None:
    paths = guarded.app.openapi()["paths"]
    found = {(method.upper(), path) for path, operations in paths.items() for method in operations}
    assert found == OPEN | ROUTES.keys()


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
def test_a_route_lets_in_its_role_and_nobody_below(guarded: Service, route: tuple[str, str]) -> None:
    needed, more = ROUTES[route]
    fresh(guarded)
    before = guarded.store.history("w")
    for headers in (
        {},
        {"Authorization": "Bearer wsmon_x_y"},
        {"Authorization": "Basic eDp5"},
        guarded.bearing("expired"),
    ):
        reply = call(guarded, *route, headers, more)
        assert reply.status_code == 401, reply.text
        assert reply.headers["www-authenticate"] == "Bearer"
    if route[0] == "GET" and route[1] != "/events":
        assert call(guarded, "HEAD", route[1], {}, more).status_code == 401
    for role in Role:
        reply = call(guarded, *route, guarded.bearing(role.value), more)
        if role.covers(Role(needed)):
            assert reply.status_code not in {401, 403} or "not locked" in reply.text, reply.text
        else:
            assert reply.status_code == 403, reply.text
            assert f"is {role.value}" in reply.json()["detail"]
            assert guarded.store.history("w") == before, "who may not changed something"


def fresh(service: Service) -> None:
    """A ready workset w, whatever became of the one before, and no other."""
    admin = service.commands
    for name in ("w", "new"):
        if service.store.records([name]):
            with_state = admin.get(name).state.value
            if with_state == "locked":
                admin.unlock(name, reason="test")
            if admin.get(name).state.value != "deleted":
                admin.delete(name)
            admin.purge(name)
    headers = service.bearing("admin")
    body = {"workset_id": "w", "bucket": "b", "prefix": "p"}
    assert service.client.post("/worksets", json=body, headers=headers).status_code == 201


def test_what_is_open_needs_no_token_and_tells_nothing(guarded: Service) -> None:
    for method, path in OPEN:
        reply = guarded.client.request(method, path)
        assert reply.status_code == 200
        assert "w" not in reply.json().values()
    assert guarded.client.get("/openapi.json").status_code == 200


def test_the_actor_is_the_token_s_name_and_no_secret_is_logged(guarded: Service) -> None:
    fresh(guarded)
    guarded("POST", "/worksets/w/lock?owner_id=monitor-7", 200, headers=guarded.bearing("operator"))
    event = guarded.store.history("w")[-1]
    assert (event.actor, event.row and event.row.holder) == ("operator", "monitor-7")
    guarded.log.lines.clear()
    guarded("GET", "/worksets", 401, headers=guarded.bearing("expired"))
    guarded("POST", "/worksets/w/purge", 403, headers=guarded.bearing("operator"))
    denied = [fields for event, fields in guarded.log.lines if event == "denied"]
    assert [fields["status"] for fields in denied] == [401, 403]
    assert denied[1]["actor"] == "operator"
    told = repr(guarded.log.lines)
    assert not any(secret in told for secret in guarded.tokens.values())


def test_a_revoked_token_is_forgotten_and_an_empty_house_stays_shut(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "wsmon.db")
    with serving(store, tokens_required=True) as service:
        service("GET", "/worksets", 401)
    store.close()


def test_without_tokens_only_this_machine_under_its_own_name_comes_in(service: Service) -> None:
    service("GET", "/worksets", 200)
    service("GET", "/worksets", 403, headers={"Host": "evil.example"})
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):  # whoever is behind a proxy may call us localhost
        assert "by a proxy" in service("GET", "/worksets", 403, headers={name: "10.1.1.1"})["detail"]
    service("POST", "/worksets/w/lock?owner_id=m", 403, headers={"Origin": "https://evil.example"})
    service("POST", "/worksets/w/lock?owner_id=m", 404, headers={"Origin": service.url})
    assert "access-control-allow-origin" not in service.client.options("/worksets", headers={"Origin": "x"}).headers
    service("GET", "/worksets", 401, headers={"Authorization": "Bearer wsmon_x_y"})


def test_without_tokens_another_address_of_this_machine_is_no_way_in(tmp_path: Path) -> None:
    """Whatever a server listens on: who comes by another address than loopback is not let in."""
    store = SqliteStore(tmp_path / "wsmon.db")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        own = probe.getsockname()[0]
    with serving(store, host="0.0.0.0") as service:
        service("GET", "/worksets", 200)
        port = service.url.rpartition(":")[2]
        reply = httpx.get(f"http://{own}:{port}/worksets", trust_env=False)
        assert reply.status_code == 403
        assert "token" in reply.json()["detail"]
    store.close()

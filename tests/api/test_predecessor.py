"""The ten routes that callers of the predecessor know: codes, shapes, and its defects mended."""

from __future__ import annotations

from tests.api.server import Service
from wsmon.api import worksets
from wsmon.domain.states import WorksetState

SHAPE = {
    "workset_id",
    "state",
    "priority",
    "bucket",
    "prefix",
    "created_at",
    "updated_at",
    "cluster_name",
    "error_details",
    "metrics",
}


def put(service: Service, workset_id: str, state: str, code: int = 200, **more: object) -> dict[str, object]:
    body = {"state": state, "reason": f"to {state}", **more}
    answer = service("PUT", f"/worksets/{workset_id}/state", code, json=body)
    assert isinstance(answer, dict)
    return answer


def test_a_workset_from_registration_to_its_end(any_service: Service) -> None:
    service = any_service
    assert service("GET", "/", 200)["status"] == "healthy"
    made = service.register("ws-001", priority="urgent", metadata={"samples": 10, "estimated_cost": 50.0})
    assert made.keys() >= SHAPE
    assert (made["state"], made["priority"], made["metadata"]) == (
        "ready",
        "urgent",
        {"samples": 10, "estimated_cost": 50.0},
    )
    again = service("POST", "/worksets", 409, json={"workset_id": "ws-001", "bucket": "other", "prefix": ""})
    assert "ws-001" in again["detail"]
    assert service("GET", "/worksets/ws-001", 200) == made
    assert service("GET", "/worksets/next", 200) == made
    locked = service("POST", "/worksets/ws-001/lock?owner_id=monitor-1", 200)
    assert (locked["status"], locked["workset_id"], locked["owner_id"]) == ("locked", "ws-001", "monitor-1")
    held = service("POST", "/worksets/ws-001/lock?owner_id=monitor-2", 409)
    assert held["holder"] == "monitor-1"
    service("DELETE", "/worksets/ws-001/lock?owner_id=monitor-2", 403)
    started = put(service, "ws-001", "in_progress", cluster_name="cluster-1")
    assert (started["state"], started["cluster_name"]) == ("in_progress", "cluster-1")
    put(service, "ws-001", "complete", 409, owner_id="monitor-2")
    done = put(service, "ws-001", "complete", metrics={"cost_usd": 12.5}, owner_id="monitor-1")
    assert (done["state"], done["metrics"]) == ("complete", {"cost_usd": 12.5})
    unlocked = service("DELETE", "/worksets/ws-001/lock?owner_id=monitor-1", 200)
    assert (unlocked["status"], unlocked["workset_id"]) == ("unlocked", "ws-001")
    assert service("GET", "/worksets/ws-001", 200)["state"] == "complete", "a finished workset stays finished"
    service("DELETE", "/worksets/ws-001/lock?owner_id=monitor-2", 403)
    stats = service("GET", "/queue/stats", 200)
    assert stats["queue_depth"] == {state.value: int(state is WorksetState.COMPLETE) for state in WorksetState}
    assert stats["total_worksets"] == 1
    assert service("GET", "/worksets/next", 200) is None


def test_errors_are_told_with_their_details(any_service: Service) -> None:
    service = any_service
    service.register("w")
    put(service, "w", "complete", 409)
    service("POST", "/worksets/w/lock?owner_id=m", 200)
    put(service, "w", "in_progress")
    failed = put(service, "w", "error", error_details="ValueError: bad <input>")
    assert (failed["state"], failed["error_details"]) == ("error", "ValueError: bad <input>")
    assert failed["error_category"] == "permanent"
    assert service("GET", "/queue/stats")["error_worksets"] == 1
    assert put(service, "w", "ready")["state"] == "ready"


def test_what_cannot_be_is_refused_by_name(service: Service) -> None:
    for path in ("/worksets/none", "/worksets/none/history"):
        assert "'none'" in service("GET", path, 404)["detail"]
    put(service, "none", "complete", 404)
    service("POST", "/worksets/none/lock?owner_id=m", 404)
    service("DELETE", "/worksets/none/lock?owner_id=m", 404)
    service("POST", "/worksets/none/lock", 422)
    for body in ({}, {"workset_id": "a", "bucket": "b"}, {"workset_id": "", "bucket": "b", "prefix": ""}):
        service("POST", "/worksets", 422, json=body)
    base = {"workset_id": "a", "bucket": "b", "prefix": ""}
    wrong = service("POST", "/worksets", 422, json={**base, "priority": "soon"})
    assert wrong["errors"][0]["where"] == "body.priority"
    service("POST", "/worksets", 422, json={**base, "colour": "red"})
    service("POST", "/worksets", 422, json={**base, "workset_id": "a\nb"})
    service("POST", "/worksets", 422, content=b"{", headers={"content-type": "application/json"})
    service("POST", "/worksets", 422, content=b'{"workset_id":"a"}', headers={"content-type": "text/plain"})
    assert service("GET", "/worksets") == []
    service("GET", "/worksets?state=nowhere", 422)
    service("GET", "/worksets?limit=0", 422)
    assert (
        "query.stat is none of a listing's; known are changed_since"
        in service("GET", "/worksets?stat=error", 422)["detail"]
    )
    told = service.app.openapi()["paths"]["/worksets"]["get"]["parameters"]
    assert {one["name"] for one in told if one["in"] == "query"} == worksets.FILTERS
    service("GET", "/scheduler/stats", 503)
    service("GET", "/nowhere", 404)
    service("PATCH", "/worksets", 405)


def test_next_is_itself_and_no_workset_named_next(service: Service) -> None:
    service.register("next", priority="low")
    service.register("w")
    assert service("GET", "/worksets/next")["workset_id"] == "w"
    assert service("GET", "/worksets?id=next")[0]["workset_id"] == "next"


def test_a_listing_spans_all_states_in_their_order_and_each_in_queue_order(any_service: Service) -> None:
    service = any_service
    for name, priority in (("low", "low"), ("first", "normal"), ("second", "normal"), ("now", "urgent")):
        service.register(name, priority=priority)
    service.register("gone")
    service("POST", "/worksets/gone/ignore", 200)
    service("POST", "/worksets/second/lock?owner_id=m", 200)
    listed = [(one["state"], one["workset_id"]) for one in service("GET", "/worksets", 200)]
    assert listed == [
        ("ready", "now"),
        ("ready", "first"),
        ("ready", "low"),
        ("locked", "second"),
        ("ignored", "gone"),
    ]
    assert [one["workset_id"] for one in service("GET", "/worksets?state=ready&priority=low")] == ["low"]
    assert [one["workset_id"] for one in service("GET", "/worksets?state=ready&limit=2")] == ["now", "first"]

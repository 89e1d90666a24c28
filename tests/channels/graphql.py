"""Linear's API as far as wsmon speaks it: the fields of its public schema, checked, and what it keeps."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass, field
from typing import Any

from tests.channels.receiver import Answer, Request

# Field names of the public schema (github.com/linear/linear, packages/sdk/src/schema.graphql).
INPUTS = {
    "IssueCreateInput": {"id", "teamId", "title", "description", "priority", "projectId", "stateId", "labelIds"},
    "CommentCreateInput": {"id", "issueId", "body", "parentId"},
    "IssueUpdateInput": {"stateId", "title", "description", "priority"},
}
FIELDS = {"success", "issue", "comment", "id", "identifier", "url", "description"}


@dataclass
class Linear:
    """Issues and comments by their ids; `limited` answers as a spent rate limit does."""

    issues: dict[str, dict[str, Any]] = field(default_factory=dict)
    comments: dict[str, dict[str, Any]] = field(default_factory=dict)
    limited: int = 0

    def __call__(self, request: Request) -> Answer:
        assert request.headers["authorization"] == "lin_key"
        asked = request.json
        if self.limited:
            self.limited -= 1
            return _errors(400, "RATELIMITED", "too many", {"x-ratelimit-requests-reset": str(9_999_999_999_999)})
        kind, name = re.match(r"(\w+) \w+\(", asked["query"])[1], re.search(r"\{ (\w+)\(", asked["query"])[1]  # type: ignore[index]
        given = asked["variables"]
        for typed in re.findall(r"\$input: (\w+)!", asked["query"]):
            assert set(given["input"]) <= INPUTS[typed], given
        assert set(re.findall(r"[a-z]\w*", asked["query"].split(")", 2)[2])) <= FIELDS
        assert kind == ("query" if name in {"issue", "comment"} else "mutation")
        answer: Answer = getattr(self, f"_{name}")(given)
        return answer

    def _issue(self, given: dict[str, Any]) -> Answer:
        found = self.issues.get(given["id"])
        return _data({"issue": found}) if found else _errors(200, "INPUT_ERROR", "Entity not found: Issue")

    def _comment(self, given: dict[str, Any]) -> Answer:
        return _data({"comment": self.comments.get(given["id"])})

    def _issueCreate(self, given: dict[str, Any]) -> Answer:  # noqa: N802
        made = given["input"]
        assert uuid.UUID(made["id"]).version == 4
        if made["id"] in self.issues:
            return _errors(200, "INVALID_INPUT", "conflict on insert of Issue")
        self.issues[made["id"]] = {**made, "identifier": f"OPS-{len(self.issues) + 1}", "url": "https://linear.app/x"}
        return _data({"issueCreate": {"success": True, "issue": self.issues[made["id"]]}})

    def _commentCreate(self, given: dict[str, Any]) -> Answer:  # noqa: N802
        made = given["input"]
        if made["id"] in self.comments:
            return _errors(200, "INVALID_INPUT", "conflict on insert of Comment")
        assert made["issueId"] in self.issues
        self.comments[made["id"]] = made
        return _data({"commentCreate": {"success": True, "comment": {"id": made["id"]}}})

    def _issueUpdate(self, given: dict[str, Any]) -> Answer:  # noqa: N802
        self.issues[given["id"]] |= given["input"]
        return _data({"issueUpdate": {"success": True, "issue": {"id": given["id"]}}})


def _data(data: dict[str, Any]) -> Answer:
    return 200, {"content-type": "application/json"}, json.dumps({"data": data}).encode()


def _errors(status: int, code: str, text: str, headers: dict[str, str] | None = None) -> Answer:
    body = {"errors": [{"message": text, "extensions": {"code": code}}], "data": None}
    return status, headers or {}, json.dumps(body).encode()

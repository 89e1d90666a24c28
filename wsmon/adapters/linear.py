"""Linear, by its GraphQL API: one issue a group, whose id the group's name makes, so that a retry makes no second."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Mapping
from typing import Any

from wsmon.adapters.http import Reply, checked, post, retry_after
from wsmon.adapters.rendering import cut, lines_of, title_of
from wsmon.domain.errors import ChannelDown, ChannelRefused
from wsmon.domain.messages import Message
from wsmon.domain.notices import Status

URL = "https://api.linear.app/graphql"
TITLE_CHARS, BODY_CHARS = 250, 50_000
FIND = "query Issue($id: String!) { issue(id: $id) { id identifier description } }"
FIND_COMMENT = "query Comment($id: String!) { comment(id: $id) { id } }"
CREATE = (
    "mutation IssueCreate($input: IssueCreateInput!)"
    " { issueCreate(input: $input) { success issue { id identifier url } } }"
)
COMMENT = (
    "mutation CommentCreate($input: CommentCreateInput!) { commentCreate(input: $input) { success comment { id } } }"
)
UPDATE = (
    "mutation IssueUpdate($id: String!, $input: IssueUpdateInput!)"
    " { issueUpdate(id: $id, input: $input) { success issue { id } } }"
)
PRIORITIES = {"critical": 1, "warning": 2, "info": 3}
RESETS = ("x-ratelimit-requests-reset", "x-ratelimit-complexity-reset", "x-ratelimit-endpoint-requests-reset")
_LIMITED = frozenset({"RATELIMITED"})
_OWN_FAULT = frozenset({"INVALID_INPUT", "GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT"})
_KEYS_FAULT = frozenset({"AUTHENTICATION_ERROR", "FORBIDDEN", "UNAUTHENTICATED"})
"""A user error to Linear, but the next message with that key will fare no better."""


def stable_uuid(text: str) -> str:
    """A UUID in the form of version 4, always the same for the same text."""
    return str(uuid.UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=4))


class LinearChannel:
    """One team."""

    incidents = True

    def __init__(
        self,
        name: str,
        api_key: str,
        team_id: str,
        *,
        project_id: str | None = None,
        done_state_id: str | None = None,
        open_state_id: str | None = None,
        url: str = URL,
    ) -> None:
        """`done_state_id` is where an issue goes when its group has ended, `open_state_id` when it comes back."""
        self.name, self._key, self._team, self._url = name, api_key, team_id, url
        self._project, self._done, self._open = project_id, done_state_id, open_state_id

    def send(self, message: Message) -> str:
        """Make the issue, or comment on it. Raises ChannelDown, ChannelRefused."""
        issue_id = stable_uuid(f"{self._team}/{message.message_id if message.test else message.incident}")
        issue = self._find(issue_id)
        if issue is None:
            if message.status is Status.RESOLVED:
                return "there is no issue to resolve"
            made = self._create(issue_id, message)
            if made is not None:
                return f"issue {made}"
            issue = self._find(issue_id)
            if issue is None:
                raise ChannelDown("Linear took no issue and knows none")
        if message.message_id in (issue.get("description") or ""):
            return f"issue {issue['identifier']}, made before"  # the reply to an earlier try was lost
        self._comment(issue_id, message)
        self._move(issue_id, message)
        return f"comment on {issue['identifier']}"

    def _find(self, issue_id: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] | None = self._ask(FIND, {"id": issue_id}).get("issue")
        except ChannelRefused:
            return None  # an unknown id is an error of the query
        return found

    def _create(self, issue_id: str, message: Message) -> str | None:
        """The issue's name; None where somebody else's try made it meanwhile."""
        fields = {
            "id": issue_id,
            "teamId": self._team,
            "title": cut(title_of(message).replace("\n", " "), TITLE_CHARS),
            "description": self._body(message),
            "priority": PRIORITIES[message.severity.value],
        }
        if self._project:
            fields["projectId"] = self._project
        try:
            answer = self._ask(CREATE, {"input": fields})["issueCreate"]
        except ChannelRefused:
            if self._find(issue_id) is None:
                raise
            return None
        return str(answer["issue"]["identifier"]) if answer.get("success") else None

    def _comment(self, issue_id: str, message: Message) -> None:
        comment_id = stable_uuid(f"{issue_id}/{message.message_id}")
        try:
            self._ask(COMMENT, {"input": {"id": comment_id, "issueId": issue_id, "body": self._body(message)}})
        except ChannelRefused:
            if not self._ask(FIND_COMMENT, {"id": comment_id}).get("comment"):
                raise

    def _move(self, issue_id: str, message: Message) -> None:
        state = None
        if message.status is Status.RESOLVED and not message.firing:
            state = self._done
        elif message.status is Status.FIRING and not message.repeat:
            state = self._open
        if state:
            self._ask(UPDATE, {"id": issue_id, "input": {"stateId": state}})

    def _body(self, message: Message) -> str:
        """Markdown that cannot be left: the lines stand in a code block longer than any run of backticks in them."""
        text = cut("\n".join(lines_of(message, listed=100)), BODY_CHARS)
        fence = "```"
        while fence in text:
            fence += "`"
        return f"{fence}\n{text}\n{fence}\n\nwsmon message {message.message_id}"

    def _ask(self, query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """The reply's data. HTTP 200 with `errors` is a failure."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        headers = {"content-type": "application/json", "authorization": self._key}
        reply = post(self._url, body, headers, hidden=[self._key])
        try:
            document = json.loads(reply.text)
            errors = document.get("errors") or []
        except (ValueError, AttributeError):
            checked(reply)
            raise ChannelDown(f"Linear answered HTTP {reply.status} without JSON") from None
        if errors:
            raise _explained(reply, errors)
        checked(reply)
        data = document.get("data")
        if not isinstance(data, dict):
            raise ChannelDown("Linear answered without data")
        return data


def _explained(reply: Reply, errors: list[dict[str, Any]]) -> ChannelDown | ChannelRefused:
    first = errors[0] if isinstance(errors[0], dict) else {}
    extensions = first.get("extensions") or {}
    code = str(extensions.get("code") or extensions.get("type") or "").upper().replace(" ", "_")
    text = f"Linear: {code or 'error'}: {str(first.get('message', ''))[:200]}"
    if code in _LIMITED or reply.status == 429:
        return ChannelDown(text, _reset(reply.headers))
    if code in _KEYS_FAULT or reply.status in {401, 403}:
        return ChannelDown(text, retry_after(reply.headers))
    known = code in _OWN_FAULT or extensions.get("userError") or "not found" in text.lower()
    return ChannelRefused(text) if known else ChannelDown(text, retry_after(reply.headers))


def _reset(headers: Mapping[str, str]) -> float | None:
    """Seconds until a limit is reset; Linear gives the moment in milliseconds."""
    asked = retry_after(headers)
    moments = [float(headers[name]) / 1000 - time.time() for name in RESETS if headers.get(name, "").isdecimal()]
    waits = [wait for wait in [asked, *moments] if wait is not None and wait > 0]
    return max(waits, default=asked)

"""What the keys that change something ask, do and say."""

from __future__ import annotations

import re
from typing import Any

from tui.cells import WORDS
from tui.screens.confirm import Answer, Question
from wsmon.domain.alerts import AlertRecord
from wsmon.domain.errors import IllegalTransition, NotFound, StaleWrite, WsmonError
from wsmon.domain.states import WorksetPriority, WorksetState
from wsmon.domain.times import Instant, age
from wsmon.domain.workset import Lease, Workset
from wsmon.services import asking
from wsmon.services.alarms import Alarms
from wsmon.services.commands import Commands


def question(verb: str, target: Workset, lease: Lease | None, now: Instant) -> Question:
    """What to ask before a verb. Raises IllegalTransition where it is not possible from here."""
    asking.possible(verb, target, now)
    return Question(
        title=f"{verb.capitalize()} {target.workset_id}?",
        facts=asking.facts(target, lease, now, WORDS[target.state]),
        consequence=asking.consequence(verb, target),
        choices=_choices(verb, target),
        needs_reason=verb in {"requeue", "unlock"},
        leave="Keep it" if verb == "cancel" else "Cancel",
    )


def _choices(verb: str, target: Workset) -> list[str]:
    if verb == "priority":
        return [p.value for p in WorksetPriority if p is not target.priority]
    return ["cancel the run" if verb == "cancel" else verb]


def perform(commands: Commands, verb: str, target: Workset, answer: Answer) -> str:
    """Do it to exactly the version that was shown; what came of it. Raises WsmonError."""
    reason = answer.reason or None
    if verb == "priority":
        after = commands.set_priority(target.workset_id, WorksetPriority(answer.choice), reason=reason, seen=target.rev)
        return f"{target.workset_id}: now {after.priority.value}"
    method: Any = getattr(commands, verb)
    after = method(target.workset_id, reason=reason, seen=target.rev)
    return f"{target.workset_id}: {verb} done, it is {WORDS[after.state]}"


SILENCES = {"1 hour": 3600.0, "4 hours": 14_400.0, "1 day": 86_400.0}


def alert_question(verb: str, alert: AlertRecord, now: Instant) -> Question:
    """What to ask before an alert is acknowledged or silenced."""
    silence = verb == "silence"
    return Question(
        title=f"{'Silence' if silence else 'Acknowledge'} {alert.kind} of {alert.subject}?",
        facts=[
            ("alert", alert.fingerprint),
            ("severity", alert.severity),
            ("since", age((now - alert.first_at) / 1e6)),
            ("text", alert.text[:200]),
        ],
        consequence="Nobody is told of it until the silence ends."
        if silence
        else "It is told no more until it ends; everybody sees that you took it on.",
        choices=list(SILENCES) if silence else ["ack"],
        needs_reason=silence,
    )


def say_to_alert(alarms: Alarms, verb: str, alert: AlertRecord, answer: Answer) -> str:
    """Do it; what came of it. Raises WsmonError."""
    if verb == "silence":
        # The name as it is, not as a pattern.
        exact = re.sub(r"([*?\[])", r"[\1]", alert.fingerprint)
        alarms.silence({"fingerprint": exact}, SILENCES[answer.choice], answer.reason)
        return f"{alert.fingerprint}: silenced for {answer.choice}"
    alarms.take_on(alert, answer.reason)
    return f"{alert.fingerprint}: acknowledged"


def refusal(error: WsmonError, target_id: str) -> str:
    """Why nothing was changed."""
    if isinstance(error, NotFound):
        return f"{target_id} is not there any more"
    if isinstance(error, StaleWrite):
        current = error.current
        stands = f"it is {WORDS[current.state]} now" if isinstance(current, Workset) else "it is gone"
        by = f", held by {current.holder}" if isinstance(current, Workset) and current.holder else ""
        return f"{target_id} changed since you looked: {stands}{by}; nothing was changed"
    if isinstance(error, IllegalTransition):
        word = WORDS.get(WorksetState(error.state), error.state)
        return f"{target_id} is {word}: {error.verb} is not possible" + (f"; {error.why}" if error.why else "")
    return str(error)


class QuietLog:
    """The monitor inside the TUI says nothing on the terminal; its doings are events."""

    def info(self, event: str, **fields: object) -> None:
        """Nothing."""

    warning = error = info

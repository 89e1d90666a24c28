"""What the keys that change something ask, do and say."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tui.cells import WORDS
from tui.screens.confirm import Answer, Question
from wsmon.domain.alerts import AlertRecord
from wsmon.domain.errors import IllegalTransition, NotFound, StaleWrite, WsmonError
from wsmon.domain.states import WorksetPriority, WorksetState
from wsmon.domain.times import Instant, age
from wsmon.domain.workset import Lease, Workset
from wsmon.ports import ClusterRecord
from wsmon.services import asking
from wsmon.services.alarms import Alarms
from wsmon.services.commands import Commands

if TYPE_CHECKING:
    from tui.session import Session


READ_ONLY = "this session is read-only; nothing was changed"


@dataclass(frozen=True, slots=True)
class Target:
    """A workset as it was read for the question, with its lock."""

    workset: Workset
    lease: Lease | None


@dataclass(frozen=True, slots=True)
class Asking:
    """What is known where a question is made."""

    now: Instant
    production: str = ""
    """The store's name where it is production: then it has to be typed."""
    left_out: Sequence[str] = ()
    """Why others cannot be changed so, a sentence each."""
    hidden: Sequence[str] = ()
    """Marked ones that a filter hides."""


def question(verb: str, targets: Sequence[Target], asking_: Asking) -> Question:
    """What to ask before a verb. Raises IllegalTransition where it is not possible for the only target."""
    if len(targets) != 1 or asking_.left_out:
        return _about_many(verb, targets, asking_)
    target, lease = targets[0].workset, targets[0].lease
    asking.possible(verb, target, asking_.now)
    return Question(
        title=f"{verb.capitalize()} {target.workset_id}?",
        facts=asking.facts(target, lease, asking_.now, WORDS[target.state]),
        consequence=asking.consequence(verb, target),
        choices=_choices(verb, target),
        needs_reason=verb in {"requeue", "unlock"},
        leave="Keep it" if verb == "cancel" else "Cancel",
        typed=asking_.production,
    )


def _about_many(verb: str, targets: Sequence[Target], asking_: Asking) -> Question:
    hidden = set(asking_.hidden)
    consequences = dict.fromkeys(asking.consequence(verb, one.workset) for one in targets)
    notes = [*consequences, *(f"left out: {why}" for why in asking_.left_out[:20])]
    if hidden:
        notes.insert(0, f"{len(hidden)} of them the filter hides; they are named with (hidden).")
    tiers = [p.value for p in WorksetPriority]
    return Question(
        title=f"{verb.capitalize()} {len(targets)} worksets?",
        facts=[_line(one, asking_.now, hidden) for one in targets],
        consequence="\n".join(notes),
        choices=tiers if verb == "priority" else [f"{'cancel the runs' if verb == 'cancel' else verb}"],
        needs_reason=verb in {"requeue", "unlock"},
        leave="Keep them" if verb == "cancel" else "Cancel",
        typed=asking_.production or str(len(targets)),
    )


def _line(one: Target, now: Instant, hidden: Collection[str]) -> tuple[str, str]:
    """Id, then state, version, owner, the lock's age and its last heartbeat."""
    workset, facts = one.workset, dict(asking.facts(one.workset, one.lease, now, WORDS[one.workset.state]))
    name = f"{workset.workset_id[:60]}{' (hidden)' if workset.workset_id in hidden else ''}"
    return name, f"{WORDS[workset.state]}, version {workset.rev}, {facts['owner']}"


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


def cluster_question(cluster: ClusterRecord, now: Instant, production: str = "") -> Question:
    """What to ask before a cluster is drained, or takes work again."""
    facts = [
        ("cluster", cluster.name),
        ("health", f"{cluster.health}, told {age((now - cluster.updated_at) / 1e6)} ago"),
        ("slots", f"{len(cluster.claims)} of {cluster.slots} in use"),
    ]
    if cluster.drained:
        facts.append(("drained", cluster.drained))
        return Question(f"Resume {cluster.name}?", facts, "New work starts on it again.", ["resume"], typed=production)
    runs = ", ".join(cluster.claims) or "nothing"
    facts.append(("runs there", runs[:300]))
    text = "Nothing new starts on it; what runs there goes on. An alert says so until it is resumed."
    return Question(f"Drain {cluster.name}?", facts, text, ["drain"], needs_reason=True, typed=production)


def arm_question(session: Session, minutes: float) -> Question:
    """What to ask before writes are armed."""
    info = session.store.info
    facts = [("table", info.name), ("region", info.region or "as set"), ("you", session.who)]
    text = f"Others work on this store. Changes are possible for {minutes:.0f} minutes; each still asks first."
    return Question("Arm writes?", facts, text, ["arm"], typed=session.production)


SILENCES = {"1 hour": 3600.0, "4 hours": 14_400.0, "1 day": 86_400.0}


def alerts_question(verb: str, alerts: Sequence[AlertRecord], now: Instant, production: str = "") -> Question:
    """What to ask before alerts are acknowledged or silenced; of several each is named, and their number typed."""
    silence, one = verb == "silence", alerts[0]
    many = len(alerts) > 1
    if silence:
        consequence = f"Nobody is told of {'them' if many else 'it'} until the silence ends."
    else:
        told = "They are told no more until they end" if many else "It is told no more until it ends"
        consequence = f"{told}; everybody sees that you took {'them' if many else 'it'} on."
    facts = [
        ("alert", one.fingerprint),
        ("severity", one.severity),
        ("since", age((now - one.first_at) / 1e6)),
        ("text", one.text[:200]),
    ]
    lines = [
        (alert.fingerprint[:60], f"{alert.severity}, for {age((now - alert.first_at) / 1e6)}: {alert.text[:120]}")
        for alert in alerts
    ]
    what = f"{len(alerts)} alerts" if many else f"{one.kind} of {one.subject}"
    return Question(
        title=f"{'Silence' if silence else 'Acknowledge'} {what}?",
        facts=lines if many else facts,
        consequence=consequence,
        choices=list(SILENCES) if silence else ["ack"],
        needs_reason=silence,
        typed=production or (str(len(alerts)) if many else ""),
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


def _difference(seen: Workset | None, stale: StaleWrite) -> str:
    """What is another than it was when it was looked at."""
    current = stale.current
    if not isinstance(current, Workset):
        return "it is gone"
    by = f", held by {current.holder}" if current.holder else ""
    if seen is None:
        return f"it is {WORDS[current.state]} now{by}"
    differences = [
        ("state", WORDS[seen.state], WORDS[current.state]),
        ("priority", seen.priority.value, current.priority.value),
        ("attempt", str(seen.attempt), str(current.attempt)),
        ("step", seen.current_step or "none", current.current_step or "none"),
        ("cancel", "asked" if seen.cancel else "none", "asked" if current.cancel else "none"),
        ("version", str(seen.rev), str(current.rev)),
    ]
    told = [f"{name} {old} → {new}" for name, old, new in differences if old != new]
    if seen.holder != current.holder:
        told.insert(0, f"held by {current.holder or 'nobody'} (was {seen.holder or 'nobody'})")
    return ", ".join(told)


def refusal(error: WsmonError, target_id: str, seen: Workset | None = None) -> str:
    """Why nothing was changed."""
    if isinstance(error, NotFound):
        return f"{target_id} is not there any more"
    if isinstance(error, StaleWrite):
        return f"{target_id} changed since you looked: {_difference(seen, error)}; nothing was changed"
    if isinstance(error, IllegalTransition):
        word = WORDS.get(WorksetState(error.state), error.state)
        return f"{target_id} is {word}: {error.verb} is not possible" + (f"; {error.why}" if error.why else "")
    return str(error)


class QuietLog:
    """The monitor inside the TUI says nothing on the terminal; its doings are events."""

    def info(self, event: str, **fields: object) -> None:
        """Nothing."""

    warning = error = info

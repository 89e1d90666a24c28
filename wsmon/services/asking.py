"""What a person is shown before a verb is carried out on a workset: whether it is possible, on what, and what follows."""

from __future__ import annotations

from collections.abc import Callable

from wsmon.domain import holding, operating
from wsmon.domain.change import Change, Context
from wsmon.domain.states import WorksetState
from wsmon.domain.times import Instant, age
from wsmon.domain.workset import Lease, Workset, queue_moment

_TRIALS: dict[str, Callable[[Workset, Context], Change]] = {
    "requeue": operating.requeue,
    "unlock": holding.unlock,
    "ignore": operating.ignore,
    "cancel": operating.cancel,
    "priority": lambda workset, ctx: operating.set_priority(workset, ctx, workset.priority),
    "affinity": lambda workset, ctx: operating.set_affinity(workset, ctx, workset.affinity),
    "archive": operating.archive,
    "restore": operating.restore,
    "delete": operating.delete,
    "purge": operating.purge,
}
_LOSES = frozenset({"cancel", "delete", "purge"})


def possible(verb: str, target: Workset, now: Instant) -> None:
    """Let the domain say now what it would say then; its decision is thrown away. Raises IllegalTransition."""
    _TRIALS[verb](target, Context(now, "trial", "trial"))


def loses(verb: str, target: Workset) -> bool:
    """Whether a verb may cost work that no other verb brings back: then somebody must have agreed to it."""
    return verb in _LOSES or (verb == "requeue" and target.state is WorksetState.IN_PROGRESS)


def facts(target: Workset, lease: Lease | None, now: Instant, word: str) -> list[tuple[str, str]]:
    """Name and value: state (as `word`), version, owner with the lock's age and last heartbeat, the last known run."""
    since = age((now - queue_moment(target)) / 1e6)
    found = [
        ("workset", target.workset_id),
        ("state", f"{word} for {since}, attempt {target.attempt}, {target.priority.value}"),
        ("version", str(target.rev)),
        ("owner", _owner(target, lease, now)),
    ]
    if target.run is not None:
        found.append(("last run", f"token {target.run.run_token} at {target.run.host}"))
    return found


def _owner(target: Workset, lease: Lease | None, now: Instant) -> str:
    if target.holder is None:
        return "nobody"
    held = f"{target.holder}, token {target.token}"
    if lease is not None:
        beat = lease.expires_at - int(lease.duration * 1e6)
        held += f", for {age((now - lease.acquired_at) / 1e6)}, last heartbeat {age((now - beat) / 1e6)} ago"
    return held


def consequence(verb: str, target: Workset) -> str:
    """What happens then, to a live run too."""
    running = target.state is WorksetState.IN_PROGRESS
    if verb == "requeue" and running:
        return "Its last known run may still live. Requeue it only when you know that it is dead."
    if verb == "unlock" and running:
        return "The holder is fenced out at once. The run itself is not touched; a monitor there will adopt it."
    if verb == "cancel" and running and target.holder is None:
        return "Nobody holds it: a monitor that reaches its place ends the run, and the workset is ignored."
    return {
        "requeue": "It is ready again, and its attempts start anew.",
        "unlock": "The holder is fenced out at once, and the workset is ready again.",
        "ignore": "It leaves the queue until somebody requeues it.",
        "cancel": "Its holder ends the run, every process of it, and the workset is ignored.",
        "priority": "It moves to the tier you choose; its age within the tier stays.",
        "affinity": "It starts on that cluster alone; with none, on any.",
        "archive": "It leaves the lists; restore brings it back.",
        "restore": "It is listed again, in the state it had.",
        "delete": "It leaves the lists, and only a purge is possible from there.",
        "purge": "It is gone for good; its history stays.",
    }[verb]

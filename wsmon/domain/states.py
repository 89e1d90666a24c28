"""The ten states, the verbs and which verb may start from which state."""

from __future__ import annotations

from enum import StrEnum


class WorksetState(StrEnum):
    """Where a workset stands."""

    READY = "ready"
    LOCKED = "locked"
    IN_PROGRESS = "in_progress"
    COMPLETE = "complete"
    ERROR = "error"
    FAILED = "failed"
    RETRYING = "retrying"
    IGNORED = "ignored"
    ARCHIVED = "archived"
    DELETED = "deleted"


class WorksetPriority(StrEnum):
    """The three tiers of the queue, most pressing first."""

    URGENT = "urgent"
    NORMAL = "normal"
    LOW = "low"

    @property
    def tier(self) -> int:
        """0 for urgent, 1 for normal, 2 for low."""
        return _TIERS[self]


class ErrorCategory(StrEnum):
    """Why a run failed; transient and resource failures are tried again."""

    TRANSIENT = "transient"
    RESOURCE = "resource"
    CONFIGURATION = "configuration"
    DATA = "data"
    PERMANENT = "permanent"

    @property
    def retryable(self) -> bool:
        """Whether another attempt may help."""
        return self in {ErrorCategory.TRANSIENT, ErrorCategory.RESOURCE}


class Verb(StrEnum):
    """Everything that can be done to a workset, as its event names it."""

    REGISTER = "register"
    ACQUIRE = "acquire"
    START = "start"
    PROGRESS = "progress"
    COMPLETE = "complete"
    FAIL = "fail"
    RELEASE = "release"
    EXPIRE = "expire"
    ADOPT = "adopt"
    UNLOCK = "unlock"
    REQUEUE = "requeue"
    IGNORE = "ignore"
    CANCEL = "cancel"
    CANCELLED = "cancelled"
    SET_PRIORITY = "set_priority"
    SET_AFFINITY = "set_affinity"
    ARCHIVE = "archive"
    RESTORE = "restore"
    DELETE = "delete"
    PURGE = "purge"


class ClusterVerb(StrEnum):
    """Everything that can be done to a cluster, as its event names it; `asked` comes before the command starts."""

    DRAIN = "drain"
    RESUME = "resume"
    CREATE_ASKED = "create_asked"
    CREATE_STARTED = "create_started"
    CREATE_DONE = "create_done"
    CREATE_FAILED = "create_failed"
    TEARDOWN_ASKED = "teardown_asked"
    TEARDOWN_STARTED = "teardown_started"
    TEARDOWN_DONE = "teardown_done"
    TEARDOWN_FAILED = "teardown_failed"


_CLUSTER_VERBS = {verb.value: verb for verb in ClusterVerb}


def verb_named(value: str) -> Verb | ClusterVerb:
    """The verb of an event. Raises ValueError."""
    return _CLUSTER_VERBS.get(value) or Verb(value)


_TIERS = {WorksetPriority.URGENT: 0, WorksetPriority.NORMAL: 1, WorksetPriority.LOW: 2}

_S = WorksetState
TERMINAL = frozenset({_S.COMPLETE, _S.ERROR, _S.FAILED, _S.IGNORED})
HELD = frozenset({_S.LOCKED, _S.IN_PROGRESS})
WAITING = frozenset({_S.READY, _S.RETRYING})

# Who may begin where; the finer conditions (holder, due, proven dead) are the verbs' own.
ALLOWED_FROM: dict[Verb, frozenset[WorksetState]] = {
    Verb.REGISTER: frozenset(),
    Verb.ACQUIRE: frozenset({_S.READY, _S.RETRYING, _S.LOCKED}),
    Verb.START: frozenset({_S.LOCKED}),
    Verb.PROGRESS: frozenset({_S.IN_PROGRESS}),
    Verb.COMPLETE: frozenset({_S.IN_PROGRESS}),
    Verb.FAIL: HELD,
    Verb.RELEASE: HELD,
    Verb.EXPIRE: frozenset({_S.LOCKED}),
    Verb.ADOPT: frozenset({_S.IN_PROGRESS}),
    Verb.UNLOCK: HELD,
    Verb.REQUEUE: TERMINAL | {_S.RETRYING, _S.IN_PROGRESS},
    Verb.IGNORE: frozenset({_S.READY, _S.RETRYING, _S.ERROR, _S.FAILED}),
    Verb.CANCEL: HELD,
    Verb.CANCELLED: HELD,
    Verb.SET_PRIORITY: WAITING | HELD | {_S.ERROR, _S.FAILED, _S.IGNORED},
    Verb.SET_AFFINITY: WAITING | HELD | {_S.ERROR, _S.FAILED, _S.IGNORED},
    Verb.ARCHIVE: TERMINAL,
    Verb.RESTORE: frozenset({_S.ARCHIVED}),
    Verb.DELETE: WAITING | TERMINAL | {_S.ARCHIVED},
    Verb.PURGE: frozenset({_S.DELETED}),
}


def allowed_verbs(state: WorksetState) -> tuple[Verb, ...]:
    """The verbs that may begin in `state`, in the order of the table."""
    return tuple(verb for verb, states in ALLOWED_FROM.items() if state in states)

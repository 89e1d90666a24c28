"""Every error wsmon raises on purpose; nothing else reaches a face.

WsmonError
├── InvalidInput            what was given cannot be used
│   ├── SettingsError       a settings file, variable or flag
│   └── FilterError         a filter, and where in it
├── NotFound                no such workset
│   └── NotThere            no such alert, silence or channel
├── Refused                 understood, and the answer is no
│   ├── IllegalTransition   the state table has no such row
│   ├── NotDue              a retry whose moment has not come
│   ├── NoCapacity          the cluster has no room
│   │   └── OverBudget      the day's dollars are spent
│   ├── StillAlive          an older run of it lives at the place
│   └── MissingExtra        an optional package is not installed
├── Conflict                somebody else was first
│   ├── AlreadyExists       register for an id that is taken
│   ├── LockHeld            the lock is alive and somebody else's
│   └── StaleWrite          the record changed since it was read
├── NotAllowed              this actor may not
│   ├── ReadOnly            writes are off
│   │   └── NotArmed        on a shared store, until somebody arms them
│   └── LockLost            a holder's write without the lock
├── OutsideError            a catalog, a cluster or AWS gave no usable answer
├── StoreError
│   ├── StoreUnreachable    no answer within the bound
│   │   └── NoStoreThere    not even the folder of the file that was named
│   └── StoreUnusable       there, but not one of ours
└── ChannelError            a message was not delivered
    ├── ChannelDown         another try may help
    └── ChannelRefused      this message will never be taken
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wsmon.domain.workset import Lease, RunRecord, Tombstone, Workset

LossReason = Literal["stolen", "forced", "unknown"]


class WsmonError(Exception):
    """Root of the tree; its text is a sentence fit for an operator."""


class InvalidInput(WsmonError):
    """What was given cannot be used; the text names it and what would do."""


class SettingsError(InvalidInput):
    """A settings file, environment variable or flag cannot be used."""


class FilterError(InvalidInput):
    """A filter cannot be read; `at` and `length` are the part of `text` that cannot."""

    def __init__(self, text: str, at: int, length: int, why: str) -> None:
        super().__init__(f"the filter, at {text[at : at + length]!r} (character {at + 1}): {why}")
        self.text, self.at, self.length, self.why = text, at, length, why


class NotFound(WsmonError):
    """No workset has this id."""

    def __init__(self, workset_id: str) -> None:
        super().__init__(f"no workset {workset_id!r}")
        self.workset_id = workset_id


class NotThere(NotFound):
    """No alert, silence, channel, cluster or token has this name; the text says where the names are."""

    def __init__(self, text: str) -> None:
        WsmonError.__init__(self, text)
        self.workset_id = ""


class Refused(WsmonError):
    """The request was understood and is refused."""


class IllegalTransition(Refused):
    """The state table has no row for this verb from this state."""

    def __init__(self, workset_id: str, state: str, verb: str, allowed: tuple[str, ...], why: str = "") -> None:
        options = ", ".join(allowed) or "nothing"
        because = f" ({why})" if why else ""
        super().__init__(f"{workset_id!r} is {state}: {verb} is not possible{because}; allowed from here: {options}")
        self.workset_id, self.state, self.verb, self.allowed, self.why = workset_id, state, verb, allowed, why


class NotDue(Refused):
    """The workset waits for its retry; `retry_after` is in microseconds since the epoch."""

    def __init__(self, workset_id: str, retry_after: int, now: int) -> None:
        super().__init__(f"{workset_id!r} is retrying and due in {(retry_after - now) / 1e6:.0f} s")
        self.workset_id, self.retry_after = workset_id, retry_after


class NoCapacity(Refused):
    """The cluster has no room: its slots, vCPUs or memory are taken."""

    def __init__(self, cluster: str, what: str = "no free slot") -> None:
        super().__init__(f"cluster {cluster!r} has {what}")
        self.cluster = cluster


class OverBudget(NoCapacity):
    """The day's dollars are spent; only urgent worksets start."""

    def __init__(self, cluster: str, day: str) -> None:
        super().__init__(cluster, f"no dollars left on {day}: the day's budget would be passed")
        self.day = day


class InUse(Refused):
    """Worksets hold slots on the cluster."""

    def __init__(self, cluster: str, count: int) -> None:
        super().__init__(f"cluster {cluster!r} is in use: {count} worksets hold slots there")
        self.cluster, self.count = cluster, count


class StillAlive(Refused):
    """Older runs of the workset live at the place, so that no other may start there."""

    def __init__(self, workset_id: str, runs: Sequence[RunRecord]) -> None:
        tokens = ", ".join(str(run.run_token) for run in runs)
        super().__init__(f"{workset_id!r} has an older run that still lives here (run token {tokens})")
        self.workset_id, self.runs = workset_id, tuple(runs)


class MissingExtra(Refused):
    """An optional package is not installed; the text says how to get it."""


class Conflict(WsmonError):
    """Somebody else was first."""


class AlreadyExists(Conflict):
    """The id is registered already; nothing was changed."""

    def __init__(self, workset_id: str, state: str) -> None:
        super().__init__(f"workset {workset_id!r} exists already (it is {state}); nothing was changed")
        self.workset_id = workset_id


class LockHeld(Conflict):
    """The lock is alive and belongs to `holder`."""

    def __init__(self, workset_id: str, holder: str, lease: Lease | None = None) -> None:
        super().__init__(f"{workset_id!r} is locked by {holder!r}")
        self.workset_id, self.holder, self.lease = workset_id, holder, lease


class StaleWrite(Conflict):
    """The record is not what the writer saw; `current` (and `lease`) are what stands there now."""

    def __init__(
        self,
        workset_id: str,
        current: Workset | Tombstone | None,
        lease: Lease | None = None,
        message: str = "",
    ) -> None:
        super().__init__(message or f"{workset_id!r} changed since it was read; look again and repeat")
        self.workset_id, self.current, self.lease = workset_id, current, lease


class NotAllowed(WsmonError):
    """This actor may not do this."""


class ReadOnly(NotAllowed):
    """Writes are off for this session."""


class NotArmed(ReadOnly):
    """Writes on a shared store are off until they are armed."""


class NotOwner(NotAllowed):
    """The lock this actor wants to give back is not its own."""

    def __init__(self, workset_id: str, owner: str, holder: str | None) -> None:
        held = f"held by {holder!r}" if holder else "not locked"
        super().__init__(f"{workset_id!r} is {held}; {owner!r} cannot release it")
        self.workset_id, self.owner, self.holder = workset_id, owner, holder


class LockLost(NotAllowed):
    """A holder's write without the lock: nothing was changed."""

    def __init__(self, workset_id: str, token: int, reason: LossReason, holder: str | None = None) -> None:
        now_held = f"; it is held by {holder!r} now" if holder else ""
        super().__init__(f"the lock on {workset_id!r} (token {token}) was lost: {reason}{now_held}")
        self.workset_id, self.token, self.reason, self.holder = workset_id, token, reason, holder


class OutsideError(WsmonError):
    """Something outside (a bucket, a cluster, AWS) gave no usable answer; the text says what to do."""


class StoreError(WsmonError):
    """The store could not do its part."""


class StoreUnreachable(StoreError):
    """The store gave no answer within the bound of attempts and time."""


class NoStoreThere(StoreUnreachable):
    """A store was named by its file, and not even the folder of that is there."""


class StoreUnusable(StoreError):
    """The store is there, but its shape, version or place rules it out."""


class ChannelError(WsmonError):
    """A message was not delivered; the text never holds a secret."""


class ChannelDown(ChannelError):
    """The channel does not take messages now; `retry_after` is in seconds, where it said so."""

    def __init__(self, text: str, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class ChannelRefused(ChannelError):
    """The channel answers, and will never take this message."""

"""Callers that say every verb through a bad wire, and write down what they were told about each."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from wsmon.domain.change import Event
from wsmon.domain.errors import StoreUnreachable, WsmonError
from wsmon.domain.states import ErrorCategory, Verb, WorksetPriority
from wsmon.domain.workset import RunRecord
from wsmon.ports import StateStore
from wsmon.services.commands import Commands

RUN = RunRecord(1, "place", "host", "boot", "/runs/w/1")
Key = tuple[str, str, object]
"""(workset, verb, what tells this very call from all others)."""


class Told(StrEnum):
    """What a caller heard."""

    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """No answer within the bound: applied or not."""


@dataclass
class Caller:
    """One actor; every call of it can be found again in the histories."""

    name: str
    commands: Commands
    worksets: list[str]
    draw: random.Random
    told: dict[Key, Told] = field(default_factory=dict)
    holds: dict[str, int] = field(default_factory=dict)
    """workset -> token."""

    def go(self, rounds: int) -> None:
        for number in range(rounds):
            name = self.draw.choice(self.worksets)
            if name in self.holds:
                self._work(name, self.holds[name])
            elif self.draw.random() < 0.5:
                self._acquire(name, f"{self.name}-{number}")
            else:
                self._operate(name, f"{self.name}-{number}")

    def _say(self, key: Key, call: Callable[[], Any]) -> Any:
        try:
            answer = call()
        except StoreUnreachable:
            self.told[key] = Told.UNKNOWN
        except WsmonError:
            self.told.setdefault(key, Told.REFUSED)  # a verb said again after no answer stays unknown
        else:
            self.told[key] = Told.DONE
            return answer
        return None

    def _acquire(self, name: str, tag: str) -> None:
        key = (name, Verb.ACQUIRE, tag)
        lease = self._say(key, lambda: self.commands.acquire(name, holder=tag, seconds=60))
        if lease is not None:
            self.holds[name] = lease.token

    def _work(self, name: str, token: int) -> None:
        """The next step of a holder; one that ends, or was robbed, holds no more."""
        commands, choice = self.commands, self.draw.random()
        if (name, Verb.START, token) not in self.told:
            if choice < 0.2:
                self._say((name, Verb.RELEASE, token), lambda: self._release(name, token))
                del self.holds[name]
            else:
                self._say((name, Verb.START, token), lambda: commands.start(name, token=token, run=RUN))
            return
        if choice < 0.4:
            step = f"{token}-{self.draw.getrandbits(60)}"
            self._say((name, Verb.PROGRESS, step), lambda: commands.progress(name, token=token, step=step))
            return
        del self.holds[name]
        if choice < 0.7:
            self._say((name, Verb.COMPLETE, token), lambda: commands.complete(name, token=token, metrics={"n": 1.5}))
        else:
            category = self.draw.choice([ErrorCategory.TRANSIENT, ErrorCategory.DATA])
            fail = lambda: commands.fail(name, token=token, category=category, details="x")  # noqa: E731
            self._say((name, Verb.FAIL, token), fail)

    def _release(self, name: str, token: int) -> None:
        if not self.commands.release(name, token=token):
            raise WsmonError("that lock had ended already; nothing is written, and nothing is an event")

    def _operate(self, name: str, tag: str) -> None:
        commands = self.commands
        verb = self.draw.choice([Verb.UNLOCK, Verb.REQUEUE, Verb.REQUEUE, Verb.IGNORE, Verb.SET_PRIORITY, Verb.CANCEL])
        if verb is Verb.SET_PRIORITY:
            priority = self.draw.choice(list(WorksetPriority))
            self._say((name, verb, tag), lambda: commands.set_priority(name, priority, reason=tag))
        else:
            self._say((name, verb, tag), lambda: getattr(commands, verb.value)(name, reason=tag))


def key_of(event: Event) -> Key:
    """What tells the call behind an event."""
    if event.verb is Verb.ACQUIRE:
        assert event.row is not None
        return event.workset_id, event.verb, event.row.holder
    if event.verb is Verb.PROGRESS:
        assert event.detail is not None
        return event.workset_id, event.verb, event.detail["step"]
    return event.workset_id, event.verb, event.reason or event.token


def disagreements(store: StateStore, callers: list[Caller]) -> list[str]:
    """Where what callers were told is not what was done: exactly once, not at all, or once at most."""
    told = {key: answer for caller in callers for key, answer in caller.told.items()}
    names = {name for caller in callers for name in caller.worksets}
    done = Counter(key_of(event) for name in names for event in store.history(name) if event.verb is not Verb.REGISTER)
    allowed = {Told.DONE: {1}, Told.REFUSED: {0}, Told.UNKNOWN: {0, 1}}
    found = [
        f"{key}: told {answer}, done {done[key]} times"
        for key, answer in told.items()
        if done[key] not in allowed[answer]
    ]
    return found + [f"{key}: done, and nobody asked" for key in done if key not in told]

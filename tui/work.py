"""What takes a store's answer: each piece on a thread of its own, its end a message to the app."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.message import Message

from wsmon.domain.errors import IllegalTransition, NotFound, WsmonError

if TYPE_CHECKING:
    from tui.screens.confirm import Answer, Question
    from tui.session import Session
    from tui.verbs import Target
    from wsmon.domain.alerts import AlertRecord
    from wsmon.domain.change import Event
    from wsmon.domain.workset import Lease, Workset


@dataclass(frozen=True, slots=True)
class Record:
    """A workset as it stands, its lock and what happened to it."""

    workset: Workset
    lease: Lease | None
    events: list[Event]
    why: dict[str, Any] | None = None
    """Why it waits, or runs where it runs, as the scheduler says it."""
    undelivered: int | None = None
    """Events that no channel has yet; None where there are no channels to tell."""


class Read(Message):
    """A workset was read for the detail screen, or why it could not be."""

    def __init__(self, found: Record | None, error: str) -> None:
        super().__init__()
        self.found, self.error = found, error


class Glanced(Message):
    """A workset was read for beside the panels."""

    def __init__(self, found: Record) -> None:
        super().__init__()
        self.found = found


class Told(Message):
    """Whose account it is."""

    def __init__(self, account: str) -> None:
        super().__init__()
        self.account = account


class Asked(Message):
    """A change is possible on the versions that were read; it wants to be confirmed."""

    def __init__(self, verb: str, targets: Sequence[Target], question: Question) -> None:
        super().__init__()
        self.verb, self.targets, self.question = verb, targets, question


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one target."""

    name: str
    text: str
    done: bool


class Done(Message):
    """A change was made, or refused; `results` one by one, where worksets were changed."""

    def __init__(self, text: str, *, refused: bool, results: Sequence[Result] = ()) -> None:
        super().__init__()
        self.text, self.refused, self.results = text, refused, results


class Work:
    """Reads and changes for the screen, which never waits for the store."""

    def __init__(self, session: Session, post: Callable[[Message], Any], changed: Callable[[], None]) -> None:
        self._session, self._post, self._changed = session, post, changed

    def read(self, workset_id: str) -> None:
        """Read everything about a workset; ends in a Read."""

        def work() -> None:
            session = self._session
            try:
                found = session.commands.get(workset_id)
                record = Record(
                    found,
                    session.store.lease(workset_id),
                    session.store.history(workset_id),
                    session.scheduler().why(workset_id, found),
                    len(session.store.undelivered_of(workset_id).events) if session.channels else None,
                )
            except WsmonError as error:
                self._post(Read(None, str(error)))
            else:
                self._post(Read(record, ""))

        _run(work)

    def glance(self, workset_id: str) -> None:
        """Read the little that stands beside the panels; ends in Glanced, or in nothing."""

        def work() -> None:
            session = self._session
            with contextlib.suppress(WsmonError):
                found = session.commands.get(workset_id)
                self._post(Glanced(Record(found, session.store.lease(workset_id), session.store.history(workset_id))))

        _run(work)

    def whose(self) -> None:
        """Ask once whose account a shared store's credentials are of; ends in Told, or in nothing where that cannot be had."""

        def work() -> None:
            account = self._session.account()
            if account:
                self._post(Told(account))

        _run(work)

    def ask(self, verb: str, ids: Sequence[str], hidden: Sequence[str] = ()) -> None:
        """Read the targets as they stand now; ends in Asked, or in Done with a refusal."""

        def work() -> None:
            from tui import verbs  # and with it the domain, which the first frame need not wait for
            from wsmon.services import asking

            session, now = self._session, self._session.clock.now()
            targets, left_out = [], []
            for name in ids:
                try:
                    workset = session.commands.get(name)
                    asking.possible(verb, workset, now)
                    targets.append(verbs.Target(workset, session.store.lease(name)))
                except (IllegalTransition, NotFound) as error:
                    left_out.append(verbs.refusal(error, name))
            if not targets:
                what = left_out[0] if len(ids) == 1 else f"none of the {len(ids)} can be changed so: {left_out[0]}"
                self._post(Done(what, refused=True))
                return
            about = verbs.Asking(now, session.production, left_out, hidden)
            self._post(Asked(verb, targets, verbs.question(verb, targets, about)))

        self._guarded(work)

    def change(self, verb: str, targets: Sequence[Target], answer: Answer) -> None:
        """Change exactly the versions that were shown, one by one; ends in Done."""

        def work() -> None:
            from tui import verbs

            results = []
            for target in targets:
                name = target.workset.workset_id
                try:
                    text = verbs.perform(self._session.commands, verb, target.workset, answer)
                    results.append(Result(name, text, done=True))
                except WsmonError as error:
                    results.append(Result(name, verbs.refusal(error, name, target.workset), done=False))
            self._post(_told(verb, results))
            self._changed()

        self._guarded(work)

    def drain(self, cluster: str, answer: Answer, *, drained: bool) -> None:
        """Keep new work off a cluster, or let it in again; ends in Done."""

        def work() -> None:
            from wsmon.services import draining

            if drained:
                draining.resume(self._session.commands, cluster)
            else:
                draining.drain(self._session.commands, cluster, answer.reason)
            self._post(Done(f"{cluster}: {'takes work again' if drained else 'is given no new work'}", refused=False))
            self._changed()

        self._guarded(work)

    def alerts(self, verb: str, alerts: Sequence[AlertRecord], answer: Answer) -> None:
        """Acknowledge or silence, one by one; ends in Done."""

        def work() -> None:
            from tui import verbs

            alarms, results = self._session.alarms(), []
            for alert in alerts:
                name = alert.fingerprint
                try:
                    results.append(Result(name, verbs.say_to_alert(alarms, verb, alert, answer), done=True))
                except WsmonError as error:
                    results.append(Result(name, f"{name}: {error}", done=False))
            self._post(_told(verb, results))
            self._changed()

        self._guarded(work)

    def _guarded(self, work: Callable[[], None]) -> None:
        """What the store or the gate says against it ends in Done as well."""

        def guarded() -> None:
            try:
                work()
            except WsmonError as error:
                self._post(Done(str(error), refused=True))

        _run(guarded)


def _told(verb: str, results: Sequence[Result]) -> Done:
    """What came of each; of one in its own words."""
    failed = sum(not one.done for one in results)
    text = results[0].text if len(results) == 1 else f"{verb}: {len(results) - failed} done, {failed} not"
    return Done(text, refused=bool(failed), results=results)


def _run(work: Callable[[], None]) -> None:
    threading.Thread(target=work, daemon=True).start()

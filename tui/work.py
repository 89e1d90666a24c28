"""What takes a store's answer: each piece on a thread of its own, its end a message to the app."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.message import Message

from wsmon.domain.errors import WsmonError

if TYPE_CHECKING:
    from tui.screens.confirm import Answer, Question
    from tui.session import Session
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


class Read(Message):
    """A workset was read for the detail screen, or why it could not be."""

    def __init__(self, found: Record | None, error: str) -> None:
        super().__init__()
        self.found, self.error = found, error


class Asked(Message):
    """A change is possible on the version that was read; it wants to be confirmed."""

    def __init__(self, verb: str, target: Workset, question: Question) -> None:
        super().__init__()
        self.verb, self.target, self.question = verb, target, question


class Done(Message):
    """A change was made, or refused."""

    def __init__(self, text: str, *, refused: bool) -> None:
        super().__init__()
        self.text, self.refused = text, refused


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
                )
            except WsmonError as error:
                self._post(Read(None, str(error)))
            else:
                self._post(Read(record, ""))

        _run(work)

    def ask(self, verb: str, workset_id: str) -> None:
        """Read the target as it stands now; ends in Asked, or in Done with a refusal."""

        def work() -> None:
            from tui import verbs  # and with it the domain, which the first frame need not wait for

            session = self._session
            try:
                target = session.commands.get(workset_id)
                question = verbs.question(verb, target, session.store.lease(workset_id), session.clock.now())
            except WsmonError as error:
                self._post(Done(verbs.refusal(error, workset_id), refused=True))
            else:
                self._post(Asked(verb, target, question))

        if self._session.writable:
            _run(work)
        else:
            self._post(Done("this session is read-only; nothing was changed", refused=True))

    def change(self, verb: str, target: Workset, answer: Answer) -> None:
        """Change exactly the version that was shown; ends in Done."""

        def work() -> None:
            from tui import verbs

            try:
                text = verbs.perform(self._session.commands, verb, target, answer)
            except WsmonError as error:
                self._post(Done(verbs.refusal(error, target.workset_id), refused=True))
            else:
                self._post(Done(text, refused=False))
                self._changed()

        _run(work)

    def alert(self, verb: str, alert: AlertRecord, answer: Answer) -> None:
        """Acknowledge or silence; ends in Done."""

        def work() -> None:
            from tui import verbs

            try:
                text = verbs.say_to_alert(self._session.alarms(), verb, alert, answer)
            except WsmonError as error:
                self._post(Done(str(error), refused=True))
            else:
                self._post(Done(text, refused=False))
                self._changed()

        _run(work)


def _run(work: Callable[[], None]) -> None:
    threading.Thread(target=work, daemon=True).start()

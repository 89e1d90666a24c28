"""What goes out: a desk's next message, written down and started, and what became of it."""

from __future__ import annotations

from dataclasses import replace

from wsmon.domain.errors import ChannelDown, ChannelRefused
from wsmon.domain.grouping import incident_of
from wsmon.domain.messages import Key, Message, Outgoing, compose
from wsmon.domain.notices import Notice, Status
from wsmon.ports import Clock, Courier, Log, Sent, StateStore
from wsmon.services.desk import Desk
from wsmon.services.notebook import Notebook
from wsmon.services.standing import Standing


class Sender:
    """One relay's. Nothing goes out that is not written down. Raises StaleWrite once the duty is another's, and StoreError."""

    def __init__(
        self, store: StateStore, clock: Clock, courier: Courier, notebook: Notebook, standing: Standing, log: Log
    ) -> None:
        self._store, self._clock, self._courier, self._log = store, clock, courier, log
        self._notebook, self._standing, self._store_id = notebook, standing, ""

    def serve(self, desk: Desk) -> None:
        """Settle what came back, and start what is due."""
        self.take_answer(desk)
        if not desk.ready():
            return
        if desk.outgoing is None and not self._choose(desk):
            return
        assert desk.outgoing is not None
        assert desk.plan is not None
        if not desk.noted:
            # Where this fails it may stand there all the same, and whoever takes the duty sends it: it stays this very message.
            self._notebook.remember(desk)
            desk.noted = True
        message = self._message(desk, desk.outgoing)
        if message is None:
            self._delivered(desk)
            return
        desk.flying = True
        self._courier.start(desk.plan.channel, message)

    def _choose(self, desk: Desk) -> bool:
        desk.outgoing = desk.choose(self._clock.now(), self._standing.notices(desk))
        if desk.outgoing is None:
            return False
        desk.outgoing, desk.noted = self._with_firing(desk, desk.outgoing), False
        return True

    def _with_firing(self, desk: Desk, out: Outgoing) -> Outgoing:
        """With how many conditions of its incident hold, for those who keep incidents open until none does."""
        notice = desk.pending.get(out.keys[0]) or next(iter(out.alerts), None) if out.keys else None
        if notice is None or notice.status is Status.INFO or len(out.groups) != 1:
            return out
        firing, untaken = self._standing.firing(incident_of(notice, desk.rule.by), desk.rule.by)
        return replace(out, firing=firing, untaken=untaken)

    def _message(self, desk: Desk, out: Outgoing) -> Message | None:
        """The message as it was written down; None where none of its events can be read any more."""
        known = {notice.key: notice for notice in out.alerts}
        found = [known.get(key) or desk.pending.get(key) or self._read_again(key) for key in out.keys]
        notices = [notice for notice in found if notice is not None]
        if not notices and not out.held:
            return None
        self._store_id = self._store_id or self._store.store_id()
        return compose(out, notices, desk.rule.by, self._store_id)

    def _read_again(self, key: Key) -> Notice | None:
        events = self._store.history(key[0], key[1] - 1, 1)
        return self._standing.notice(events[0]) if events and events[0].seq == key[1] else None

    def take_answer(self, desk: Desk) -> None:
        """Settle what came back for a desk, if anything did."""
        if desk.answer is not None:
            self._settle(desk, desk.answer)
            desk.answer = None

    def _settle(self, desk: Desk, sent: Sent) -> None:
        error = sent.error
        if desk.outgoing is None or desk.outgoing.message_id != sent.message_id:
            return
        if error is None:
            self._log.info("delivered", channel=desk.name, message=sent.message_id, answer=sent.receipt)
            self._delivered(desk)
        elif isinstance(error, ChannelRefused):
            self._log.error("refused", channel=desk.name, message=sent.message_id, why=str(error))
            given_up = desk.refused(str(error))
            if given_up is not None:
                why = f"the channel refused it: {error}"
                self._notebook.give_up(given_up, f"channel {desk.name}", why, desk.pending.get(given_up))
                self._notebook.let_go(desk, [given_up])
            self._notebook.remember(desk)
        else:
            retry_after = error.retry_after if isinstance(error, ChannelDown) else None
            desk.failed(str(error), self._clock.now(), retry_after)
            pause = round(desk.retry_at - self._clock.monotonic(), 1)
            self._log.warning("not delivered", channel=desk.name, why=str(error), next_try_seconds=pause)

    def _delivered(self, desk: Desk) -> None:
        """Off the outbox first, then off the record of what is going out: a crash between sends the same again."""
        out = desk.outgoing
        assert out is not None
        self._notebook.let_go(desk, out.keys)
        desk.succeeded(self._clock.now())
        try:
            self._notebook.remember(desk)
        except BaseException:
            desk.outgoing = out
            raise

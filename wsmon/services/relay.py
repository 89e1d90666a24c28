"""Carries events out of the store: at least once, in order per workset, each channel at its own pace."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from wsmon.domain.change import Event
from wsmon.domain.errors import ChannelDown, ChannelRefused, StaleWrite
from wsmon.domain.grouping import incident_of
from wsmon.domain.messages import Key, Message, Outgoing, compose
from wsmon.domain.notices import Notice, Status, notice_of
from wsmon.domain.times import Instant, micros
from wsmon.ports import AlertRecord, Clock, Courier, Log, Sent, StateStore
from wsmon.services.desk import Desk
from wsmon.services.duties import Duty
from wsmon.services.ledger import Ledger
from wsmon.services.outbox import Found, OutboxReader
from wsmon.services.plans import ChannelPlan, RelayConfig
from wsmon.services.standing import Standing
from wsmon.services.watching import Watcher

DUTY = "relay"
PAGE = 500
MAX_CURSORS = 90
BUSY_PAUSE = 0.1
"""Seconds between passes while something is on its way or waits to be read."""
FORGET_SECONDS = 86_400.0
STAMP_SECONDS = 3600.0
YIELD_SECONDS = 300.0
WATCH_SECONDS = 10.0
SEEN, SEEN_LAG_SECONDS = "seen", 1.0


class Relay:
    """The relay duty of one monitor. `step` makes one pass and never waits for a channel.

    What goes out is written down before it is sent, under the duty's token: after a crash, or
    when another monitor takes over, the same message with the same id goes out again. An event
    leaves the outbox when every channel that wants it has it. Raises StoreError alone.
    """

    def __init__(
        self,
        store: StateStore,
        clock: Clock,
        courier: Courier,
        plans: Sequence[ChannelPlan],
        config: RelayConfig,
        *,
        log: Log,
        jitter: Callable[[], float],
        watcher: Watcher | None = None,
        saw: Callable[[Event], None] = lambda _: None,
    ) -> None:
        """`jitter` draws evenly from [0, 1); the watcher keeps the alerts while this monitor is on duty.

        `saw` is told of every event once, by one monitor of all: what was before it took the duty
        was told to the one before, but for what that one had not noted down when it died.
        """
        self._store, self._clock, self._courier, self._log = store, clock, courier, log
        self._plans, self._config, self._jitter = plans, config, jitter
        self._duty = Duty(store, clock, DUTY, config.holder, seconds=config.duty_seconds, skew=config.skew_seconds)
        self._term = self._writes = 0
        self._saw, self._seen_at = saw, 0
        self._watcher, self._standing = watcher, Standing(store, clock, config.rule.repeat)
        self._rest_until = self._yield_at = self._stamp_due = self._watch_due = self._refresh_due = self._note_due = 0.0
        self._reader = OutboxReader(store, clock)
        self._ledger = Ledger()
        self._arrived: deque[Found] = deque()
        self._unwanted: list[Key] = []
        self.desks: dict[str, Desk] = {}

    @property
    def on_duty(self) -> bool:
        """Whether this monitor relays now."""
        return self._duty.lease is not None

    def step(self) -> float:
        """One pass; seconds after which the next should come."""
        self._take_answers(self._courier.finished())
        if self._clock.monotonic() < self._rest_until:
            return self._config.poll_seconds
        try:
            if not self._duty.hold() or not self._begin_term():
                return self._config.poll_seconds
            self._take_events()
            self._look()
            for desk in self.desks.values():
                self._serve(desk)
            self._tidy()
        except StaleWrite:
            self._log.warning("relay duty lost", holder=self._config.holder)
            self._duty.lost()
            return self._config.poll_seconds
        return self._pause()

    def _pause(self) -> float:
        if self._reader.more or any(desk.flying for desk in self.desks.values()):
            return BUSY_PAUSE
        now = self._clock.now()
        pauses = [pause for desk in self.desks.values() if (pause := desk.next_in(now)) is not None]
        return max(BUSY_PAUSE, min([self._config.poll_seconds, *pauses]))

    def close(self) -> None:
        """Give the duty back; what is still on its way is sent again by whoever takes it, under the same id."""
        self._take_answers(self._courier.finished())
        try:
            for desk in self.desks.values() if self.on_duty else ():
                self._take_answer(desk)
            self._duty.give_back()
        except StaleWrite:
            self._duty.lost()

    # a term

    def _begin_term(self) -> bool:
        """With a new token everything is read anew; whether this monitor goes on with the duty."""
        lease = self._duty.lease
        assert lease is not None
        if lease.token != self._term:
            self._log.info("relay duty taken", holder=lease.holder, token=lease.token)
            self._load()
            self._term = lease.token
        absent = any(desk.plan is None for desk in self.desks.values())
        if absent and (not self._plans or self._clock.monotonic() >= self._yield_at):
            # Another monitor knows channels that this one does not: let it have its turn.
            self._duty.give_back()
            self._rest_until = self._clock.monotonic() + self._config.duty_seconds
            self._term = 0
            return False
        return True

    def _load(self) -> None:
        moment, now = self._clock.monotonic(), self._clock.now()
        flying = {name for name, desk in self.desks.items() if desk.flying}
        answers = {name: desk.answer for name, desk in self.desks.items()}
        cursors = self._store.cursors()
        self._seen_at = int(cursors.get(SEEN, "0"))
        self._reader, self._ledger = OutboxReader(self._store, self._clock), Ledger(cursors)
        self._arrived.clear()
        self._unwanted = []
        plans: dict[str, ChannelPlan | None] = dict.fromkeys(_absent(cursors, now))
        plans |= {plan.channel.name: plan for plan in self._plans}
        self.desks = {}
        for name, plan in plans.items():
            desk = Desk(name, plan, self._config.rule, self._clock, self._jitter)
            desk.restore(cursors.get(_cursor(name), "{}"))
            # A courier of an earlier term may still be out, and its answer will come.
            desk.flying, desk.answer = name in flying, answers.get(name)
            self.desks[name] = desk
        for desk in self.desks.values():
            for workset_id, seq in desk.outgoing.keys if desk.outgoing is not None else ():
                # Who else waits for what is going out must be known before it can be let go.
                self._enter_all(self._reader.read(workset_id, seq) if seq else ())
        self._yield_at, self._stamp_due = moment + YIELD_SECONDS, moment

    def _write(self, cursors: Mapping[str, str | None]) -> None:
        lease = self._duty.lease
        assert lease is not None
        items = list(cursors.items())
        for start in range(0, len(items), MAX_CURSORS):
            self._writes += 1
            self._store.put_cursors(dict(items[start : start + MAX_CURSORS]), lease, self._writes)

    # events

    def _take_events(self) -> None:
        """Enter what is new; what nobody wants leaves the outbox at once."""
        self._enter_all(self._reader.fetch(PAGE))
        for desk in self.desks.values():
            over = desk.overflow()
            if over:
                desk.hold_back(over)
                self._log.warning("held back", channel=desk.name, events=len(over), in_all=desk.held.count)
                self._remember(desk)
                self._let_go(desk, over)

    def _enter_all(self, found: Iterable[Found]) -> None:
        # Kept until each is through: the reader does not find them again, whatever fails in between.
        self._arrived.extend(found)
        while self._arrived:
            item = self._arrived[0]
            if not self._ledger.knows(item.key):
                if item.event is not None and self._watcher is not None:
                    self._watcher.saw(item.event)  # before it may leave the outbox
                notice = self._notice(item)
                if notice is None or not self._enter(item.key, notice):
                    self._unwanted.append(item.key)
                if item.event is not None and item.event.at > self._seen_at:
                    self._saw(item.event)
            self._arrived.popleft()
        if self._unwanted:
            self._store.mark_delivered(self._unwanted)
            self._unwanted = []

    def _notice(self, found: Found) -> Notice | None:
        problem = found.problem
        if found.event is not None:
            try:
                return notice_of(found.event)
            except (ValueError, TypeError, AttributeError, KeyError) as error:
                problem = f"{type(error).__name__}: {error}"
        self._give_up(found.key, "every channel", f"it cannot be read ({problem})")
        return None

    def _enter(self, key: Key, notice: Notice) -> bool:
        """Lay it on the desks that want it and do not have it; whether one waits for it."""
        desks = self.desks.values()
        wanting = [d.name for d in desks if d.wants(notice) and key not in d.held.newest and key not in d.muted]
        waiting = self._ledger.enter(key, wanting, owed=[desk.name for desk in desks if key in desk.aside])
        for name in waiting:
            self.desks[name].pending[key] = notice
        return bool(waiting)

    # alerts

    def _look(self) -> None:
        """Keep the alerts, and what is to be quiet."""
        moment = self._clock.monotonic()
        if self._watcher is not None and moment >= self._watch_due:
            down = {d.name: (d.down_since, d.error) for d in self.desks.values() if d.down_since is not None}
            self._watcher.look(down)
            self._watch_due, self._refresh_due = moment + WATCH_SECONDS, moment
        if moment >= self._refresh_due:
            self._standing.refresh()
            self._standing.end(list(self.desks.values()))
            self._refresh_due = moment + self._config.poll_seconds
        for desk in self.desks.values():
            quiet = self._standing.hush(desk)
            if quiet:
                self._remember(desk)
                muted = {key: desk.muted[key] for key in quiet if key in desk.muted}
                self._let_go(desk, quiet)
                desk.muted |= muted
            if desk.muted:
                self._standing.wake(desk)

    # messages

    def _serve(self, desk: Desk) -> None:
        """Settle what came back, and start what is due."""
        self._take_answer(desk)
        if not desk.ready():
            return
        if desk.outgoing is None and not self._choose(desk):
            return
        assert desk.outgoing is not None
        assert desk.plan is not None
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
        desk.outgoing = self._with_firing(desk, desk.outgoing)
        try:
            self._remember(desk)
        except BaseException:
            desk.outgoing = None  # nothing may go out that is not written down
            raise
        return True

    def _with_firing(self, desk: Desk, out: Outgoing) -> Outgoing:
        """With how many conditions of its incident hold, for those who keep incidents open until none does."""
        notice = desk.pending.get(out.keys[0]) or next(iter(out.alerts), None) if out.keys else None
        if notice is None or notice.status is Status.INFO or len(out.groups) != 1:
            return out
        return replace(out, firing=self._standing.firing(incident_of(notice, desk.rule.by), desk.rule.by))

    def _message(self, desk: Desk, out: Outgoing) -> Message | None:
        """The message as it was written down; None where none of its events can be read any more."""
        known = {notice.key: notice for notice in out.alerts}
        found = [known.get(key) or desk.pending.get(key) or self._read_again(key) for key in out.keys]
        notices = [notice for notice in found if notice is not None]
        return compose(out, notices, desk.rule.by) if notices or out.held else None

    def _read_again(self, key: Key) -> Notice | None:
        events = self._store.history(key[0], key[1] - 1, 1)
        return notice_of(events[0]) if events and events[0].seq == key[1] else None

    def _take_answers(self, ended: Iterable[Sent]) -> None:
        for sent in ended:
            desk = self.desks.get(sent.channel)
            if desk is not None:
                desk.flying, desk.answer = False, sent

    def _take_answer(self, desk: Desk) -> None:
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
                self._give_up(given_up, f"channel {desk.name}", f"the channel refused it: {error}")
                self._let_go(desk, [given_up])
            self._remember(desk)
        else:
            retry_after = error.retry_after if isinstance(error, ChannelDown) else None
            desk.failed(str(error), self._clock.now(), retry_after)
            pause = round(desk.retry_at - self._clock.monotonic(), 1)
            self._log.warning("not delivered", channel=desk.name, why=str(error), next_try_seconds=pause)

    def _delivered(self, desk: Desk) -> None:
        """Off the outbox first, then off the record of what is going out: a crash between sends the same again."""
        out = desk.outgoing
        assert out is not None
        self._let_go(desk, out.keys)
        desk.succeeded(self._clock.now())
        try:
            self._remember(desk)
        except BaseException:
            desk.outgoing = out
            raise

    def _remember(self, desk: Desk) -> None:
        self._write({_cursor(desk.name): desk.document(self._clock.now())})

    def _let_go(self, desk: Desk, keys: Iterable[Key]) -> None:
        """The channel has these: off the outbox where it was the last, else remembered for it."""
        finished, marks = self._ledger.leave(desk.name, keys)
        if finished:
            self._store.mark_delivered(finished)
        self._write(marks)
        self._ledger.left(desk.name, keys)
        for key in keys:
            desk.drop(key)

    def _tidy(self) -> None:
        """Forget how far each channel was where nothing waits any more; say from time to time which there are."""
        gone = self._ledger.stale_marks(limit=MAX_CURSORS)
        if gone:
            self._write(dict.fromkeys(gone))
            self._ledger.forget(gone)
        if self._clock.monotonic() >= self._note_due and not self._reader.more:
            self._write({SEEN: str(max(0, self._clock.now() - micros(SEEN_LAG_SECONDS)))})
            self._note_due = self._clock.monotonic() + WATCH_SECONDS
        if self._clock.monotonic() >= self._stamp_due:
            for desk in self.desks.values():
                if desk.plan is not None:
                    self._remember(desk)
            self._stamp_due = self._clock.monotonic() + STAMP_SECONDS

    def _give_up(self, key: Key, where: str, why: str) -> None:
        """One event that cannot be told is told of, and never the end of the relay."""
        now, name = self._clock.now(), f"{key[0]}:{key[1]}"
        self._log.error("event stepped over", event_id=name, channel=where, why=why)
        text = f"event {name} was not delivered to {where}: {why}"
        self._store.put_alert(
            AlertRecord(f"undeliverable/{name}/{where}", "undeliverable", "critical", key[0], text, now, now)
        )


def _cursor(channel: str) -> str:
    return f"channel/{channel}"


def _absent(cursors: Mapping[str, str], now: Instant) -> list[str]:
    """The channels that any monitor knew within the last day: one that is not here counts as down so long."""
    found = [name.partition("/")[2] for name in cursors if name.startswith("channel/")]
    return [name for name in found if now - json.loads(cursors[_cursor(name)])["seen_at"] < micros(FORGET_SECONDS)]

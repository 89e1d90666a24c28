"""Carries events out of the store: at least once, in order per workset, each channel at its own pace."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence

from wsmon.domain.change import Event
from wsmon.domain.errors import StaleWrite
from wsmon.domain.messages import Key
from wsmon.domain.notices import Notice
from wsmon.domain.times import micros
from wsmon.ports import Clock, Courier, Log, Sent, StateStore
from wsmon.services.desk import Desk
from wsmon.services.duties import Duty
from wsmon.services.notebook import MAX_CURSORS, Notebook, cursor_of, known_channels
from wsmon.services.outbox import Found, OutboxReader
from wsmon.services.plans import ChannelPlan, RelayConfig
from wsmon.services.sending import Sender
from wsmon.services.standing import Standing
from wsmon.services.watching import Watcher

DUTY = "relay"
PAGE = 500
BUSY_PAUSE = 0.1
"""Seconds between passes while something is on its way or waits to be read."""
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
        self._term = 0
        self._saw, self._seen_at = saw, 0
        self._watcher, self._standing = watcher, Standing(store, clock, config.rule.repeat, config.ruling)
        self._notebook = Notebook(store, clock, self._duty, log)
        self._sender = Sender(store, clock, courier, self._notebook, self._standing, log)
        self._rest_until = self._yield_at = self._stamp_due = self._watch_due = self._refresh_due = self._note_due = 0.0
        self._reader = OutboxReader(store, clock)
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
                self._sender.serve(desk)
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
                self._sender.take_answer(desk)
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
        self._reader = OutboxReader(self._store, self._clock)
        self._notebook.begin(cursors)
        self._arrived.clear()
        self._unwanted = []
        plans: dict[str, ChannelPlan | None] = dict.fromkeys(known_channels(cursors, now))
        plans |= {plan.channel.name: plan for plan in self._plans}
        self.desks = {}
        for name, plan in plans.items():
            desk = Desk(name, plan, self._config.rule, self._clock, self._jitter)
            desk.restore(cursors.get(cursor_of(name), "{}"))
            # A courier of an earlier term may still be out, and its answer will come.
            desk.flying, desk.answer = name in flying, answers.get(name)
            self.desks[name] = desk
            if plan is None:
                self._log.info("channel of another monitor", channel=name)
        for desk in self.desks.values():
            for workset_id, seq in desk.outgoing.keys if desk.outgoing is not None else ():
                # Who else waits for what is going out must be known before it can be let go.
                self._enter_all(self._reader.read(workset_id, seq) if seq else ())
        self._yield_at, self._stamp_due = moment + YIELD_SECONDS, moment

    # events

    def _take_events(self) -> None:
        """Enter what is new; what nobody wants leaves the outbox at once."""
        self._enter_all(self._reader.fetch(PAGE))
        for desk in self.desks.values():
            over = desk.overflow()
            if over:
                desk.hold_back(over)
                self._log.warning("held back", channel=desk.name, events=len(over), in_all=desk.held.count)
                self._notebook.remember(desk)
                self._notebook.let_go(desk, over)

    def _enter_all(self, found: Iterable[Found]) -> None:
        # Kept until each is through: the reader does not find them again, whatever fails in between.
        self._arrived.extend(found)
        while self._arrived:
            item = self._arrived[0]
            if not self._notebook.ledger.knows(item.key):
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
                return self._standing.notice(found.event)
            except (ValueError, TypeError, AttributeError, KeyError) as error:
                problem = f"{type(error).__name__}: {error}"
        self._notebook.give_up(found.key, "every channel", f"it cannot be read ({problem})")
        return None

    def _enter(self, key: Key, notice: Notice) -> bool:
        """Lay it on the desks that want it and do not have it; whether one waits for it."""
        desks = self.desks.values()
        wanting = [d.name for d in desks if d.wants(notice) and key not in d.held.newest and key not in d.muted]
        waiting = self._notebook.ledger.enter(key, wanting, owed=[desk.name for desk in desks if key in desk.aside])
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
                self._notebook.remember(desk)
                muted = {key: desk.muted[key] for key in quiet if key in desk.muted}
                self._notebook.let_go(desk, quiet)
                desk.muted |= muted
            if desk.muted:
                self._standing.wake(desk)

    def _take_answers(self, ended: Iterable[Sent]) -> None:
        for sent in ended:
            desk = self.desks.get(sent.channel)
            if desk is not None:
                desk.flying, desk.answer = False, sent

    def _tidy(self) -> None:
        """Forget how far each channel was where nothing waits any more; say from time to time which there are."""
        gone = self._notebook.ledger.stale_marks(limit=MAX_CURSORS)
        if gone:
            self._notebook.write(dict.fromkeys(gone))
            self._notebook.ledger.forget(gone)
        if self._clock.monotonic() >= self._note_due and not self._reader.more:
            self._notebook.write({SEEN: str(max(0, self._clock.now() - micros(SEEN_LAG_SECONDS)))})
            self._note_due = self._clock.monotonic() + WATCH_SECONDS
        if self._clock.monotonic() >= self._stamp_due:
            for desk in self.desks.values():
                if desk.plan is not None:
                    self._notebook.remember(desk)
            self._stamp_due = self._clock.monotonic() + STAMP_SECONDS

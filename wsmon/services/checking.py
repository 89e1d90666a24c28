"""The questions of `wsmon doctor`, each answered by a finding."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from wsmon.domain.errors import StoreError, WsmonError
from wsmon.domain.states import WorksetState
from wsmon.domain.times import age, isoformat, micros
from wsmon.ports import Clock, CommandRunner, StateStore
from wsmon.services.notebook import FORGET_SECONDS, known_channels
from wsmon.services.recounting import claims_differ, spend_of_today

Level = Literal["ok", "warn", "fail"]
BACKLOG_COUNTED, BACKLOG_SECONDS = 1000, 900.0
GRAIN_SECONDS = 1.0
"""A Date header has whole seconds: a difference within one says nothing."""
COUNTED_AT_MOST = 20_000
CENT = 0.01


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer; `advice` says what to do where it is not ok."""

    what: str
    level: Level
    text: str
    advice: str = ""


@runtime_checkable
class Remote(Protocol):
    """What a store with an endpoint can tell about it."""

    def identity(self) -> str:
        """Who the credentials are."""

    def clock_skew(self) -> float | None:
        """Seconds this machine's clock is ahead."""


def command_finding(
    command: Sequence[str],
    own: bool,
    which: Callable[[str], str | None],
    steps: Mapping[str, Sequence[str]] | None = None,
) -> Finding:
    """Whether a monitor here could run anything; `own`: whether worksets may bring their own command.

    `steps` take the command's place. What a step finds where it works cannot be told from here.
    """
    if not command and not steps:
        if own:
            return Finding("command", "ok", "each workset's own (metadata.command)")
        advice = (
            'to run worksets here, set command = ["run.sh", "{workset_id}"] under [monitor] in wsmon.toml, or [steps]'
        )
        return Finding("command", "warn", "none is set, so a monitor would not start here", advice)
    programs = [argv[0] for argv in steps.values() if "/" not in argv[0]] if steps else command[:1]
    for program in programs:
        if "{" not in program and which(program) is None:
            text = f"there is no program {program!r} here that can be executed, so each run would fail"
            return Finding("command", "warn", text, "install it, put its folder on the PATH, or give its whole path")
    return Finding("command", "ok", f"steps {', '.join(steps)}" if steps else " ".join(command))


class Doctor:
    """Asks a store and a place how they are."""

    def __init__(
        self,
        store: StateStore,
        clock: Clock,
        runner: CommandRunner,
        run_root: Path,
        *,
        skew: float,
        silent: float,
        network: Callable[[Path], str | None],
        channels: Collection[str],
    ) -> None:
        """`channels`: the names of those that the settings have."""
        self._store, self._clock, self._runner = store, clock, runner
        self._run_root, self._skew, self._silent, self._network = run_root, skew, silent, network
        self._channels = channels

    def findings(self) -> Iterator[Finding]:
        """Credentials, store, clock, place, monitors, locks, outbox, counts; what the store bars is named so."""
        store = self._ask("store", self._shape, "make it with `wsmon init`, or choose another with --store")
        if isinstance(self._store, Remote):
            who = self._ask("credentials", self._store.identity, "set AWS_PROFILE, or log in again (aws sso login)")
            if who.level == "fail" and store.level == "ok":
                # Not every endpoint that speaks DynamoDB can also say who is asking.
                who = replace(who, level="warn", advice="the store takes them all the same; nothing to do")
            yield who
        yield store
        yield self._place()
        if store.level == "fail":
            barred = ["monitors", "locks", "outbox", "counts", "claims", "spend"]
            for what in ["clock", *barred] if isinstance(self._store, Remote) else barred:
                yield Finding(what, "warn", "not checked: the store could not be read", "mend the store first")
            return
        if isinstance(self._store, Remote):
            yield self._clock_of(self._store)
        yield from self._living()
        yield self._outbox()
        yield self._counts()
        yield self._claims()
        yield self._spend()

    def _ask(self, what: str, question: Callable[[], str], advice: str) -> Finding:
        """What was answered; an error's own advice, which stands after its last semicolon, comes before `advice`."""
        try:
            return Finding(what, "ok", question())
        except WsmonError as error:
            text, _, own = str(error).rpartition("; ")
            return Finding(what, "fail", text, own) if text else Finding(what, "fail", own, advice)

    def _shape(self) -> str:
        info = self._store.info
        if info.engine == "sqlite" and not Path(info.name).exists():
            return f"sqlite {info.name} is not there yet; the first workset makes it"
        self._store.check()
        where = f" in {info.region}" if info.region else ""
        return f"{info.engine} {info.name}{where} has the right shape"

    def _clock_of(self, store: Remote) -> Finding:
        try:
            skew = store.clock_skew()
        except StoreError as error:
            return Finding("clock", "fail", str(error), "look at the store first")
        if skew is None:
            return Finding("clock", "warn", "the endpoint does not tell its time", "compare the clocks by hand")
        if abs(skew) <= GRAIN_SECONDS:
            return Finding("clock", "ok", "this machine's clock and the endpoint's agree, as far as whole seconds show")
        text = f"this machine is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the endpoint"
        if abs(skew) > self._skew / 2 + GRAIN_SECONDS:
            return Finding("clock", "fail", text, "set this machine's clock (chrony, systemd-timesyncd)")
        return Finding("clock", "ok", text)

    def _place(self) -> Finding:
        kind = self._network(self._run_root)
        if kind is not None:
            text = f"{self._run_root} lies on a network file system ({kind})"
            return Finding("run root", "fail", text, "set [monitor] run_root to a local disk")
        if not self._run_root.exists():
            return self._missing_place()
        return self._ask(
            "run root",
            lambda: f"{self._run_root} is place {self._runner.place().place_id[:8]}",
            "set [monitor] run_root to a folder that can be written",
        )

    def _missing_place(self) -> Finding:
        """A monitor would make it; looking must not."""
        above = next(folder for folder in self._run_root.parents if folder.exists())
        if above.is_dir() and os.access(above, os.W_OK | os.X_OK):
            return Finding("run root", "ok", f"{self._run_root} is not there yet; the first monitor makes it")
        text = f"{self._run_root} cannot be made in {above}"
        return Finding("run root", "fail", text, "set [monitor] run_root to a folder that can be written")

    def _living(self) -> Iterator[Finding]:
        now = self._clock.now()
        monitors = self._store.monitors()
        silent = [m.name for m in monitors if now - m.heartbeat_at > self._silent * 1e6]
        if silent:
            yield Finding("monitors", "warn", f"silent: {', '.join(silent)}", "look whether they still run")
        elif not monitors:
            yield Finding("monitors", "warn", "none has signed on", "start one with `wsmon monitor`")
        else:
            yield Finding("monitors", "ok", f"{len(monitors)} alive")
        late = [lease for lease in self._store.leases() if now - lease.expires_at > self._skew * 1e6]
        if late:
            oldest = age(max(now - lease.expires_at for lease in late) / 1e6)
            text = f"{len(late)} dead, the oldest for {oldest}: {', '.join(lease.workset_id for lease in late[:5])}"
            yield Finding("locks", "warn", text, "a monitor ends or adopts them; start one, or `wsmon unlock --force`")
        else:
            yield Finding("locks", "ok", "none is dead")

    def _outbox(self) -> Finding:
        """How much was not delivered yet, and since when."""
        page = self._store.undelivered(BACKLOG_COUNTED)
        if page.broken:
            names = ", ".join(f"{workset_id}:{seq}" for workset_id, seq in list(page.broken)[:3])
            return Finding(
                "outbox", "warn", f"events that cannot be read: {names}", "a monitor's relay steps over them"
            )
        if not page.events:
            return Finding("outbox", "ok", "every event is with every channel")
        many = f"{len(page.events)}{'+' if page.more else ''}"
        waited = (self._clock.now() - page.events[0].at) / 1e6
        text = f"{many} events wait for a channel, the oldest for {age(waited)}"
        absent = known_channels(self._store.cursors(), self._clock.now())
        for name in [name for name in absent if name not in self._channels]:
            # Renamed or taken out of the settings, most often: nobody else would say what is waited for.
            until = isoformat(absent[name] + micros(FORGET_SECONDS))[:16]
            text += (
                f"; the channel {name!r} is not in these settings and, if no monitor has it, is forgotten at {until}Z"
            )
        if waited > BACKLOG_SECONDS:
            return Finding("outbox", "warn", text, "see `wsmon alerts` for the channel, or start a monitor: it relays")
        return Finding("outbox", "ok", text)

    def _counts(self) -> Finding:
        """Compare the tallies with a count, where that is cheap enough."""
        tallies = self._store.tallies()
        total = sum(tallies.values())
        if total > COUNTED_AT_MOST:
            return Finding("counts", "ok", f"{total:,} worksets (too many to count one by one here)")
        differing = [state.value for state in WorksetState if self._count(state) != tallies[state]]
        if differing and tallies == self._store.tallies():
            text = f"the tally of {', '.join(differing)} differs from a count"
            return Finding("counts", "fail", text, "run doctor again while nothing changes; if it stays, report it")
        return Finding("counts", "ok", f"{total:,} worksets, and every tally equals a count")

    def _claims(self) -> Finding:
        """Recount slots, vCPUs and memory from the worksets that hold them."""
        differing = claims_differ(self._store)
        if differing and differing == claims_differ(self._store):
            text = f"{len(differing)} differ: {'; '.join(differing[:5])}"
            return Finding("claims", "fail", text, "run doctor again while nothing changes; if it stays, report it")
        return Finding("claims", "ok", "slots, vCPUs and memory are what the worksets hold")

    def _spend(self) -> Finding:
        """Recount the day's dollars from the events that booked them."""
        kept, booked = spend_of_today(self._store, self._clock)
        if abs(kept - booked) >= CENT and (kept, booked) == spend_of_today(self._store, self._clock):
            text = f"${kept:,.2f} are kept for today, ${booked:,.2f} were booked by events"
            return Finding("spend", "fail", text, "run doctor again while nothing changes; if it stays, report it")
        return Finding("spend", "ok", f"${kept:,.2f} today, as the events booked them")

    def _count(self, state: WorksetState) -> int:
        count, cursor = 0, None
        while True:
            page = self._store.page(state, cursor=cursor, limit=1000)
            count += len(page.rows)
            cursor = page.cursor
            if cursor is None:
                return count

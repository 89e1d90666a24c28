"""A place in memory: its lock, its tokens and its runs, under the runner's own decisions."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.simulation.clocks import Machine, SimClock
from tests.simulation.effects import Effect, Effects
from tests.simulation.faults import Faults, Kind
from tests.simulation.kernel import Kernel, Process, Violation
from tests.simulation.oracle import Oracle
from tests.simulation.server import Session
from wsmon.adapters.runner import supervise
from wsmon.adapters.runner.deciding import PlaceRunner
from wsmon.domain.errors import Refused
from wsmon.domain.workset import RunRecord, Workset
from wsmon.ports import Place, RunRequest
from wsmon.services.recording import Attended

LOCK_WAIT = 5.0


@dataclass(slots=True)
class Fate:
    """What a command is going to do."""

    seconds: float
    exit_code: int
    hangs: bool = False
    deaf: bool = False
    """Whether TERM does nothing to it."""
    orphaned_after: float | None = None
    """Seconds after which its supervisor dies."""
    start_delay: float = 0.1


@dataclass(slots=True)
class Run:
    """The files and processes of one run."""

    workset_id: str
    spec: dict[str, Any]
    fate: Fate
    boot_id: str
    held: bool = False
    exit: dict[str, Any] | None = None
    supervisor: Process | None = None
    command: Process | None = None
    started: bool = False
    """Whether process.json is there."""
    effect: Effect | None = None
    refused_at: int | None = None
    """When it was not started after all: what was on its way is barred no longer."""
    over: threading.Event = field(default_factory=threading.Event)


@dataclass(slots=True)
class SimPlace:
    """One run root on one machine; it outlives processes and boots."""

    kernel: Kernel
    machine: Machine
    faults: Faults
    oracle: Oracle
    effects: Effects
    chance: Random
    hang_ends: bool = False
    """Whether a timeout ends a run that hangs."""
    longest: float = 600.0
    tokens: dict[str, int] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    lock_owner: Process | None = None

    @property
    def place_id(self) -> str:
        return f"place-{self.machine.name}"

    @contextmanager
    def locked(self, process: Process, patience: float | None) -> Iterator[None]:
        """The place's one lock; whoever dies lets go of it. Raises Refused when it stays taken."""
        waited = 0.0
        while self.lock_owner is not None and not self.lock_owner.dead:
            if patience is not None and waited > patience:
                raise Refused("simulated: the place's lock is held by another process; trying again later")
            self.kernel.sleep(0.1)
            waited += 0.1
        self.lock_owner = process
        try:
            yield
        finally:
            if self.lock_owner is process:
                self.lock_owner = None

    def fate(self) -> Fate:
        """Drawn for each start."""
        chance = self.chance
        fate = Fate(
            seconds=chance.uniform(0.05, 1.0) * self.longest, exit_code=0, start_delay=chance.uniform(0.02, 0.5)
        )
        if self.faults.hit(Kind.RUN_CRASH, 0.3, chance):
            fate.exit_code = chance.choice((1, 65, 69, 71, 75, 78, 127, -6, -9, -11))
            fate.seconds *= chance.random()
        if self.faults.hit(Kind.RUN_HANG, 0.15, chance):
            fate.hangs, fate.deaf = True, chance.random() < 0.5
        if self.faults.hit(Kind.SUPERVISOR, 0.1, chance):
            fate.orphaned_after = chance.uniform(0.0, fate.seconds)
        if self.faults.hit(Kind.SLOW_START, 0.05, chance):
            fate.start_delay = chance.uniform(10, 100)
        return fate

    # processes

    def supervise(self, run: Run, process: Process) -> None:
        """What the supervisor's script does, step by step."""
        kernel, clock = self.kernel, SimClock(self.kernel, self.machine)
        kernel.sleep(run.fate.start_delay)
        with self.locked(process, None):
            kernel.sleep(0.002)
            spec, name = run.spec, run.workset_id
            highest = self.tokens.get(name, 0)
            refused = supervise.refusal(spec["run_token"], spec["deadline"], highest=highest, now=clock.boottime())
            if not refused:
                self.oracle.executes(name, spec["run_token"], self.tokens.get(name, 0), kernel.now)
                run.effect = self.effects.begin(name, spec["run_token"], self.machine.name)
                run.command = Process(f"command of {name}")
                kernel.start(run.command, "command", lambda: self._work(run))
                kernel.sleep(0.01)
                run.started = True
        if refused:
            kernel.note(
                self.machine.name, f"run of {run.workset_id} token {run.spec['run_token']} not started: {refused}"
            )
            run.exit, run.refused_at = supervise.not_started(refused), kernel.now
            run.held = False
            return
        began, orphaned_after = clock.boottime(), run.fate.orphaned_after
        if not kernel.wait(run.over, 86400.0 if orphaned_after is None else orphaned_after):
            process.dead = True  # killed; the command goes on and holds the lock
            return
        assert run.effect is not None
        if run.effect.exit_code is not None:
            run.exit = supervise.result(run.effect.exit_code, clock.boottime() - began)
            run.effect.told = True
        kernel.sleep(0.005)
        run.held = False

    def _work(self, run: Run) -> None:
        """The command itself."""
        effect = run.effect
        assert effect is not None
        self.kernel.sleep(run.fate.seconds)
        while run.fate.hangs and (self.faults.on or self._to_be_ended(run)):
            self.kernel.sleep(60)
        self._over(run, run.fate.exit_code)

    def _to_be_ended(self, run: Run) -> bool:
        """Whether some service has to end it: it hangs until then."""
        record = self.oracle.records.get(run.workset_id)
        return self.hang_ends or self._left_behind(run) or (isinstance(record, Workset) and record.cancel is not None)

    def _left_behind(self, run: Run) -> bool:
        """Whether its workset has gone on without it."""
        record = self.oracle.records.get(run.workset_id)
        current = record.run if isinstance(record, Workset) and record.state == "in_progress" else None
        return current is None or current.run_token != run.spec["run_token"]

    def _over(self, run: Run, code: int | None) -> None:
        """The command's last process is gone."""
        if run.effect is not None and run.effect.ended is None:
            run.effect.left_behind = self._left_behind(run)
            self.effects.end(run.effect, code)
            run.over.set()
            assert run.command is not None
            run.command.dead = True
            if run.supervisor is None or run.supervisor.dead:
                run.held = False
            else:
                self.kernel.poke(run.supervisor)

    def signal(self, run: Run, *, force: bool, stray: bool) -> None:
        """TERM or KILL for the command; the supervisor stays to tell the exit. `stray`: from who does not attend it."""
        if run.effect is None or run.effect.ended is not None or (run.fate.deaf and not force):
            return
        run.effect.forced, run.effect.stray = True, stray
        self._over(run, -9 if force else -15)

    def processes(self) -> Iterator[Process]:
        """Every process of every run here."""
        for run in self.runs.values():
            yield from (process for process in (run.supervisor, run.command) if process is not None)

    def power_off(self) -> None:
        """Every process of every run is gone at once, and nobody saw it."""
        for run in self.runs.values():
            if run.supervisor is not None:
                run.supervisor.dead = True
            if run.held:
                self._over(run, None)
                run.held = False
        self.lock_owner = None


class SimRunner(PlaceRunner):
    """The CommandRunner port of one process at a place."""

    def __init__(self, place: SimPlace, session: Session) -> None:
        self._at, self._session, self._clock = place, session, session.clock
        self._place = Place(place.place_id, place.machine.name, place.machine.boot_id)
        self.attended: Mapping[str, Attended] = {}
        """What this process attends: it ends such a run for its own reasons, not as one left behind."""

    def _risk(self) -> None:
        """A switch point, at which the process may be hit."""
        faults, session = self._at.faults, self._session
        drawn = session.chance.random()
        if drawn < 0.002 * faults.intensity and faults.has(Kind.CRASH) and session.crash is not None:
            session.crash()
        elif drawn > 1 - 0.002 * faults.intensity and faults.has(Kind.PAUSE) and session.pause is not None:
            session.pause(session.chance.uniform(5, 200))
        slow = session.chance.random() < 0.03 and faults.on  # a disk that is busy
        self._at.kernel.sleep(session.chance.uniform(0.1, 8.0) if slow else 0.0005)

    def place(self) -> Place:
        return self._place

    def _locked(self) -> Any:
        self._risk()
        return self._at.locked(self._session.process, LOCK_WAIT)

    def _highest(self, workset_id: str) -> int:
        return self._at.tokens.get(workset_id, 0)

    def _keep(self, workset_id: str, token: int) -> None:
        self._risk()
        self._at.tokens[workset_id] = token
        self._risk()

    def _run_folder(self, workset_id: str, run_token: int) -> str:
        return f"{self._at.place_id}/{workset_id}/{run_token}"

    def _make(self, folder: str, request: RunRequest) -> None:
        self._risk()
        if folder in self._at.runs:
            raise Refused(f"the run folder {folder} exists already; this run was started before")
        name = request.workset.workset_id
        spec = {
            "workset_id": name,
            "run_token": request.run.run_token,
            "deadline": request.deadline,
            "started": self._clock.boottime(),
            "boot_id": request.run.boot_id,
        }
        self._at.runs[folder] = Run(name, spec, self._at.fate(), self._at.machine.boot_id)
        self._risk()

    def _launch(self, folder: str, request: RunRequest) -> None:
        run, machine = self._at.runs[folder], self._at.machine
        until = machine.booted_at + int(request.deadline * 1_000_000)
        self._at.oracle.may_start_until(run.workset_id, request.run.run_token, until)
        run.held = True
        run.supervisor = Process(f"supervisor of {folder}")
        supervisor = run.supervisor
        self._at.kernel.start(supervisor, "supervisor", lambda: self._at.supervise(run, supervisor))
        self._risk()

    def _exists(self, folder: str) -> bool:
        self._risk()
        return folder in self._at.runs

    def _folders(self) -> Iterator[str]:
        return iter(list(self._at.runs))

    def _held(self, folder: str) -> bool:
        self._risk()
        return self._at.runs[folder].held

    def _spec(self, folder: str) -> Mapping[str, Any]:
        return self._at.runs[folder].spec

    def _exit(self, folder: str) -> Mapping[str, Any] | None:
        self._risk()
        return self._at.runs[folder].exit

    def _began(self, folder: str) -> bool:
        return self._at.runs[folder].started

    def stop(self, workset_id: str, run: RunRecord, *, force: bool) -> bool:
        self._risk()
        found = self._at.runs.get(run.folder)
        if found is None or not found.held or not (found.started or force):
            return False
        attended = self.attended.get(workset_id)
        stray = attended is None or attended.run.folder != run.folder
        if attended is not None and not stray and attended.why is None:
            raise Violation("no run is ended without a reason", f"{run.folder}: neither cancelled nor out of its time")
        self._at.signal(found, force=force, stray=stray)
        return True

    def log_tail(self, run: RunRecord, limit: int = 4096) -> str:
        return f"the last line of {run.folder}"[-limit:]

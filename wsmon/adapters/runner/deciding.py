"""What a runner decides, whatever its place is made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

from wsmon.adapters.runner.supervise import refusal
from wsmon.domain.errors import Refused, StillAlive
from wsmon.domain.workset import RunRecord
from wsmon.ports import Clock, Place, RunRequest, RunState, RunStatus


class PlaceRunner(ABC):
    """The deciding half of the CommandRunner port.

    The other half is a place's parts: one lock, the highest token of each workset, run folders,
    and in each folder the run's own lock, its spec and its exit document.
    """

    _clock: Clock

    def plan(self, workset_id: str, run_token: int, cluster: str | None = None) -> RunRecord:
        """The record that `start` commits; this is one place, whatever the cluster is called."""
        del cluster
        place = self.place()
        folder = self._run_folder(workset_id, run_token)
        return RunRecord(run_token, place.place_id, place.host, place.boot_id, folder)

    def ready(self, cluster: str | None = None) -> None:
        """Raises Refused while nothing can be started here, whatever it is."""
        del cluster
        self.place()

    def prepare(self, request: RunRequest) -> None:
        """Make all that a run needs, before its start is committed; nothing older starts here from now on.

        Raises StillAlive where an older run of the workset lives here, Refused: a newer token was seen,
        the deadline passed, the run exists, there is no room.
        """
        workset_id, token = request.workset.workset_id, request.run.run_token
        with self._permitted(request):
            self._raise_to(workset_id, token)
            older = self._living(workset_id, request.run.folder)
            if older:
                raise StillAlive(workset_id, older)
        # No longer under the lock, which is everybody's: `spawn` asks again.
        self._make(request.run.folder, request)

    def spawn(self, request: RunRequest) -> None:
        """Start a prepared run. Raises Refused: a newer token was seen, the deadline passed, it runs, no process."""
        with self._permitted(request):
            if self._exit(request.run.folder) is not None or self._held(request.run.folder):
                raise Refused(f"the run {request.run.folder} was started before")
            self._launch(request.run.folder, request)

    @contextmanager
    def _permitted(self, request: RunRequest) -> Iterator[None]:
        """The place's lock, under which this run may start. Raises Refused."""
        workset_id, token = request.workset.workset_id, request.run.run_token
        with self._locked():
            highest = self._highest(workset_id)
            why = refusal(token, request.deadline, highest=highest, now=self._clock.boottime())
            if why:
                raise Refused(f"{workset_id!r}: {why}")
            yield

    def _living(self, workset_id: str, but: str) -> list[RunRecord]:
        """The other runs of a workset here some process of which lives, or may."""
        found = []
        for folder in self._runs_of(workset_id):
            if folder != but:
                run = self._run(folder)
                if self.look(workset_id, run).state in {RunState.RUNNING, RunState.UNKNOWN}:
                    found.append(run)
        return found

    def _run(self, folder: str) -> RunRecord:
        """The record of a run found here; where its spec cannot be read, one of this boot without a token."""
        place = self.place()
        try:
            spec = self._spec(folder)
            token, boot_id = int(spec["run_token"]), str(spec["boot_id"])
        except (OSError, ValueError, KeyError):
            token, boot_id = 0, place.boot_id
        return RunRecord(token, place.place_id, place.host, boot_id, folder)

    def newly_reached(self) -> bool:
        """One's own machine is always reached."""
        return False

    def raise_token(self, workset_id: str, token: int, run: RunRecord | None = None) -> None:
        """From now on nothing with a lower token starts here. Raises Refused while the place is busy."""
        del run
        with self._locked():
            self._raise_to(workset_id, token)

    def _raise_to(self, workset_id: str, token: int) -> None:
        """Keep the higher of the known token and this one; called under the lock."""
        if token > self._highest(workset_id):
            self._keep(workset_id, token)

    def look(self, workset_id: str, run: RunRecord) -> RunStatus:
        """What became of a run; UNKNOWN wherever the place does not answer as the one it was started at."""
        del workset_id  # the folder names it already
        try:
            return self._look(run, self.place())
        except Refused as error:
            return RunStatus(RunState.UNKNOWN, note=f"its place does not answer: {error}")
        except OSError as error:
            return RunStatus(RunState.UNKNOWN, note=f"its folder cannot be read: {error.strerror}")

    def _look(self, run: RunRecord, place: Place) -> RunStatus:
        """The lock first, then the exit document, which is written before it is let go. Raises OSError."""
        if run.place_id != place.place_id:
            return RunStatus(RunState.UNKNOWN, note=f"it was started at another place ({run.host})")
        if run.boot_id != place.boot_id and run.host != place.host:
            # A copy of the run root, by its place id; where the first one is, it may live.
            return RunStatus(RunState.UNKNOWN, note=f"it was started on another machine ({run.host})")
        if not self._exists(run.folder):
            if self._survives(run.folder):
                return RunStatus(RunState.RUNNING, note="its folder is gone")
            return RunStatus(RunState.ABSENT, note="no such run at its place")
        if self._held(run.folder):
            return RunStatus(RunState.RUNNING, seconds=self._elapsed(run.folder), step=self._step(run.folder))
        return replace(self._result(run, place), step=self._step(run.folder), metrics=self._metrics(run.folder))

    def _result(self, run: RunRecord, place: Place) -> RunStatus:
        try:
            result = self._exit(run.folder)
            if result is not None:
                return RunStatus(RunState.ENDED, result["exit_code"], result["seconds"], result["note"])
        except (ValueError, KeyError, TypeError) as error:
            return RunStatus(RunState.ENDED, note=f"its exit file cannot be read: {error}")
        if run.boot_id != place.boot_id:
            return RunStatus(RunState.ABSENT, note="the machine was restarted under it")
        if self._survives(run.folder):
            return RunStatus(RunState.RUNNING, seconds=self._elapsed(run.folder), note="it let go of its lock")
        if not self._began(run.folder):
            return RunStatus(RunState.ABSENT, note="it was never started")
        return RunStatus(RunState.ENDED, note="every process of it is gone and nobody saw the result")

    def _elapsed(self, folder: str) -> float | None:
        try:
            return max(0.0, self._clock.boottime() - float(self._spec(folder)["started"]))
        except (OSError, ValueError, KeyError):
            return None

    def live_runs(self) -> list[tuple[str, RunRecord]]:
        """Every run of this store here some process of which lives."""
        live = []
        for folder in self._folders():
            try:
                spec = self._spec(folder)
                workset_id, ours = str(spec["workset_id"]), spec.get("store", "") == self._store()
            except (OSError, ValueError, KeyError):
                continue
            run = self._run(folder)
            if ours and self.look(workset_id, run).state is RunState.RUNNING:
                live.append((workset_id, run))
        return live

    def log_from(self, run: RunRecord, offset: int | None, limit: int = 65_536) -> tuple[str, int]:
        """A run's output; where a place keeps only its end, that and no more."""
        return (self.log_tail(run, limit), limit) if offset is None else ("", offset)

    @abstractmethod
    def log_tail(self, run: RunRecord, limit: int = 4096) -> str:
        """The end of a run's output."""

    def _step(self, folder: str) -> str | None:
        """The step the run says it has reached, where it says so."""
        del folder
        return None

    def _metrics(self, folder: str) -> Mapping[str, Any]:
        """What the run told about itself, where it did."""
        del folder
        return {}

    # the place's parts

    @abstractmethod
    def place(self) -> Place:
        """This place. Raises Refused when it cannot be used."""

    @abstractmethod
    def _locked(self) -> AbstractContextManager[None]:
        """The place's one lock. Raises Refused when it stays taken."""

    @abstractmethod
    def _highest(self, workset_id: str) -> int:
        """The highest token seen here, 0 where none was; under the lock."""

    @abstractmethod
    def _keep(self, workset_id: str, token: int) -> None:
        """Keep a token as the highest, durably; under the lock."""

    @abstractmethod
    def _run_folder(self, workset_id: str, run_token: int) -> str:
        """Where the files of one run lie."""

    @abstractmethod
    def _make(self, folder: str, request: RunRequest) -> None:
        """Make the run folder with its spec. Raises Refused where it exists: a run token starts one run."""

    @abstractmethod
    def _launch(self, folder: str, request: RunRequest) -> None:
        """Start the supervisor, the run's lock already in its hands. Raises Refused where no process can be started."""

    @abstractmethod
    def _exists(self, folder: str) -> bool:
        """Whether the run folder is there."""

    @abstractmethod
    def _folders(self) -> Iterator[str]:
        """Every run folder of the place."""

    def _runs_of(self, workset_id: str) -> Iterator[str]:
        """Every run folder of one workset."""
        return (folder for folder in self._folders() if self._spec(folder)["workset_id"] == workset_id)

    def _store(self) -> str:
        """The id of the store whose runs these are; a place may serve several."""
        return ""

    def _survives(self, folder: str) -> bool:
        """Whether a process of the run lives that holds no lock any more."""
        del folder
        return False

    def _began(self, folder: str) -> bool:
        """Whether the command came as far as its exec."""
        del folder
        return True

    @abstractmethod
    def _held(self, folder: str) -> bool:
        """Whether some process of the run lives. Raises OSError where that cannot be told."""

    @abstractmethod
    def _spec(self, folder: str) -> Mapping[str, Any]:
        """What `_make` wrote. Raises OSError, ValueError."""

    @abstractmethod
    def _exit(self, folder: str) -> Mapping[str, Any] | None:
        """The exit document; None where there is none. Raises OSError, ValueError."""

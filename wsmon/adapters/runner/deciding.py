"""What a runner decides, whatever its place is made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from wsmon.adapters.runner.supervise import refusal
from wsmon.domain.errors import Refused
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

    def spawn(self, request: RunRequest) -> None:
        """Start a run. Raises Refused: a newer token was seen, the deadline passed, the run exists, no process."""
        workset_id, token = request.workset.workset_id, request.run.run_token
        with self._locked():
            highest = self._highest(workset_id)
            why = refusal(token, request.deadline, highest=highest, now=self._clock.boottime())
            if why:
                raise Refused(f"{workset_id!r}: {why}")
            self._raise_to(workset_id, token)
            self._make(request.run.folder, request)
            self._launch(request.run.folder, request)

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
        """What became of a run: the lock first, then the exit document, which is written before it is let go."""
        del workset_id  # the folder names it already
        place = self.place()
        if run.place_id != place.place_id:
            return RunStatus(RunState.UNKNOWN, note=f"it was started at another place ({run.host})")
        if not self._exists(run.folder):
            return RunStatus(RunState.ABSENT, note="no such run at its place")
        try:
            held = self._held(run.folder)
        except OSError as error:
            return RunStatus(RunState.UNKNOWN, note=f"its lock cannot be read: {error.strerror}")
        if held:
            return RunStatus(RunState.RUNNING, seconds=self._elapsed(run.folder), step=self._step(run.folder))
        return replace(self._result(run, place), step=self._step(run.folder), metrics=self._metrics(run.folder))

    def _result(self, run: RunRecord, place: Place) -> RunStatus:
        try:
            result = self._exit(run.folder)
            if result is not None:
                return RunStatus(RunState.ENDED, result["exit_code"], result["seconds"], result["note"])
        except (OSError, ValueError, KeyError) as error:
            return RunStatus(RunState.ENDED, note=f"its exit file cannot be read: {error}")
        if run.boot_id != place.boot_id:
            return RunStatus(RunState.ABSENT, note="the machine was restarted under it")
        return RunStatus(RunState.ENDED, note="every process of it is gone and nobody saw the result")

    def _elapsed(self, folder: str) -> float | None:
        try:
            return max(0.0, self._clock.boottime() - float(self._spec(folder)["started"]))
        except (OSError, ValueError, KeyError):
            return None

    def live_runs(self) -> list[tuple[str, RunRecord]]:
        """Every run here some process of which lives."""
        place = self.place()
        live = []
        for folder in self._folders():
            try:
                if not self._held(folder):
                    continue
                spec = self._spec(folder)
                run = RunRecord(int(spec["run_token"]), place.place_id, place.host, spec["boot_id"], folder)
                live.append((str(spec["workset_id"]), run))
            except (OSError, ValueError, KeyError):
                continue
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

    @abstractmethod
    def _held(self, folder: str) -> bool:
        """Whether some process of the run lives. Raises OSError where that cannot be told."""

    @abstractmethod
    def _spec(self, folder: str) -> Mapping[str, Any]:
        """What `_make` wrote. Raises OSError, ValueError."""

    @abstractmethod
    def _exit(self, folder: str) -> Mapping[str, Any] | None:
        """The exit document; None where there is none. Raises OSError, ValueError."""

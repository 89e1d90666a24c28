"""The runner of this machine."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from wsmon.adapters.runner import supervise
from wsmon.adapters.runner.place import PlaceFolder
from wsmon.adapters.runner.processes import lock_is_held, signal_run
from wsmon.domain.errors import Refused
from wsmon.domain.workset import RunRecord
from wsmon.ports import Clock, Place, RunRequest, RunState, RunStatus

_STARTED: list[subprocess.Popen[bytes]] = []
"""Supervisors that this process has to reap; they outlive the runner that started them."""


class LocalRunner:
    """The CommandRunner port for one run root on a local disk."""

    def __init__(self, root: Path, clock: Clock) -> None:
        self._folder = PlaceFolder(root.absolute())
        self._clock = clock

    def place(self) -> Place:
        """This place. Raises Refused when the run root cannot be used."""
        return self._folder.place()

    def plan(self, workset_id: str, run_token: int) -> RunRecord:
        """The record that `start` commits."""
        place = self.place()
        folder = self._folder.run_folder(workset_id, run_token)
        return RunRecord(run_token, place.place_id, place.host, place.boot_id, str(folder))

    def spawn(self, request: RunRequest) -> None:
        """Start a run. Raises Refused: a newer token was seen, the deadline passed, the run exists, no process."""
        workset_id, token = request.workset.workset_id, request.run.run_token
        folder = Path(request.run.folder)
        with self._folder.locked():
            if self._folder.highest(workset_id) > token:
                raise Refused(f"a newer lock on {workset_id!r} was seen at this place")
            if self._clock.boottime() > request.deadline:
                raise Refused(f"the lock on {workset_id!r} ran out before its run could start")
            self._folder.raise_to(workset_id, token)
            self._make(folder, request)
            self._launch(folder, request)

    def _make(self, folder: Path, request: RunRequest) -> None:
        spec = {
            "workset_id": request.workset.workset_id,
            "run_token": request.run.run_token,
            "argv": _absolute(request.argv),
            "deadline": request.deadline,
            "started": self._clock.boottime(),
            "boot_id": request.run.boot_id,
            "place_lock": str(self._folder.lock_file),
            "token_file": str(self._folder.token_file(request.workset.workset_id)),
        }
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir()  # fails where it exists: a run token starts one run
            supervise.write_whole(str(folder / "spec.json"), spec)
        except FileExistsError:
            raise Refused(f"the run folder {folder} exists already; this run was started before") from None
        except OSError as error:
            raise Refused(f"the run folder {folder} cannot be made: {error.strerror}") from None

    def _launch(self, folder: Path, request: RunRequest) -> None:
        """Start the supervisor; it inherits the run's lock, taken here so that no look can miss it."""
        _reap()
        lock = os.open(folder / "run.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with (folder / "supervisor.log").open("ab") as log:
                supervisor = subprocess.Popen(
                    [sys.executable, "-I", "-S", supervise.__file__, str(folder), str(lock)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={**os.environ, **request.env},
                    pass_fds=[lock],
                    start_new_session=True,
                    cwd="/",
                )
        except OSError as error:
            raise Refused(f"no process could be started: {error.strerror}") from None
        finally:
            os.close(lock)
        _STARTED.append(supervisor)

    def raise_token(self, workset_id: str, token: int) -> None:
        """From now on nothing with a lower token starts here. Raises Refused while the place is busy."""
        with self._folder.locked():
            self._folder.raise_to(workset_id, token)

    def look(self, workset_id: str, run: RunRecord) -> RunStatus:
        """What became of a run: the lock first, then the exit file."""
        del workset_id  # the folder names it already
        _reap()
        place = self.place()
        if run.place_id != place.place_id:
            return RunStatus(RunState.UNKNOWN, note=f"it was started at another place ({run.host})")
        folder = Path(run.folder)
        if not folder.is_dir():
            return RunStatus(RunState.ABSENT, note="no such run at its place")
        try:
            held = lock_is_held(folder / "run.lock")
        except OSError as error:
            return RunStatus(RunState.UNKNOWN, note=f"its lock cannot be read: {error.strerror}")
        if held:
            return RunStatus(RunState.RUNNING, seconds=self._elapsed(folder))
        return self._result(folder, run, place)

    def _result(self, folder: Path, run: RunRecord, place: Place) -> RunStatus:
        try:
            result = json.loads((folder / "exit.json").read_text(encoding="utf-8"))
            return RunStatus(RunState.ENDED, result["exit_code"], result["seconds"], result["note"])
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError) as error:
            return RunStatus(RunState.ENDED, note=f"its exit file cannot be read: {error}")
        if run.boot_id != place.boot_id:
            return RunStatus(RunState.ABSENT, note="the machine was restarted under it")
        return RunStatus(RunState.ENDED, note="every process of it is gone and nobody saw the result")

    def _elapsed(self, folder: Path) -> float | None:
        try:
            spec = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
            return max(0.0, self._clock.boottime() - float(spec["started"]))
        except (OSError, ValueError, KeyError):
            return None

    def stop(self, workset_id: str, run: RunRecord, *, force: bool) -> None:
        """TERM, or KILL, for every process of the run; returns at once."""
        del workset_id
        folder = Path(run.folder)
        supervisor = None
        try:
            supervisor = int(json.loads((folder / "process.json").read_text(encoding="utf-8"))["supervisor"])
        except (OSError, ValueError, KeyError):
            if not force:
                return  # it is being started; the next call finds it
        signal_run(folder / "run.lock", supervisor, force=force)

    def live_runs(self) -> list[tuple[str, RunRecord]]:
        """Every run here some process of which lives."""
        place = self.place()
        live = []
        for lock_file in (self._folder.root / "runs").glob("*/*/run.lock"):
            folder = lock_file.parent
            try:
                if not lock_is_held(lock_file):
                    continue
                spec = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
                run = RunRecord(int(spec["run_token"]), place.place_id, place.host, spec["boot_id"], str(folder))
                live.append((str(spec["workset_id"]), run))
            except (OSError, ValueError, KeyError):
                continue
        return live

    def log_tail(self, run: RunRecord, limit: int = 4096) -> str:
        """The end of the run's output; empty when there is none."""
        try:
            with (Path(run.folder) / "output.log").open("rb") as file:
                file.seek(0, os.SEEK_END)
                file.seek(max(0, file.tell() - limit))
                return file.read(limit).decode(errors="replace")
        except OSError:
            return ""


def _absolute(argv: Sequence[str]) -> list[str]:
    """A program named by a relative path is meant from here, not from the run folder."""
    program, *rest = argv
    return [os.path.abspath(program) if "/" in program else program, *rest]


def _reap() -> None:
    _STARTED[:] = [process for process in _STARTED if process.poll() is None]

"""The runner of this machine."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from wsmon.adapters.runner import supervise
from wsmon.adapters.runner.deciding import PlaceRunner
from wsmon.adapters.runner.place import PlaceFolder
from wsmon.adapters.runner.processes import lock_is_held, members, signal_all
from wsmon.adapters.runner.ssh import metrics_of
from wsmon.domain.errors import Refused
from wsmon.domain.workset import RunRecord
from wsmon.ports import Clock, Place, RunRequest, RunState, RunStatus

_STARTED: list[subprocess.Popen[bytes]] = []
"""Supervisors that this process has to reap; they outlive the runner that started them."""


class LocalRunner(PlaceRunner):
    """The CommandRunner port for one run root on a local disk."""

    def __init__(self, root: Path, clock: Clock, store_id: Callable[[], str] = lambda: "") -> None:
        """`store_id` tells whose runs these are, asked at the first use; stores may share a root."""
        self._folder = PlaceFolder(root, store_id)
        self._clock = clock

    def place(self) -> Place:
        """This place. Raises Refused when the run root cannot be used."""
        return self._folder.place()

    def ready(self, cluster: str | None = None) -> None:
        """Raises Refused while the run root cannot be used, or its disk is full."""
        del cluster
        self._folder.place()
        self._folder.room()

    def _store(self) -> str:
        return self._folder.store_id

    def _locked(self) -> AbstractContextManager[None]:
        return self._folder.locked()

    def _highest(self, workset_id: str) -> int:
        return self._folder.highest(workset_id)

    def _keep(self, workset_id: str, token: int) -> None:
        self._folder.keep(workset_id, token)

    def _run_folder(self, workset_id: str, run_token: int) -> str:
        return str(self._folder.runs_of(workset_id) / str(run_token))

    def _make(self, folder: str, request: RunRequest) -> None:
        """Make the run folder and all that will be written in it but output: a full disk is met before the start."""
        made = Path(folder)
        spec = {
            "workset_id": request.workset.workset_id,
            "run_token": request.run.run_token,
            "store": self._store(),
            "argv": _absolute(request.argv),
            "env": dict(request.env),
            "pipeline": request.pipeline,
            "deadline": request.deadline,
            "started": self._clock.boottime(),
            "boot_id": request.run.boot_id,
            "place_lock": _as_utf8(self._folder.lock_file),
            "token_file": _as_utf8(self._folder.token_file(request.workset.workset_id)),
        }
        try:
            made.parent.mkdir(parents=True, exist_ok=True)
            made.mkdir()  # fails where it exists: a run token starts one run
        except FileExistsError:
            raise Refused(f"the run folder {folder} exists already; this run was started before") from None
        except OSError as error:
            raise Refused(f"the run folder {folder} cannot be made: {error.strerror}") from None
        try:
            supervise.fill(folder, spec)
        except OSError as error:
            shutil.rmtree(made, ignore_errors=True)
            raise Refused(f"the run folder {folder} cannot be filled: {error.strerror}") from None

    def _launch(self, folder: str, request: RunRequest) -> None:
        """Start the supervisor; it inherits the run's lock, taken here so that no look can miss it."""
        _reap()
        try:
            lock = os.open(Path(folder) / "run.lock", os.O_RDWR)
        except OSError as error:
            raise Refused(f"the run folder {folder} cannot be used: {error.strerror}") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with (Path(folder) / "supervisor.log").open("ab") as log:
                supervisor = subprocess.Popen(
                    [sys.executable, "-I", "-S", "-X", "utf8", supervise.__file__, folder, str(lock)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=[lock],
                    start_new_session=True,
                    cwd="/",
                )
        except OSError as error:
            raise Refused(f"no process could be started: {error.strerror}") from None
        finally:
            os.close(lock)
        _STARTED.append(supervisor)

    def look(self, workset_id: str, run: RunRecord) -> RunStatus:
        """What became of a run; its supervisor is reaped where it was ours."""
        found = super().look(workset_id, run)
        if found.state is not RunState.RUNNING:
            _reap()  # each time would ask every supervisor about every run
        return found

    def _exists(self, folder: str) -> bool:
        try:
            return stat.S_ISDIR(os.stat(folder).st_mode)
        except FileNotFoundError:
            return False

    def _folders(self) -> Iterator[str]:
        return (str(spec.parent) for spec in (self._folder.root / "runs").glob("*/*/spec.json"))

    def _runs_of(self, workset_id: str) -> Iterator[str]:
        try:
            return (entry.path for entry in list(os.scandir(self._folder.runs_of(workset_id))))
        except FileNotFoundError:
            return iter(())
        except OSError as error:
            raise Refused(f"{self._folder.runs_of(workset_id)} cannot be read: {error.strerror}") from None

    def _held(self, folder: str) -> bool:
        try:
            return lock_is_held(f"{folder}/run.lock")
        except FileNotFoundError:
            return self._survives(folder)  # somebody took the file away; what lives is found otherwise

    def _survives(self, folder: str) -> bool:
        return bool(members(folder, self._process(folder)))

    def _began(self, folder: str) -> bool:
        return (Path(folder) / "process.json").exists()

    def _process(self, folder: str) -> Mapping[str, Any]:
        """What the command wrote of itself right before its exec; empty until then."""
        try:
            return dict(json.loads((Path(folder) / "process.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return {}

    def _spec(self, folder: str) -> Mapping[str, Any]:
        return dict(json.loads((Path(folder) / "spec.json").read_text(encoding="utf-8")))

    def _exit(self, folder: str) -> Mapping[str, Any] | None:
        try:
            return dict(json.loads((Path(folder) / "exit.json").read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None

    def stop(self, workset_id: str, run: RunRecord, *, force: bool) -> bool:
        """TERM, or KILL, for every process of the run but the supervisor, which stays to tell the exit."""
        del workset_id
        recorded = self._process(run.folder)
        if not recorded and not force:
            return False  # it is being started; the next call finds it
        try:
            if run.place_id != self.place().place_id:
                return False
        except Refused:
            pass  # its root is out of sight; what lives of it bears its name all the same
        return signal_all(members(run.folder, recorded) - {recorded.get("supervisor")}, force=force)

    def _step(self, folder: str) -> str | None:
        return _text(Path(folder) / "step")

    def _metrics(self, folder: str) -> Mapping[str, Any]:
        return metrics_of(_text(Path(folder) / "metrics.json"))

    def log_from(self, run: RunRecord, offset: int | None, limit: int = 65_536) -> tuple[str, int]:
        """Output from an offset on (None: its end), and the offset to go on from."""
        try:
            with (Path(run.folder) / "output.log").open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - limit) if offset is None else min(offset, size))
                return file.read(limit).decode(errors="replace"), file.tell()
        except OSError:
            return "", offset or 0

    def log_tail(self, run: RunRecord, limit: int = 4096) -> str:
        """The end of the run's output; empty when there is none."""
        return self.log_from(run, None, limit)[0]


def _text(path: Path) -> str | None:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(65_536) or None
    except OSError:
        return None


def _absolute(argv: Sequence[str]) -> list[str]:
    """A program named by a relative path is meant from here, not from the run folder."""
    program, *rest = argv
    return [os.path.abspath(program) if "/" in program else program, *rest]


def _as_utf8(path: Path) -> str:
    """The path as the supervisor must read it, which is in UTF-8 whatever this process is in: the same bytes."""
    return os.fsencode(path).decode("utf-8", "surrogateescape")


def _reap() -> None:
    _STARTED[:] = [process for process in _STARTED if process.poll() is None]

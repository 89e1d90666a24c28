"""Runs on another machine, over OpenSSH: the run folder's contract with another transport."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from wsmon.adapters.runner.line import SshLine, SshTarget, said
from wsmon.adapters.runner.place import folder_key
from wsmon.domain.errors import OutsideError, Refused, StillAlive
from wsmon.domain.workset import RunRecord
from wsmon.ports import Clock, Place, RunRequest, RunState, RunStatus

METRICS_CHARS = 65_536
FRESH_SECONDS = 2.0
FORGET_SECONDS = 60.0


class SshRunner:
    """The CommandRunner port for the run root of one machine that is reached over SSH."""

    def __init__(
        self, target: SshTarget, clock: Clock, line: SshLine | None = None, store_id: Callable[[], str] = lambda: ""
    ) -> None:
        """`store_id` tells whose runs these are; stores may share a run root."""
        self._ask_store = store_id
        self._full = False
        self._line, self._clock = line or SshLine(target), clock
        self._target = target
        self._known: Place | None = None
        self._root = ""
        self._ahead = 0.0
        """What to add to this machine's boot-time clock for that one's: never more than it is."""
        self._watched: dict[str, float] = {}
        """Run folder -> monotonic seconds of the last look at it; all of them are asked for in one call."""
        self._answers: dict[str, Any] | None = None
        self._answered = -FRESH_SECONDS
        self._silence = ""

    def place(self) -> Place:
        """The place as it answers now; made at the first call in a boot of it. Raises OutsideError, Refused."""
        reply = self._line.ask("place", known_boot=self._known.boot_id if self._known else None)
        after = self._clock.boottime()
        self._known = Place(reply["place_id"], reply["host"], reply["boot_id"])
        # It was read before the answer came, so the difference is at least this: a deadline comes early, never late.
        self._root, self._ahead = reply["root"], reply["boottime"] - after
        self._full = reply["full"]
        return self._known

    def newly_reached(self) -> bool:
        """One machine is reached, or it is not; whoever holds many of them knows more."""
        return False

    def plan(self, workset_id: str, run_token: int, cluster: str | None = None) -> RunRecord:
        """The record that `start` commits."""
        del cluster
        place = self.place()
        folder = f"{self._root}/runs/{self._key(workset_id)}/{run_token}"
        return RunRecord(run_token, place.place_id, place.host, place.boot_id, folder)

    @cached_property
    def _store_id(self) -> str:
        return self._ask_store()

    def _key(self, workset_id: str) -> str:
        return folder_key(workset_id, self._store_id)

    def ready(self, cluster: str | None = None) -> None:
        """Raises Refused where the disk there was full at the last look."""
        del cluster
        if self._full:
            raise Refused(f"{self._target.host}: the disk of the run root {self._root} is full; make room")

    def prepare(self, request: RunRequest) -> None:
        """Make what the run needs. Raises StillAlive, Refused, OutsideError; nothing runs in any case."""
        older = self._ask_for("prepare", request).get("older", [])
        if older:
            run = request.run
            runs = [RunRecord(token, run.place_id, run.host, boot_id, folder) for token, boot_id, folder in older]
            raise StillAlive(request.workset.workset_id, runs)

    def spawn(self, request: RunRequest) -> None:
        """Start a prepared run. Raises Refused, and OutsideError where nobody knows whether it did."""
        self._ask_for("spawn", request)

    def _ask_for(self, operation: str, request: RunRequest) -> dict[str, Any]:
        self._stale()
        return self._line.ask(
            operation,
            workset_id=request.workset.workset_id,
            store=self._store_id,
            key=self._key(request.workset.workset_id),
            place_id=request.run.place_id,
            run_token=request.run.run_token,
            folder=request.run.folder,
            argv=list(request.argv),
            env=dict(request.env),
            deadline=request.deadline + self._ahead,
            boot_id=request.run.boot_id,
            pipeline=request.pipeline,
            detach=self._target.detach,
        )

    def raise_token(self, workset_id: str, token: int, run: RunRecord | None = None) -> None:
        """From now on nothing with a lower token starts there; what is seen afterwards was looked at afterwards."""
        place_id = run.place_id if run is not None else (self._known or self.place()).place_id
        self._stale()
        self._line.ask("raise", key=self._key(workset_id), token=token, place_id=place_id)

    def look(self, workset_id: str, run: RunRecord) -> RunStatus:
        """What became of a run; no answer is unknown, never gone."""
        del workset_id
        try:
            place = self._known or self.place()
            if run.place_id != place.place_id:
                return RunStatus(RunState.UNKNOWN, note=f"it was started at another place ({run.host})")
            reply = self._look_at(run.folder)
            if run.place_id != reply["place_id"]:
                return RunStatus(RunState.UNKNOWN, note="its run root is another place now")
        except (OutsideError, Refused) as error:
            return RunStatus(RunState.UNKNOWN, note=str(error))
        return _status(reply["runs"][run.folder], run, reply)

    def _look_at(self, folder: str) -> dict[str, Any]:
        """The last answer about all watched runs, asked again once it is two seconds old; so is a silence."""
        moment = self._clock.monotonic()
        fresh = moment - self._answered < FRESH_SECONDS
        if fresh and self._silence:
            raise OutsideError(self._silence)
        self._watched = {f: at for f, at in self._watched.items() if moment - at < FORGET_SECONDS} | {folder: moment}
        if self._answers is None or not fresh or folder not in self._answers["runs"]:
            self._answered, self._silence, folders = moment, "", list(self._watched)
            try:
                reply = self._line.ask("look", folders=folders)
            except (OutsideError, Refused) as error:
                self._silence = str(error)
                raise
            self._answers = {**reply, "runs": dict(zip(folders, reply["runs"], strict=True))}
        return self._answers

    def _stale(self) -> None:
        """Something was changed there: the next look is a new one."""
        self._answers, self._silence = None, ""

    def stop(self, workset_id: str, run: RunRecord, *, force: bool) -> bool:
        """TERM, or KILL; a place that does not answer is asked again with the next look."""
        del workset_id
        try:
            return bool(self._line.ask("stop", folder=run.folder, force=force)["reached"])
        except OutsideError:
            return False

    def live_runs(self) -> list[tuple[str, RunRecord]]:
        """Every run there some process of which lives. Raises OutsideError."""
        place = self._known or self.place()
        found = self._line.ask("live", store=self._store_id, place_id=place.place_id)["runs"]
        return [
            (workset_id, RunRecord(token, place.place_id, place.host, boot_id, folder))
            for workset_id, token, boot_id, folder in found
        ]

    def log_tail(self, run: RunRecord, limit: int = 4096) -> str:
        """The end of a run's output; empty where it cannot be had."""
        try:
            return str(self._line.ask("tail", folder=run.folder, limit=limit, offset=None)["text"])
        except (OutsideError, Refused):
            return ""

    def log_from(self, run: RunRecord, offset: int | None, limit: int = 65_536) -> tuple[str, int]:
        """A run's output from an offset on (None: its end), and the offset to go on from. Raises OutsideError."""
        reply = self._line.ask("tail", folder=run.folder, limit=limit, offset=offset)
        return str(reply["text"]), int(reply["offset"])

    def shell(self, command: str) -> str:
        """What a command line there prints. Raises OutsideError where it fails."""
        done = self._line.run(command)
        if done.returncode != 0:
            raise OutsideError(f"{self._target.host}: {said(done)}")
        return done.stdout.decode(errors="replace")

    def close(self) -> None:
        """End the shared connection."""
        self._line.close()


def _status(found: Mapping[str, Any], run: RunRecord, reply: Mapping[str, Any]) -> RunStatus:
    if run.boot_id != reply["boot_id"] and run.host != reply["host"]:
        # A copy of the run root, by its place id; where the first one is, it may live.
        return RunStatus(RunState.UNKNOWN, note=f"it was started on another machine ({run.host})")
    if not found["exists"]:
        if found["held"]:
            return RunStatus(RunState.RUNNING, note="its folder is gone")
        return RunStatus(RunState.ABSENT, note="no such run at its place")
    step = found["step"] or None
    if found["held"]:
        seconds = None if found["started"] is None else max(0.0, reply["boottime"] - found["started"])
        return RunStatus(RunState.RUNNING, seconds=seconds, step=step)
    metrics = metrics_of(found["metrics"])
    if found["exit"] is not None:
        document = found["exit"]
        return RunStatus(RunState.ENDED, document["exit_code"], document["seconds"], document["note"], step, metrics)
    if run.boot_id != reply["boot_id"]:
        return RunStatus(RunState.ABSENT, note="the machine was restarted under it", step=step)
    if not found["began"]:
        return RunStatus(RunState.ABSENT, note="it was never started", step=step)
    return RunStatus(RunState.ENDED, note="every process of it is gone and nobody saw the result", step=step)


def metrics_of(text: str | None) -> dict[str, Any]:
    """What a run wrote about itself into metrics.json: a flat JSON object of numbers and texts."""
    try:
        document = json.loads((text or "{}")[:METRICS_CHARS])
    except ValueError:
        return {}
    if not isinstance(document, dict):
        return {}
    return {
        str(name)[:100]: value
        for name, value in document.items()
        if isinstance(value, int | float | str) and len(str(value)) <= 1000
    }

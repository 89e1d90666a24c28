"""Runs at this place that their workset has left behind: found, ended, and waited for."""

from __future__ import annotations

from collections.abc import Collection

from wsmon.domain.alerts import about
from wsmon.domain.errors import OutsideError, Refused
from wsmon.domain.states import WorksetState
from wsmon.domain.workset import RunRecord, Tombstone, Workset, row_of
from wsmon.ports import AlertRecord, Clock, CommandRunner, Log, RunState, StateStore

SCAN_SECONDS = 300.0


class Strays:
    """Follows every living run here that this monitor does not attend.

    The newest lock decides about a run. While it is the workset's own it is left alone; once the
    workset has gone on without it (it was requeued, or its record is gone) it is ended, with the
    alert `duplicate`, and nothing of that workset starts here before it is dead.
    """

    def __init__(self, store: StateStore, clock: Clock, runner: CommandRunner, log: Log) -> None:
        self._store, self._clock, self._runner, self._log = store, clock, runner, log
        self._known: dict[str, tuple[str, RunRecord]] = {}
        """folder -> workset id and run, each let go of by this monitor or found to be left behind."""
        self._left_behind: set[str] = set()
        """Folders of those that have been told to end."""
        self._scan_due = clock.monotonic()

    def note(self, workset_id: str, run: RunRecord) -> None:
        """It may live, and this monitor does not attend it (any more)."""
        self._known[run.folder] = (workset_id, run)

    def blocked(self) -> set[str]:
        """The worksets of which nothing may start here yet."""
        return {self._known[folder][0] for folder in self._left_behind}

    def sweep(self, attended: Collection[str]) -> None:
        """Judge what is known anew, and from time to time whatever lives here; `attended` are run folders.

        Raises StoreError, and Refused where this machine's place cannot be used.
        """
        found = self._scan()
        for folder, (workset_id, run) in {**found, **self._known}.items():
            if folder in attended or (folder in self._known and self._has_ended(workset_id, run)):
                self._forget(folder)
            else:
                self._judge(workset_id, run)

    def _has_ended(self, workset_id: str, run: RunRecord) -> bool:
        """What is absent may still be on its way there; it is forgotten once it is barred."""
        return self._runner.look(workset_id, run).state is RunState.ENDED

    def _scan(self) -> dict[str, tuple[str, RunRecord]]:
        moment = self._clock.monotonic()
        if moment < self._scan_due and not self._runner.newly_reached():
            return {}
        found = {run.folder: (workset_id, run) for workset_id, run in self._runner.live_runs()}
        self._scan_due = moment + SCAN_SECONDS
        return found

    def _judge(self, workset_id: str, run: RunRecord) -> None:
        try:
            record = self._store.record(workset_id)
            if self._is_left_behind(record, workset_id, run):
                self._end(record, workset_id, run)
        except (OutsideError, Refused) as error:
            self._known[run.folder] = (workset_id, run)  # its place is busy, or went away again
            self._log.warning("not looked at", workset_id=workset_id, why=str(error))

    def _is_left_behind(self, record: Workset | Tombstone | None, workset_id: str, run: RunRecord) -> bool:
        token = record.token if record is not None else 0
        if token < run.run_token:
            return False  # not of a time this store knows of
        current = record.run if isinstance(record, Workset) and record.state is WorksetState.IN_PROGRESS else None
        # By token and place: a folder has as many names as there are links to it.
        if current is not None and (current.place_id, current.run_token) == (run.place_id, run.run_token):
            return False
        # Also where nobody has locked it since: what is on its way here does not start any more.
        self._runner.raise_token(workset_id, max(token, run.run_token + 1), run)
        # Its result may have been recorded since it was found; then it had ended by then.
        if self._runner.look(workset_id, run).state in _OVER:
            self._forget(run.folder)
            return False
        return True

    def _end(self, record: Workset | Tombstone | None, workset_id: str, run: RunRecord) -> None:
        if run.folder not in self._left_behind:
            self._known[run.folder] = (workset_id, run)
            self._alert(record, workset_id, run)
            self._left_behind.add(run.folder)  # after the alert: one that did not get through is told again
        self._runner.stop(workset_id, run, force=True)

    def _alert(self, record: Workset | Tombstone | None, workset_id: str, run: RunRecord) -> None:
        now = self._clock.now()
        text = f"an older run (token {run.run_token}) of it was still alive at {run.host} and was ended"
        fingerprint = f"duplicate/{workset_id}/{run.run_token}"
        alert = AlertRecord(fingerprint, "duplicate", "critical", workset_id, text, now, now)
        self._store.put_alert(about(alert, row_of(record)) if isinstance(record, Workset) else alert)
        self._log.error("duplicate run ended", workset_id=workset_id, run_token=run.run_token)

    def _forget(self, folder: str) -> None:
        self._known.pop(folder, None)
        self._left_behind.discard(folder)


_OVER = frozenset({RunState.ENDED, RunState.ABSENT})

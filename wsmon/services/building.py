"""The commands that make clusters and take them down: started detached, bounded, found again, their output kept."""

from __future__ import annotations

from collections.abc import Sequence

from wsmon.domain.change import CLUSTER_ID
from wsmon.domain.creating import render
from wsmon.domain.errors import OutsideError, Refused
from wsmon.domain.lives import Life
from wsmon.domain.states import WorksetPriority, WorksetState
from wsmon.domain.visible import visible
from wsmon.domain.workset import Lease, RunRecord, Workset
from wsmon.ports import Clock, CommandRunner, RunRequest, RunState, RunStatus

TAIL_BYTES, TAIL_CHARS = 2000, 600


class Builders:
    """Runs a cluster's commands at one place, as runs are run: each in a folder with its log, under a supervisor.

    A run's token is the seq of the event that asked for it. Whoever finds a command that another
    monitor was to start raises the place's token first, so that it cannot start any more where it has not.
    """

    def __init__(self, runner: CommandRunner, clock: Clock) -> None:
        self._runner, self._clock = runner, clock
        self._own: set[tuple[str, int]] = set()
        """(cluster, run token) of what was started, or looked at under a raised token, by this process."""

    def plan(self, life: Life) -> RunRecord:
        """The record of the command that the next change of `life` asks for. Raises Refused."""
        return self._runner.plan(CLUSTER_ID + life.name, life.rev + 1)

    def start(self, life: Life, template: Sequence[str], duty: Lease) -> None:
        """Start the command that was asked for, while the duty lasts. Raises Refused, OutsideError."""
        assert life.run is not None, "it was asked for with its run"
        self._own.add((life.name, life.run.run_token))
        left = (duty.expires_at - self._clock.now()) / 1e6
        request = RunRequest(
            _stand_in(life),
            life.run,
            render(template, life.name),
            self._clock.boottime() + left,
            {"WSMON_CLUSTER": life.name, "WSMON_RUN_FOLDER": life.run.folder},
        )
        self._runner.prepare(request)
        self._runner.spawn(request)

    def look(self, life: Life) -> RunStatus:
        """What became of the command; ABSENT: it never started, and never will."""
        run, entity = life.run, CLUSTER_ID + life.name
        if run is None:
            return RunStatus(RunState.ABSENT, note="no command was asked for")
        try:
            if (life.name, run.run_token) not in self._own and self._runner.place().place_id == run.place_id:
                self._runner.raise_token(entity, run.run_token + 1)
                self._own.add((life.name, run.run_token))
            return self._runner.look(entity, run)
        except (Refused, OutsideError) as error:
            return RunStatus(RunState.UNKNOWN, note=str(error))

    def never_began(self, life: Life, look: RunStatus) -> bool:
        """Whether it is certain that no command ran; after a restart of the machine nobody can tell."""
        run = life.run
        return look.state is RunState.ABSENT and run is not None and run.boot_id == self._runner.place().boot_id

    def stop(self, life: Life, *, force: bool) -> None:
        """Ask the command to end, or end it."""
        if life.run is not None:
            self._runner.stop(CLUSTER_ID + life.name, life.run, force=force)

    def stop_older(self, life: Life) -> None:
        """End commands of this cluster that were asked for before; two at once would work against each other."""
        for entity, run in self._runner.live_runs():
            if entity == CLUSTER_ID + life.name and life.run is not None and run.run_token < life.run.run_token:
                self._runner.stop(entity, run, force=True)

    def tail(self, life: Life) -> str:
        """The end of its output, on one line."""
        if life.run is None:
            return ""
        return visible(" ".join(self._runner.log_tail(life.run, TAIL_BYTES).split()))[-TAIL_CHARS:]


def _stand_in(life: Life) -> Workset:
    """What a runner knows a command by."""
    return Workset(
        CLUSTER_ID + life.name, "", "", WorksetState.READY, WorksetPriority.NORMAL, life.rev, 0, 0, life.updated_at
    )

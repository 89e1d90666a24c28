"""Many places as one runner: this machine and the clusters that are reached over SSH."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

from wsmon.adapters.clock import SystemClock
from wsmon.adapters.runner.ssh import SshRunner
from wsmon.adapters.slurm import SlurmView
from wsmon.domain.errors import OutsideError, Refused
from wsmon.domain.pool import USABLE, ClusterRecord, Health
from wsmon.domain.times import Instant
from wsmon.domain.workset import RunRecord
from wsmon.ports import Clock, ClusterSource, CommandRunner, Place, RunRequest, RunState, RunStatus

REST_TIMES, LONGEST_REST = 5.0, 60.0


@dataclass(slots=True)
class Far:
    """A cluster's head node, and what it answered last."""

    runner: SshRunner
    host: str = ""
    place: Place | None = None
    problem: str = "not looked at yet"
    unswept: bool = True
    """Whether its live runs were not looked at since it was reached."""
    due: float = 0.0
    """Monotonic seconds from which it is asked again."""


class PoolRunner:
    """The CommandRunner port over several places. A run is found again by its place's id."""

    def __init__(
        self, own: CommandRunner, own_cluster: str, far: Mapping[str, SshRunner], clock: Clock | None = None
    ) -> None:
        self._own, self._own_cluster, self._clock = own, own_cluster, clock or SystemClock()
        self._far = {name: Far(runner) for name, runner in far.items()}

    def reach(self, cluster: str, host: str, make: Callable[[], SshRunner]) -> None:
        """A cluster that was found meanwhile, at this address; one made anew under its name has another."""
        known = self._far.get(cluster)
        if known is None or known.host != host:
            self._far[cluster] = Far(make(), host)

    def shell(self, cluster: str, command: str) -> str:
        """What a command line at a cluster's head node prints. Raises OutsideError."""
        return self._far[cluster].runner.shell(command)

    def look_around(self) -> None:
        """Ask every head node, side by side; what does not answer is out of reach until it does.

        One that kept its caller waiting for nothing is left alone five times as long: there are others to attend.
        """
        moment = self._clock.monotonic()
        due = [far for far in self._far.values() if moment >= far.due]
        if due:
            with ThreadPoolExecutor(len(due)) as pool:
                list(pool.map(self._ask, due))

    def _ask(self, far: Far) -> None:
        began = self._clock.monotonic()
        try:
            place = far.runner.place()
        except (OutsideError, Refused) as error:
            far.place, far.problem, far.unswept = None, str(error), True
            now = self._clock.monotonic()
            far.due = now + min(LONGEST_REST, REST_TIMES * (now - began))
        else:
            far.place, far.problem = place, ""

    def problem(self, cluster: str) -> str | None:
        """Why a cluster is out of reach; empty where it is not, None where it is none of ours."""
        return self._far[cluster].problem if cluster in self._far else None

    def problems(self) -> list[str]:
        """Every cluster that is out of reach, with why."""
        return [f"{name}: {far.problem}" for name, far in self._far.items() if far.problem]

    def place(self) -> Place:
        """This machine's own place, by which the monitor is known."""
        return self._own.place()

    def newly_reached(self) -> bool:
        """Whether a place answers that did not before."""
        return any(far.unswept and far.place is not None for far in self._far.values())

    def reaching(self, run: RunRecord | None) -> CommandRunner | None:
        """The runner of the run's place (None: this machine's); None where no place that answered is that one."""
        if run is None or run.place_id == self._own.place().place_id:
            return self._own
        found = (far for far in self._far.values() if far.place is not None and far.place.place_id == run.place_id)
        return next((far.runner for far in found), None)

    def plan(self, workset_id: str, run_token: int, cluster: str | None = None) -> RunRecord:
        """The record of a run on the cluster its slot was claimed on. Raises OutsideError, Refused."""
        if cluster in {None, self._own_cluster}:
            return self._own.plan(workset_id, run_token)
        if cluster not in self._far:
            raise Refused(f"cluster {cluster!r} is not reached from here")
        return self._far[str(cluster)].runner.plan(workset_id, run_token)

    def ready(self, cluster: str | None = None) -> None:
        """Raises Refused while nothing can be started on a cluster, OutsideError while it does not answer."""
        far = self._far.get(cluster or "")
        (far.runner if far is not None else self._own).ready(cluster)

    def prepare(self, request: RunRequest) -> None:
        """Make what the run needs of the place it was planned for."""
        self._reached(request.run).prepare(request)

    def spawn(self, request: RunRequest) -> None:
        """Start the run at the place it was planned for."""
        self._reached(request.run).spawn(request)

    def _reached(self, run: RunRecord | None) -> CommandRunner:
        runner = self.reaching(run)
        if runner is None:
            raise OutsideError(f"its place ({run.host if run else ''}) does not answer")
        return runner

    def raise_token(self, workset_id: str, token: int, run: RunRecord | None = None) -> None:
        """From now on nothing with a lower token starts at the run's place."""
        self._reached(run).raise_token(workset_id, token, run)

    def look(self, workset_id: str, run: RunRecord) -> RunStatus:
        """What became of a run; a place that does not answer is unknown, never gone."""
        runner = self.reaching(run)
        if runner is None:
            return RunStatus(RunState.UNKNOWN, note=f"its place ({run.host}) does not answer")
        return runner.look(workset_id, run)

    def stop(self, workset_id: str, run: RunRecord, *, force: bool) -> bool:
        """TERM, or KILL, where the place answers."""
        runner = self.reaching(run)
        return runner is not None and runner.stop(workset_id, run, force=force)

    def live_runs(self) -> list[tuple[str, RunRecord]]:
        """The live runs of this machine, and of every place newly reached."""
        found = [self._own.live_runs()]
        for far in self._far.values():
            if far.unswept and far.place is not None:
                with contextlib.suppress(OutsideError, Refused):
                    found.append(far.runner.live_runs())
                    far.unswept = False
        return list(chain.from_iterable(found))

    def log_tail(self, run: RunRecord, limit: int = 4096) -> str:
        """The end of a run's output, where its place answers."""
        runner = self.reaching(run)
        return runner.log_tail(run, limit) if runner is not None else ""

    def log_from(self, run: RunRecord, offset: int | None, limit: int = 65_536) -> tuple[str, int]:
        """A run's output from an offset on. Raises OutsideError."""
        return self._reached(run).log_from(run, offset, limit)

    def close(self) -> None:
        """End the shared connections."""
        for far in self._far.values():
            with contextlib.suppress(OSError):
                far.runner.close()


class ReachedPool:
    """The ClusterSource port: the clusters of the settings and those found, with what the runner reached.

    A cluster that is not reached from here is told of as unreachable, with why.
    """

    def __init__(
        self,
        own: ClusterSource | None,
        given: Sequence[ClusterRecord],
        runner: PoolRunner,
        slurm: Collection[str] = (),
        find: Callable[[Instant], Sequence[ClusterRecord]] = lambda _: (),
        find_slurm: bool = False,
    ) -> None:
        """`slurm` names those that have one, `find` looks for further clusters and makes them known to the runner."""
        self._own, self._given, self._runner, self._find = own, given, runner, find
        self._slurm, self._find_slurm = set(slurm), find_slurm
        self._views: dict[str, SlurmView] = {}

    def clusters(self, now: Instant) -> list[ClusterRecord]:
        """The clusters as they are at `now`."""
        found = list(self._find(now))
        if self._find_slurm:
            self._slurm |= {cluster.name for cluster in found}
        self._runner.look_around()
        own = list(self._own.clusters(now)) if self._own is not None else []
        given = [replace(cluster, updated_at=now) for cluster in self._given]
        return own + [self._seen(cluster, now) for cluster in [*given, *found]]

    def _seen(self, cluster: ClusterRecord, now: Instant) -> ClusterRecord:
        problem = self._runner.problem(cluster.name)
        if cluster.health not in USABLE:
            return cluster
        if problem is None:
            problem = "its head node has no address that is used here"
        if problem:
            return replace(cluster, health=Health.UNREACHABLE.value, note=problem)
        if cluster.name not in self._slurm:
            return cluster
        view = self._views.get(cluster.name)
        if view is None:
            view = self._views[cluster.name] = SlurmView(partial(self._runner.shell, cluster.name))
        return view.seen(cluster, now)

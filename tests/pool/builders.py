"""A script that stands for pcluster, a source that sees what it made, and keepers of both."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.services.world import SilentLog
from tests.waiting import wait_for
from wsmon.adapters.clock import SystemClock
from wsmon.adapters.runner import LocalRunner
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.change import CLUSTER_ID, SlotClaim
from wsmon.domain.creating import CreationRule, Kind
from wsmon.domain.lives import Life
from wsmon.domain.pool import ClusterRecord
from wsmon.domain.queueing import Policy
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.times import Instant
from wsmon.domain.workset import Lease
from wsmon.ports import CommandRunner
from wsmon.services.building import Builders
from wsmon.services.commands import Commands
from wsmon.services.duties import Duty
from wsmon.services.keeping import DUTY, ClusterKeeper

CLOCK = SystemClock()
# $1: create or delete, $2: the folder, $3: the name, $4: seconds it takes, $5: its exit code.
SCRIPT = """
echo "$1 $3" >> "$2/effects"
echo "stack $3: $1 in progress"
sleep "$4"
[ "$5" = 0 ] || { echo "no capacity in $3" >&2; exit "$5"; }
case "$1" in
create) echo "{\\"name\\": \\"$3\\"}" > "$2/pool/$3.tmp"; mv "$2/pool/$3.tmp" "$2/pool/$3.json" ;;
delete) rm -f "$2/pool/$3.json" ;;
esac
"""


class FolderSource:
    """The ClusterSource port: what stands in a folder is there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def clusters(self, now: Instant) -> Sequence[ClusterRecord]:
        found = [json.loads(file.read_text()) for file in sorted(self._folder.glob("*.json"))]
        return [ClusterRecord(**{"slots": 2, "vcpus": 16, "updated_at": now, "kind": "folder", **one}) for one in found]


def template(folder: Path, verb: str, seconds: float = 0, exit_code: int = 0) -> tuple[str, ...]:
    script = folder / "pcluster.sh"
    script.write_text(SCRIPT)
    return ("/bin/sh", str(script), verb, str(folder), "{cluster}", str(seconds), str(exit_code))


def rule_of(
    folder: Path, *, create: tuple[str, ...] | None = None, more: tuple[Kind, ...] = (), **given: Any
) -> CreationRule:
    """`more`: dearer kinds beside the usual one."""
    usual_kind = Kind(create or template(folder, "create"), ClusterRecord("a new one", 2, 0, vcpus=16), 2_000_000)
    usual: dict[str, Any] = {
        "delete": template(folder, "delete"),
        "daily": 100_000_000,
        "cooldown": 0.0,
        "idle": 0.2,
        "create_within": 10.0,
        "delete_within": 10.0,
        "quiet": 0.1,
    }
    return CreationRule(kinds=(usual_kind, *more), **{**usual, **given})


class Yard:
    """A store, a pool folder, and whoever keeps its clusters."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "pool").mkdir(exist_ok=True)
        self.store = SqliteStore(folder / "wsmon.db")
        self.store.init()
        self.commands = Commands(self.store, CLOCK, "m1")
        self.source = FolderSource(folder / "pool")
        self.log = SilentLog()

    def keeper(
        self,
        rule: CreationRule | None = None,
        name: str = "m1",
        runner: CommandRunner | None = None,
        gone: Callable[[str], str] = lambda _: "",
    ) -> ClusterKeeper:
        place = runner or LocalRunner(self.folder / "commands", CLOCK)
        duty = Duty(self.store, CLOCK, DUTY, name, seconds=0.9, skew=0.1)
        commands = self.commands.acting_as(name)
        builders, chosen = Builders(place, CLOCK), rule or rule_of(self.folder)
        return ClusterKeeper(commands, Policy(), chosen, duty, builders, self.log, gone)

    def register(self, workset_id: str = "w1", vcpus: int = 8) -> None:
        self.commands.register(WorksetSpec(workset_id, "b", "p", requirements={"vcpus": vcpus}))

    def claim(self, cluster: str, workset_id: str = "w1") -> Lease:
        return self.commands.acquire(workset_id, holder="m", seconds=60, claim=SlotClaim(cluster, 2))

    def drive(self, keeper: ClusterKeeper, until: Callable[[], Any], seconds: float = 10.0) -> Any:
        """Make passes, each with a heartbeat's reports, until the condition holds."""

        def step() -> Any:
            for cluster in self.source.clusters(CLOCK.now()):
                self.store.put_cluster(cluster)
            keeper.step()
            return until()

        return wait_for(step, seconds)

    def lives(self) -> list[Life]:
        return self.store.lives()

    def phases(self) -> list[str]:
        return [life.phase.value for life in self.lives()]

    def verbs(self, cluster: str) -> list[str]:
        return [event.verb.value for event in self.store.history(CLUSTER_ID + cluster)]

    def effects(self) -> list[str]:
        """The commands that ran, in order."""
        file = self.folder / "effects"
        return [line.split()[0] for line in file.read_text().splitlines()] if file.exists() else []

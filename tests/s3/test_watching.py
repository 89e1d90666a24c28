"""Discovery, sentinels written back, validation, and the commands around them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.run import Cli
from tests.folder.test_folder import REAL
from tests.s3.conftest import PREFIX, Shelf
from tests.services.world import CLOCK, World
from tests.waiting import wait_for
from wsmon.adapters.s3 import Bucket, S3Catalog
from wsmon.domain.samples import read_samples
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import ErrorCategory, WorksetState
from wsmon.services.discovery import CatalogWatch, Discovery, Mirror
from wsmon.services.duties import Duty
from wsmon.services.importing import take_over
from wsmon.services.troubles import Trouble
from wsmon.services.validating import validate

S = WorksetState
HEADER = "RUN_ID\tSAMPLE_ID\tR1_FQ\tR2_FQ\n"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


class TestDiscovery:
    def test_a_ready_folder_is_registered_once_and_idle_scans_only_list(self, world: World, shelf: Shelf) -> None:
        shelf.add("one")
        shelf.add("broken", daylily_work_yaml=None, **{"daylily_work.yaml": "x: ["})
        shelf.add("done", "ready", "complete")
        watch = Discovery(shelf.catalog(), world.commands, world.log)
        assert watch.step() == 2
        assert (world.get("one").state, world.get("broken").state) == (S.READY, S.ERROR)
        shelf.bucket.requests = 0
        assert watch.step() == 0
        assert shelf.bucket.requests == 1
        shelf.add("two")
        assert watch.step() == 1
        assert len(world.history("one")) == 1

    def test_what_was_purged_does_not_come_back(self, world: World, shelf: Shelf) -> None:
        shelf.add("one")
        Discovery(shelf.catalog(), world.commands, world.log).step()
        world.commands.delete("one")
        world.commands.purge("one")
        assert Discovery(shelf.catalog(), world.commands, world.log).step() == 0

    def test_it_lives_through_an_outage(self, world: World, shelf: Shelf) -> None:
        gone = shelf.catalog()
        gone._name = "gone-" + shelf.name
        assert Discovery(gone, world.commands, world.log).step() == 0
        assert world.log.told("catalog not read")

    def test_one_monitor_at_a_time_watches_and_another_takes_over(self, world: World, shelf: Shelf) -> None:
        def watch(name: str, seconds: float = 0.0) -> CatalogWatch:
            duty = Duty(world.store, CLOCK, "catalog", name, seconds=1.0, skew=1.0)
            found = Discovery(shelf.catalog(), world.commands.acting_as(name), world.log)
            return CatalogWatch(found, None, duty, CLOCK, seconds=seconds, look=0.01)

        one, two = watch("m1"), watch("m2")
        one.step()
        shelf.add("a")
        two.step()
        assert world.store.record("a") is None
        one.step()
        assert world.history("a")[0].actor == "m1"
        one.close()
        shelf.add("b")
        wait_for(lambda: (two.step(), world.history("b"))[1])
        assert world.history("b")[0].actor == "m2"
        seldom = watch("m2", seconds=3600)
        two.close()
        seldom.step()
        shelf.add("c")
        seldom.step()
        assert world.store.record("c") is None

    def test_another_folder_of_the_same_name_is_not_taken_for_the_workset(
        self, world: World, shelf: Shelf, tmp_path: Path
    ) -> None:
        world.commands.register(WorksetSpec("one", shelf.name, "elsewhere/one"))
        world.commands.register(WorksetSpec("same", shelf.name, f"{PREFIX}/same"))
        for name in ("one", "same", "x" * 600):
            shelf.add(name)
        watch = Discovery(shelf.catalog(), world.commands, world.log)
        for _ in range(3):
            assert watch.step() == 0
        told = {str(fields["source"])[-5:]: str(fields["why"]) for _, fields in world.log.lines}
        assert len(world.log.lines) == 2, "once each"
        assert told["/one/"].startswith(f"its id 'one' is that of another workset, s3://{shelf.name}/elsewhere/one")
        assert "600 bytes" in told["xxxx/"]
        alerts = world.store.alerts()
        assert [(alert.kind, alert.count) for alert in alerts] == [("folder refused", 1)] * 2
        done = {found.workset_id: found.outcome for found in take_over(shelf.catalog(), world.commands)}
        assert done == {"one": "refused", "same": "existing", None: "refused"}

    def test_a_bucket_that_is_away_is_an_alert_until_it_is_back(self, world: World, shelf: Shelf) -> None:
        away = Bucket(region="us-east-1", endpoint_url="http://127.0.0.1:9")
        watch = Discovery(
            S3Catalog(away, shelf.name, PREFIX), world.commands, world.log, Trouble(world.store, CLOCK, world.log, "b")
        )
        watch.step()
        (alert,) = world.store.alerts()
        assert (alert.kind, alert.status) == ("source away", "firing")
        assert "cannot be asked" in alert.text
        watch._catalog = shelf.catalog()
        watch.step()
        assert world.store.alerts()[0].status == "resolved"


class TestMirror:
    def mirror(self, world: World, shelf: Shelf) -> Mirror:
        trouble = Trouble(world.store, CLOCK, world.log, "sentinels")
        return Mirror(shelf.sentinels(), world.store, CLOCK, world.log, shelf.name, trouble)

    def test_every_transition_is_written_back(self, world: World, shelf: Shelf) -> None:
        shelf.add("one")
        Discovery(shelf.catalog(), world.commands, world.log).step()
        mirror, commands = self.mirror(world, shelf), world.commands
        mirror.step()
        assert shelf.words("one") == {"ready"}
        token = commands.acquire("one", holder="m", seconds=60).token
        mirror.step()
        assert shelf.words("one") == {"ready", "lock"}
        commands.start("one", token=token)
        mirror.step()
        assert shelf.words("one") == {"ready", "lock", "in_progress"}
        commands.fail("one", token=token, category=ErrorCategory.DATA, details="line\ttwo\nthree")
        mirror.step()
        assert shelf.words("one") == {"ready", "lock", "in_progress", "error"}
        stamp, _, said = shelf.text("one", "error").partition("\t")
        assert stamp.endswith("Z")
        assert said == "data: line two three"
        commands.requeue("one", reason="again")
        mirror.step()
        assert shelf.words("one") == {"ready"}, "what would hold before it is gone"
        commands.ignore("one")
        mirror.step()
        assert "ignore" in shelf.words("one")
        (entry,) = shelf.catalog().scan()
        assert entry.state is S.IGNORED

    def test_one_that_waits_for_a_retry_stays_locked_there(self, world: World, shelf: Shelf) -> None:
        shelf.add("one")
        Discovery(shelf.catalog(), world.commands, world.log).step()
        token = world.commands.acquire("one", holder="m", seconds=60).token
        world.commands.start("one", token=token)
        world.commands.fail("one", token=token, category=ErrorCategory.TRANSIENT, details="x")
        self.mirror(world, shelf).step()
        assert shelf.words("one") == {"ready", "lock"}

    def test_other_buckets_are_left_alone_and_a_refusal_is_tried_again(self, world: World, shelf: Shelf) -> None:
        world.register("elsewhere")
        shelf.add("one")
        Discovery(shelf.catalog(), world.commands, world.log).step()
        mirror = self.mirror(world, shelf)
        broken = shelf.sentinels()
        broken._bucket = shelf.catalog()._bucket.__class__(region="us-east-1", endpoint_url="http://127.0.0.1:9")
        mirror._sentinels, working = broken, mirror._sentinels
        assert mirror.step() == 0
        assert world.log.told("sentinel not written")
        assert [alert.status for alert in world.store.alerts()] == ["firing"]
        mirror._sentinels = working
        assert mirror.step() == 1
        assert [alert.status for alert in world.store.alerts()] == ["resolved"]
        assert mirror.step() == 0


class TestValidation:
    def problems(self, world: World, shelf: Shelf, table: str, **changes: str | None) -> tuple[str, ...]:
        shelf.put_all(shelf.folder("ws", **{"stage_samples.tsv": table, **changes}))
        spec = WorksetSpec("ws", shelf.name, f"{PREFIX}/ws/")
        return validate(world.commands.register(spec), shelf.inspector()).problems

    def test_everything_wrong_is_told_together(self, world: World, shelf: Shelf) -> None:
        shelf.put(f"{PREFIX}/ws/sample_data/here.fq", "x")
        table = HEADER + (
            "R0\tHG1\tsample_data/here.fq\tsample_data/gone.fq\n"
            f"R0\tHG2\ts3://{shelf.name}/nope.fq\ts3://{shelf.name}/{PREFIX}/ws/sample_data/here.fq\n"
            "R0\t\tna\t\n"
        )
        found = self.problems(world, shelf, table, **{"daylily_info.yaml": None})
        assert found == (
            "daylily_info.yaml is missing",
            "stage_samples.tsv: line 4 has no SAMPLE_ID",
            "stage_samples.tsv: line 4 names no reads (R1_FQ, R2_FQ)",
            "stage_samples.tsv line 2: sample_data/gone.fq does not exist",
            f"stage_samples.tsv line 3: s3://{shelf.name}/nope.fq does not exist",
        )

    def test_a_good_one_and_a_folder_that_is_not_there(self, world: World, shelf: Shelf) -> None:
        shelf.put(f"{PREFIX}/ws/sample_data/a.fq", "x")
        assert self.problems(world, shelf, HEADER + "R0\tHG1\tsample_data/a.fq\t\n") == ()
        spec = WorksetSpec("none", shelf.name, "no/such/")
        (said,) = validate(world.commands.register(spec), shelf.inspector()).problems
        assert "there is no folder" in said

    def test_a_monitor_runs_nothing_that_is_not_whole(self, world: World, shelf: Shelf) -> None:
        shelf.put_all(shelf.folder("ws", **{"stage_samples.tsv": HEADER + "R0\tHG1\tsample_data/gone.fq\t\n"}))
        world.commands.register(WorksetSpec("ws", shelf.name, f"{PREFIX}/ws/"))
        inspector = shelf.inspector()
        monitor = world.monitor(problems=lambda workset: validate(workset, inspector).problems)
        failed = world.until(monitor, S.ERROR, "ws")
        assert failed.failure is not None
        assert failed.failure.category is ErrorCategory.DATA
        assert "gone.fq does not exist" in failed.failure.details
        assert failed.started_at is None
        assert world.lines() == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no header"),
        ("RUN_ID\tSAMPLE_ID\tR1_FQ\tR1_FQ\n", "lacks R2_FQ"),
        ("RUN_ID\tSAMPLE_ID\tR1_FQ\tR1_FQ\n", "'R1_FQ' twice"),
        (HEADER, "no rows"),
        (HEADER + "R\tS\ta\tb\tc\td\n", "6 cells, its header 4"),
        (HEADER + "\tS\ta\n", "line 2 has no RUN_ID"),
        (HEADER + "\n\nR\tS\n", "line 4 names no reads"),
    ],
)
def test_sample_tables(text: str, said: str) -> None:
    assert said in "; ".join(read_samples(text).problems)


@pytest.mark.skipif(not REAL.exists(), reason="the real worksets stand beside the project only")
def test_real_sample_tables_are_read_whole() -> None:
    for path in sorted(REAL.glob("*/stage_samples.tsv")):
        table = read_samples(path.read_text())
        assert table.problems == ()
        assert table.rows >= 1
        assert all(reference.startswith("s3://") for _, reference in table.references)


def test_problems_of_a_table_are_bounded() -> None:
    found = read_samples(HEADER + "\t\t\t\n" + "x\t\t\t\n" * 500)
    assert len(found.problems) == 51
    assert found.problems[-1].endswith("more")


class TestCommands:
    def test_import_and_validate(self, cli: Cli, shelf: Shelf) -> None:
        cli.env |= {"WSMON_CATALOG__ENDPOINT_URL": shelf.endpoint, "AWS_REGION": "us-east-1"}
        shelf.add("one", **{"stage_samples.tsv": HEADER + "R\tS\tsample_data/.hold\t\n"})
        shelf.add("two", "ready", "error")
        args = ("import", "s3", "--bucket", shelf.name, "--prefix", PREFIX)
        assert [item["outcome"] for item in cli.json(*args, "--dry-run")] == ["ready", "error"]
        assert cli.json("list") == []
        assert [item["outcome"] for item in cli.json(*args)] == ["ready", "error"]
        assert [item["outcome"] for item in cli.json(*args)] == ["existing", "existing"]
        found = cli.json("validate", "one")
        assert (found["valid"], found["samples"], found["references"]) == (True, 1, 1)
        assert "R2_FQ" in cli("validate", "two", code=1).stdout
        cli("import", "s3", "--bucket", "not-there-at-all", code=1)

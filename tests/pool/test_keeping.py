"""Clusters are made when work waits for one, within their caps, and taken down when idle: real commands, real store."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.pool.builders import CLOCK, Yard, rule_of, template
from tests.waiting import wait_for
from wsmon.adapters.runner import LocalRunner
from wsmon.domain.change import CLUSTER_ID
from wsmon.domain.creating import Kind, affordable, barred
from wsmon.domain.errors import NoCapacity, Refused, StaleWrite
from wsmon.domain.lives import Life, LifeChange, Phase
from wsmon.domain.pool import ClusterRecord
from wsmon.domain.workset import Lease
from wsmon.services.building import Builders

WHOLE = ["create_asked", "create_started", "create_done", "teardown_asked", "teardown_started", "teardown_done"]


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path)


def test_from_work_that_waits_to_a_teardown(yard: Yard) -> None:
    keeper = yard.keeper()
    yard.drive(keeper, lambda: True)
    assert yard.lives() == [], "nothing waits, nothing is made"
    yard.register()
    keeper.step()
    (life,) = yard.lives()
    assert life.phase is Phase.CREATING
    (shown,) = yard.store.clusters()
    assert (shown.health, shown.slots) == ("creating", 0)
    yard.drive(keeper, lambda: yard.phases() == ["made"])
    lease = yard.claim(life.name)
    for _ in range(5):
        yard.drive(keeper, lambda: True)
        CLOCK.sleep(0.1)
    assert yard.phases() == ["made"], "never one with work on it"
    yard.commands.start("w1", token=lease.token)
    yard.commands.complete("w1", token=lease.token)
    yard.drive(keeper, lambda: yard.phases() == ["gone"])
    assert yard.verbs(life.name) == WHOLE
    assert yard.effects() == ["create", "delete"]
    assert yard.store.clusters() == []
    assert yard.store.alerts() == []
    events = yard.store.history(CLUSTER_ID + life.name)
    assert {event.actor for event in events} == {"m1"}
    assert [event.detail["after"]["phase"] for event in events if event.detail] == [
        *["creating"] * 2, "made", *["deleting"] * 2, "gone",
    ]  # fmt: skip
    assert "w1 waits" in (events[0].reason or "")
    log = Path(str((events[1].detail or {})["log"])) / "output.log"
    assert log.read_text() == f"stack {life.name}: create in progress\n"


def test_one_that_fits_elsewhere_needs_none(yard: Yard) -> None:
    (yard.folder / "pool/c1.json").write_text('{"name": "c1"}')
    yard.register()
    for _ in range(3):
        yard.drive(yard.keeper(), lambda: True)
    assert yard.lives() == []


def test_the_cheapest_kind_that_would_do_is_made_if_the_day_allows_it(yard: Yard) -> None:
    large = ClusterRecord("a new large", 1, 0, vcpus=96)
    (yard.folder / "large").mkdir()
    create = ("sh", "-c", f"touch {yard.folder}/large/$0", "{cluster}")
    rule = rule_of(yard.folder, more=(Kind(create, large, 8_000_000),), daily=9_000_000, most=5)
    keeper = yard.keeper(rule)
    yard.register("w1", vcpus=90)
    yard.drive(keeper, lambda: yard.lives() != [])
    (life,) = yard.lives()
    assert life.hourly == 8_000_000
    assert "a new large is made" in (yard.store.history(CLUSTER_ID + life.name)[0].reason or "")
    wait_for((yard.folder / "large" / life.name).exists)
    (yard.folder / f"pool/{life.name}.json").write_text(f'{{"name": "{life.name}", "vcpus": 96, "slots": 1}}')
    yard.drive(keeper, lambda: yard.phases() == ["made"])
    yard.claim(life.name)
    yard.register("w2", vcpus=90)
    for _ in range(3):
        yard.drive(keeper, lambda: True)
    assert len(yard.lives()) == 1, "another of that kind would pass the cap"
    assert affordable(yard.lives(), rule, CLOCK.now()) == []
    cheap = rule_of(yard.folder, more=(Kind(create, large, 8_000_000),), daily=11_000_000)
    assert [kind.hourly for kind in affordable(yard.lives(), cheap, CLOCK.now())] == [2_000_000]
    assert barred(yard.lives(), replace(cheap, most=5), CLOCK.now()) == ""


def test_what_no_new_cluster_could_take_makes_none(yard: Yard) -> None:
    yard.register(vcpus=64)
    yard.drive(yard.keeper(), lambda: True)
    assert yard.lives() == []


def test_a_command_that_fails_is_told_cleaned_up_and_waited_after(yard: Yard) -> None:
    rule = rule_of(yard.folder, create=template(yard.folder, "create", exit_code=3), cooldown=60.0)
    keeper = yard.keeper(rule)
    yard.register()
    yard.drive(keeper, lambda: yard.phases() == ["gone"])
    (life,) = yard.lives()
    failed = next(e for e in yard.store.history(CLUSTER_ID + life.name) if e.verb == "create_failed")
    assert failed.detail is not None
    assert failed.detail["exit_code"] == 3
    assert failed.reason is not None
    assert "no capacity in" in failed.reason
    assert [alert.kind for alert in yard.store.alerts()] == ["creation failed"]
    for _ in range(3):
        yard.drive(keeper, lambda: True)
    assert yard.effects() == ["create", "delete"], "no second one within the cool-down"
    assert "the next may be in 2m" in barred(yard.lives(), rule, CLOCK.now()), "twice as long after a failure"


def test_one_that_nobody_ever_sees_has_failed_when_its_time_is_over(yard: Yard) -> None:
    create = template(yard.folder, "create", seconds=30)
    keeper = yard.keeper(rule_of(yard.folder, create=create, create_within=0.5, cooldown=60.0))
    yard.register()
    yard.drive(keeper, lambda: yard.phases() == ["gone"])
    (life,) = yard.lives()
    assert "create_failed" in yard.verbs(life.name)
    assert LocalRunner(yard.folder / "commands", CLOCK).live_runs() == [], "a command is bounded"


def test_no_more_than_the_cap_whatever_waits(yard: Yard) -> None:
    keeper = yard.keeper(rule_of(yard.folder, most=2, idle=60.0))
    for n in range(9):
        yard.register(f"w{n}", vcpus=16)
    yard.drive(keeper, lambda: yard.phases() == ["made", "made"])
    for n, life in enumerate(yard.lives()):
        yard.claim(life.name, f"w{n}")
        yard.claim(life.name, f"w{n + 2}")
    for _ in range(4):
        yard.drive(keeper, lambda: True)
    assert yard.effects() == ["create", "create"]


def test_a_claim_at_the_last_moment_keeps_the_cluster(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = yard.keeper(rule_of(yard.folder, idle=0.0))
    yard.register()
    real = yard.store.commit_life

    def late(change: LifeChange) -> None:
        if change.after.phase is Phase.DELETING and yard.commands.get("w1").holder is None:
            yard.claim(change.after.name)  # after the look, before the write
        real(change)

    monkeypatch.setattr(yard.store, "commit_life", late)
    yard.drive(keeper, lambda: yard.phases() == ["made"])
    (life,) = yard.lives()
    monkeypatch.setattr("wsmon.services.keeping._wanted", lambda outlook: set())
    yard.drive(keeper, lambda: yard.log.told("not taken down"))
    assert yard.phases() == ["made"]
    assert yard.commands.get("w1").slot == life.name
    assert yard.effects() == ["create"]
    assert "teardown_asked" not in yard.verbs(life.name)


def test_a_cluster_that_goes_takes_nothing_from_the_moment_it_was_decided(yard: Yard) -> None:
    keeper = yard.keeper(rule_of(yard.folder, delete=template(yard.folder, "delete", seconds=0.6)))
    yard.register("w1")
    yard.drive(keeper, lambda: yard.phases() == ["made"])
    (life,) = yard.lives()
    yard.commands.ignore("w1", reason="x")
    yard.drive(keeper, lambda: yard.phases() == ["deleting"])
    yard.register("w2")
    with pytest.raises(NoCapacity, match="taken down"):
        yard.claim(life.name, "w2")
    assert yard.commands.get("w2").slot is None


def test_a_teardown_that_fails_is_told_and_tried_again(yard: Yard) -> None:
    bad = rule_of(yard.folder, delete=template(yard.folder, "delete", exit_code=2), cooldown=0.3, most=1)
    keeper = yard.keeper(bad)
    yard.register()
    yard.drive(keeper, lambda: yard.phases() == ["made"])
    yard.commands.ignore("w1", reason="x")
    yard.drive(keeper, lambda: yard.effects().count("delete") == 2)
    assert "teardown failed" in [alert.kind for alert in yard.store.alerts()]
    (life,) = yard.lives()
    assert yard.verbs(life.name)[3:7] == ["teardown_asked", "teardown_started", "teardown_failed", "teardown_asked"]


@pytest.mark.parametrize("phase", ["made", "stuck"])
def test_one_that_somebody_deleted_by_hand_counts_no_longer(yard: Yard, phase: str) -> None:
    bad = template(yard.folder, "delete", exit_code=2)
    rule = rule_of(yard.folder, delete=bad, cooldown=0.0, idle=0.0 if phase == "stuck" else 60.0)
    answers: list[str] = []
    keeper = yard.keeper(rule, gone=lambda name: "".join(answers))
    yard.register()
    yard.drive(keeper, lambda: "made" in yard.phases())
    (life,) = yard.lives()
    lease = yard.claim(life.name)
    if phase == "stuck":
        yard.commands.release("w1", token=lease.token)
        yard.commands.ignore("w1", reason="x")
        yard.drive(keeper, lambda: "stuck" in yard.phases())
    answers.append("its stack was deleted")
    yard.drive(keeper, lambda: True)
    assert yard.phases() != ["gone"], "it is still reported"
    (yard.folder / f"pool/{life.name}.json").unlink()
    CLOCK.sleep(rule.quiet + 0.05)
    if phase == "made":
        keeper.step()
        assert yard.phases() == ["made"], "what ran there is not recorded yet"
        yard.commands.release("w1", token=lease.token)
        yard.commands.ignore("w1", reason="x")
    keeper.step()
    assert yard.phases() == ["gone"]
    assert yard.store.history(CLUSTER_ID + life.name)[-1].reason == "its stack was deleted"
    asked = len(yard.verbs(life.name))
    keeper.step()
    assert len(yard.verbs(life.name)) == asked, "nobody asks for it any more"


def test_what_somebody_else_made_stays_unless_the_settings_say_so(yard: Yard) -> None:
    (yard.folder / "pool/c1.json").write_text('{"name": "c1", "kind": "parallelcluster"}')
    keeper = yard.keeper(rule_of(yard.folder, idle=0.0))
    for _ in range(3):
        yard.drive(keeper, lambda: True)
    assert yard.lives() == []
    keeper.close()
    yard.drive(yard.keeper(rule_of(yard.folder, idle=0.0, others=True)), lambda: yard.phases() == ["gone"])


@pytest.mark.parametrize("moment", ["asked", "started"])
def test_a_monitor_that_is_killed_leaves_nothing_to_be_made_twice(yard: Yard, moment: str) -> None:
    """kill -9 between the intent and the start, and while the command runs: the next monitor goes on with it."""
    yard.register()
    argv = [sys.executable, "-m", "tests.pool.mortal", str(yard.folder), moment]
    victim = subprocess.run(argv, check=False, timeout=30, env={**os.environ, "PYTHONPATH": os.getcwd()})
    assert victim.returncode == -signal.SIGKILL
    (life,) = yard.lives()
    assert life.phase is Phase.CREATING
    heir = yard.keeper(rule_of(yard.folder, cooldown=60.0, idle=60.0), name="m2")
    heir.step()
    assert len(yard.lives()) == 1, "it counts at once, whoever asked for it"
    expected = "made" if moment == "started" else "gone"
    yard.drive(heir, lambda: yard.phases() == [expected])
    wait_for(lambda: yard.effects() == (["create"] if moment == "started" else []))
    last = yard.store.history(CLUSTER_ID + life.name)[-1]
    assert (last.actor, last.verb) == ("m2", "create_done" if moment == "started" else "create_failed")
    if moment == "asked":
        assert "never started" in (last.reason or "")


def test_a_command_that_was_found_not_started_starts_no_more(yard: Yard) -> None:
    """Its monitor was paused right before the start, and another one has looked since."""
    runner = LocalRunner(yard.folder / "commands", CLOCK)
    paused, heir = Builders(runner, CLOCK), Builders(runner, CLOCK)
    life = replace(Life("c1", 1), run=paused.plan(Life("c1")))
    assert heir.never_began(life, heir.look(life))
    with pytest.raises(Refused):
        paused.start(
            life, template(yard.folder, "create"), Lease("clusters", "m", 1, 0, 60, 0, CLOCK.now() + 60_000_000)
        )
    assert yard.effects() == []


def test_of_two_monitors_one_keeps_the_clusters(yard: Yard) -> None:
    keepers = [yard.keeper(name=name) for name in ("m1", "m2")]
    yard.register()
    assert [keeper.step() for keeper in keepers] == [True, False]
    assert len(yard.lives()) == 1


def test_who_lost_the_duty_makes_nothing(yard: Yard) -> None:
    """A monitor that was paused over the takeover finds it out at its write."""
    slow = yard.keeper(rule_of(yard.folder, most=9))
    slow.step()
    CLOCK.sleep(1.2)
    heir = yard.keeper(rule_of(yard.folder, most=9), name="m2")
    wait_for(heir.step)
    yard.register()
    with pytest.raises(StaleWrite):
        slow._balance({})  # as it would go on where it was paused
    assert yard.lives() == []

"""[creation] in a settings file: what it needs, what a monitor does with it, and what the commands say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.run import Cli
from tests.pool.builders import template
from tests.services.world import SilentLog
from tests.waiting import wait_for
from wsmon import wiring_pool
from wsmon.domain.change import Context
from wsmon.domain.errors import NotThere, Refused, SettingsError
from wsmon.domain.lives import Life, Phase, lived
from wsmon.domain.spec import WorksetSpec
from wsmon.domain.states import ClusterVerb
from wsmon.engine import Engine, open_engine
from wsmon.services.config import MonitorConfig
from wsmon.services.draining import forget, resume
from wsmon.settings import load_settings


def settings(folder: Path, **given: object) -> Path:
    (folder / "pool").mkdir(exist_ok=True)
    values = {
        "enabled": True,
        "create": list(template(folder, "create", seconds=5)),
        "delete": list(template(folder, "delete")),
        "usd_per_hour": 3.5,
        "max_usd_per_day": 50,
        "vcpus": 9000,
        **given,
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in values.items() if value is not None]
    file = folder / "wsmon.toml"
    file.write_text(f'[store]\nurl = "sqlite:{folder}/w.db"\n[creation]\n' + "\n".join(lines) + "\n")
    return file


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"max_usd_per_day": None, "delete": []}, "without delete, max_usd_per_day"),
        ({"usd_per_hour": 0}, "usd_per_hour"),
        ({"create": ["make", "{workset_id}"]}, "workset_id"),
        ({"prefix": "1 x"}, "prefix"),
    ],
)
def test_it_is_not_switched_on_without_its_caps(tmp_path: Path, given: dict[str, object], why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        load_settings(settings(tmp_path, **given))


def _open(file: Path) -> Engine:
    return open_engine(load_settings(file).settings)


def _step(opened: Engine, name: str = "m1") -> None:
    config = MonitorConfig(name, "local", 1, skew_seconds=0.1)
    (companion,) = wiring_pool.keeper(opened, SilentLog(), config)
    companion._step()
    companion._close()


def test_the_commands_say_how_it_stands(tmp_path: Path) -> None:
    file, cli = str(settings(tmp_path)), Cli(tmp_path)
    opened = _open(Path(file))
    opened.commands.register(WorksetSpec("w1", "b", "p", requirements={"vcpus": 8000}))
    assert "a cluster is made once" in cli("clusters", "--config", file).stdout
    assert cli.json("plan", "--config", file)[0]["action"] == "create"
    _step(opened)
    (life,) = opened.store.lives()
    assert f"not now: {life.name} is being made" in cli("clusters", "--config", file).stdout
    assert life.name in cli.json("why", "w1", "--config", file)["creation"]
    assert f"{life.name} is being made" in cli("plan", "--config", file).stdout
    (shown,) = cli.json("clusters", "--config", file)
    assert (shown["health"], shown["life"]["phase"]) == ("creating", "creating")
    verbs = [event["verb"] for event in cli.json("history", f"cluster:{life.name}", "--config", file)]
    assert verbs == ["create_asked", "create_started"]
    wait_for((tmp_path / "effects").exists)
    assert "create_asked -> creating by m1" in cli("watch", "--since", "1h", "--until-idle", "--config", file).stdout
    with pytest.raises(Refused, match="is being made"):
        forget(opened.commands, life.name, "x")
    opened.close()


def test_further_kinds_are_as_the_first_but_for_what_they_say(tmp_path: Path) -> None:
    file, cli = settings(tmp_path, slots=2, zone="a"), Cli(tmp_path)
    kinds = '[creation.kinds.large]\ncreate = ["make", "{cluster}"]\nusd_per_hour = 1.5\nvcpus = 20000\ninstance_types = ["x"]\n'
    file.write_text(file.read_text() + kinds)
    rule = wiring_pool.creation_rule(load_settings(file).settings)
    assert rule is not None
    large, first = rule.kinds
    assert (large.create, large.hourly, large.template.vcpus) == (("make", "{cluster}"), 1_500_000, 20000)
    assert (large.template.slots, large.template.zone, large.template.instance_types) == (2, "a", ("x",))
    assert (first.hourly, first.template.vcpus, first.template.instance_types) == (3_500_000, 9000, ())
    opened = _open(file)
    opened.commands.register(WorksetSpec("w1", "b", "p", requirements={"vcpus": 15000}))
    assert cli("plan", "--config", str(file)).stdout.splitlines()[1].split("\t")[4] == "a new large"
    assert cli.json("plan", "--config", str(file))[0]["makes"] == "a new large"
    opened.close()
    file.write_text(file.read_text().replace('"{cluster}"]\nusd_per_hour = 1.5', '"{nothing}"]'))
    with pytest.raises(SettingsError, match="nothing"):
        load_settings(file)


def test_one_that_is_gone_by_other_hands_is_forgotten_by_an_operator(tmp_path: Path) -> None:
    opened = _open(settings(tmp_path))
    opened.commands.make_store()
    with pytest.raises(NotThere):
        forget(opened.commands, "c9", "x")
    asked = lived(Context(5, "m", "id"), ClusterVerb.CREATE_DONE, Life("c1"), phase=Phase.MADE, asked_at=5)
    opened.store.commit_life(asked)
    found = forget(opened.commands, "c1", "its stack was deleted by hand")
    assert found.phase is Phase.GONE
    last = opened.store.history("cluster:c1")[-1]
    assert (last.verb, last.actor, last.reason) == (
        ClusterVerb.TEARDOWN_DONE,
        opened.commands.actor,
        "its stack was deleted by hand",
    )
    with pytest.raises(NotThere):
        resume(opened.commands, "c1")
    opened.close()


def test_switched_off_it_does_and_says_nothing(tmp_path: Path) -> None:
    file = settings(tmp_path, enabled=False)
    opened = _open(file)
    assert wiring_pool.keeper(opened, SilentLog(), MonitorConfig("m1", "local", 1)) == []
    assert opened.creation() == ""
    opened.close()
    assert "making clusters" not in Cli(tmp_path)("clusters", "--config", str(file)).stdout

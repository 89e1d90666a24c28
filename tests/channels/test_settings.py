"""Channels in the settings: file, environment, secrets, and errors that name what is wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wsmon.domain.errors import SettingsError
from wsmon.domain.ruling import OFF, RULES, Ruling
from wsmon.settings import WebhookSettings, load_settings
from wsmon.wiring import alert_rules, group_rule, plans, ruling

ROOT = Path(__file__).parent.parent.parent


def test_a_webhook_needs_its_type_and_url_alone(tmp_path: Path) -> None:
    settings = load_settings(
        _file(tmp_path, '[channels.hook]\ntype = "webhook"\nurl = "http://127.0.0.1:1/x"\n')
    ).settings
    (plan,) = plans(settings.channels)
    assert plan.channel.name == "hook"
    assert plan.route.min_severity == "info"


def test_the_group_interval_follows_the_wait(tmp_path: Path) -> None:
    assert group_rule(load_settings().settings.alerts).interval == 300
    rule = group_rule(load_settings(_file(tmp_path, "[alerts]\ngroup_wait_seconds = 1\n")).settings.alerts)
    assert (rule.wait, rule.interval) == (1, 10)


def test_secrets_come_from_the_environment_or_a_file_and_are_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text("from-the-file\n")
    monkeypatch.setenv("WSMON_CHANNELS__HOOK__URL", "https://example.org/from-the-environment")
    path = _file(tmp_path, f'[channels.hook]\ntype = "webhook"\nsecret_file = "{tmp_path}/key"\n')
    loaded = load_settings(path)
    hook = loaded.settings.channels["hook"]
    assert isinstance(hook, WebhookSettings)
    assert hook.url.get_secret_value().endswith("from-the-environment")
    assert hook.secret is not None
    assert hook.secret.get_secret_value() == "from-the-file"
    assert "from-the" not in str(list(loaded.values())) + repr(loaded.settings)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[channels.hook]\ntype = "pigeon"\nurl = "http://x"', "channels.hook"),
        ('[channels.hook]\ntype = "webhook"', "url"),
        ('[channels.hook]\ntype = "webhook"\nurl = "ftp://x"', "http"),
        ('[channels.hook]\ntype = "webhook"\nurl = "http://x"\ncolour = 1', "colour"),
        ('[channels."Bad Name"]\ntype = "webhook"\nurl = "http://x"', "Bad Name"),
        ('[channels.hook]\ntype = "webhook"\nurl_file = "/nowhere/at/all"', "/nowhere/at/all"),
        ('[channels.hook]\ntype = "webhook"\nurl = "http://x"\nsecret = " "', "secret is empty"),
        ('[channels.hook]\ntype = "webhook"\nurl = "http://x"\nsecret_file = "/dev/null"', "secret is empty"),
        ('[channels.pager]\ntype = "pagerduty"\nrouting_key = ""', "routing_key is empty"),
        ('[alerts]\ngroup_by = ["colour"]', "colour"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says) as error:
        load_settings(_file(tmp_path, text))
    assert "http://x" not in str(error.value)


def _file(folder: Path, text: str) -> Path:
    path = folder / "wsmon.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_rule_of_alerts_is_turned_off_or_weighed(tmp_path: Path) -> None:
    file = tmp_path / "wsmon.toml"
    file.write_text(
        '[alerts]\nbudget_warning = 0.5\n[alerts.rules.error]\nseverity = "critical"\n'
        "[alerts.rules.running_long]\nenabled = false\n[alerts.rules.orphaned]\n"
    )
    settings = load_settings(file).settings
    assert ruling(settings.alerts) == Ruling({"error": "critical", "running_long": OFF})
    assert alert_rules(settings).budget_warning == 0.5


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[alerts.rules."running long"]\nenabled = false', "running long: no such rule; known are error, failed"),
        ('[alerts.rules.error]\nseverity = "loud"', "alerts.rules.error.severity"),
        ("[alerts.rules.error]\nwaits = 3", "alerts.rules.error.waits"),
    ],
)
def test_a_rule_that_is_none_is_refused(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "wsmon.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=re.escape(says)):
        load_settings(file)


def test_every_kind_that_somebody_raises_is_a_rule_and_every_rule_is_one() -> None:
    paths = [
        p for part in ("domain", "services") for p in (ROOT / "wsmon" / part).rglob("*.py") if p.name != "ruling.py"
    ]
    text = "".join(path.read_text() for path in paths)
    raised = re.findall(r'(?:AlertRecord|_of_cluster|_of)\([^,()]+(?:\([^()]*\))?[^,()]*, "([a-z ]+)"', text)
    kinds = {*raised, *re.findall(r'kind = "([a-z ]+)" if .* else "([a-z ]+)"', text).pop()}
    assert len(raised) > 12
    assert {kind.replace(" ", "_") for kind in kinds} <= {*RULES}
    assert [rule for rule in {*RULES} - {"budget_spent"} if f'"{rule.replace("_", " ")}"' not in text] == []

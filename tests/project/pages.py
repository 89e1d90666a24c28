"""`python -m tests.project.pages`: writes the pages that are drawn from the code; a test compares them."""

from __future__ import annotations

import inspect
import json
import os
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from tests.api.server import Over
from tests.project.cli_page import cli_page
from tests.project.routes import api_page
from tui.actions import ACTIONS, TITLES
from wsmon.adapters.clock import SystemClock
from wsmon.adapters.sqlite import SqliteStore
from wsmon.domain.ruling import RULES
from wsmon.services.commands import Commands
from wsmon.settings import (
    CHANNEL_TYPES,
    FILE_NAME,
    PREFIX,
    TABLES,
    ClusterSettings,
    KindSettings,
    RuleSettings,
    Settings,
)
from wsmon.workset_api import create_app

ROOT = Path(__file__).parent.parent.parent
HEAD = f"""# Settings

Later wins: the defaults below, `{FILE_NAME}` (in the working folder, else in the user's config folder, or the one given by
`--config`), the environment (`{PREFIX}SECTION__NAME`, such as `{PREFIX}MONITOR__POLL_SECONDS=10`; lists as JSON), flags.
AWS's own variables (`AWS_REGION`, `AWS_PROFILE`, `AWS_ENDPOINT_URL` and so on) are honoured. An unknown name is an error
that says which one was meant. `wsmon config` prints each value and where it came from.

In a command, `{{workset_id}}`, `{{bucket}}`, `{{prefix}}`, `{{priority}}`, `{{attempt}}`, `{{run_token}}`, `{{run_folder}}`, `{{workdir_name}}` (from its metadata, else its id), `{{cluster}}` (where it runs) and
`{{metadata.KEY}}` stand for the workset's own; each element stays one argument. Only an element that is exactly
`{{*metadata.KEY}}` becomes several, split as a shell splits words. Imported worksets bring `run_args`, `clone_args`, `export_uri`,
`samples` and, from folders, `folder`; where their files say so `budget`, `cluster_name`, `workdir_name` and `notes`.
"""

KEYS = """# Keys of the terminal UI

Drawn from the action table (`tui/actions.py`), as are the footer, `?` and the palette. Keys that change something are upper case and ask first.
Under `[keys]` in the settings each action takes other keys, in Textual's names with commas between them:

```toml
[keys]
requeue = "f5"
down = "j,down,ctrl+n"
```

A key that another action has, or that belongs to the terminal (ctrl with a, b, h, k, q, s, z), is told at the start, and that action keeps its own keys.
"""

ALERT_RULES = f"""What is said of one rule. Its limits are above, a budget under `[scheduler]`. A rule that is off raises nothing; an error or failure
whose rule is off is an event like any other. Monitors and screens each go by the settings that they read.

The rules: {", ".join(f"`{rule}`" for rule in RULES)}; `budget_spent` is the budget once all of it is spent."""

CHANNELS = """# Channels

Each channel is a table of its own, such as `[channels.oncall]`. Its secrets (addresses count as such) may stand there, in the
environment (`WSMON_CHANNELS__ONCALL__URL`), or in a file of their own (`url_file = "/run/secrets/oncall"`). A part of
the filter that is empty wants everything.
"""


def settings_page() -> str:
    """docs/settings.md."""
    parts = [HEAD]
    for section, field in Settings.model_fields.items():
        if section not in TABLES:
            parts.append(_table(f"[{section}]", field.description or "", field.annotation))
    parts.append(_table("[alerts.rules.NAME]", ALERT_RULES, RuleSettings))
    parts.append(_table("[creation.kinds.NAME]", inspect.getdoc(KindSettings) or "", KindSettings))
    parts.append(_table("[clusters.NAME]", inspect.getdoc(ClusterSettings) or "", ClusterSettings))
    parts.append(
        "## [keys]\n\nKeys of one's own for the terminal UI: an action's name = its keys; [keys.md](keys.md) lists the actions.\n"
    )
    parts.append(CHANNELS)
    for name, model in CHANNEL_TYPES.items():
        parts.append(_table(f'[channels.NAME] type = "{name}"', inspect.getdoc(model) or "", model))
    return "\n".join(parts)


def keys_page() -> str:
    """docs/keys.md."""
    parts = [KEYS]
    for group, title in TITLES.items():
        rows = [f"| `{a.name}` | {_code(a.keys)} | {a.help} |" for a in ACTIONS if a.group == group]
        parts += [f"## {title.capitalize()}\n\n| action | keys | what it does |\n|---|---|---|", *rows, ""]
    return "\n".join(parts)


def _code(keys: str) -> str:
    return " ".join(f"`{key}`" for key in keys.split(","))


def _table(title: str, text: str, model: Any) -> str:
    assert issubclass(model, BaseModel)
    page = f"## {title}\n\n{text}\n\n| name | default | what it says |\n|---|---|---|"
    for name, setting in model.model_fields.items():
        if name != "type":
            page += f"\n| `{name}` | {_default(setting)} | {setting.description} |"
    return page + "\n"


def _default(setting: Any) -> str:
    value = setting.get_default(call_default_factory=True)
    if value is None or value is PydanticUndefined:
        return ""
    if isinstance(value, dict):
        return ", ".join(f"{key}: {text}" for key, text in value.items())
    return f"`{json.dumps(value)}`"


def openapi_text() -> str:
    """docs/openapi.json."""
    store = SqliteStore(Path(os.devnull))  # the schema asks no store
    app = create_app(Over(Commands(store, SystemClock(), "docs")))
    return json.dumps(app.openapi(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    (ROOT / "docs/openapi.json").write_text(openapi_text(), encoding="utf-8")
    (ROOT / "docs/api.md").write_text(api_page(), encoding="utf-8")
    (ROOT / "docs/cli.md").write_text(cli_page(), encoding="utf-8")
    (ROOT / "docs/keys.md").write_text(keys_page(), encoding="utf-8")
    (ROOT / "docs/settings.md").write_text(settings_page(), encoding="utf-8")

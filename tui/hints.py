"""What to type where there is nothing to see."""

from __future__ import annotations

import shlex

from rich.text import Text

COMMANDS = (
    ("wsmon register ID --bucket B --prefix P", "one workset"),
    ("wsmon import folder DIR", "folders of the disk"),
    ("wsmon monitor", "run what is ready"),
    ("wsmon demo", "a show, its own store"),
)


def empty_store(place: str) -> Text:
    """How a store gets its first worksets; `place` is what brings the commands to it, empty for the default store."""
    lines = ["", "  The store is empty. In another terminal:", ""]
    if place:
        lines += [f"    export WSMON_STORE__URL={shlex.quote(place)}", ""]
    width = max(len(command) for command, _ in COMMANDS)
    lines += [f"    {command:<{width}}  {text}" for command, text in COMMANDS]
    return Text("\n".join(lines) + "\n", no_wrap=True, overflow="ellipsis")

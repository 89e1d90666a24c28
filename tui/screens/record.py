"""A workset's record as JSON, with what changed since it was looked at before."""

from __future__ import annotations

import json

from rich.console import RenderableType
from rich.text import Text

from wsmon.domain.visible import visible
from wsmon.domain.workset import Workset
from wsmon.services.documents import workset_document

MAX_LINES = 2000


def record_lines(workset: Workset, before: Workset | None) -> list[RenderableType]:
    """One line an attribute or a part of one; those that are new are marked."""
    old = set(_lines(before)) if before is not None else None
    told = Text("record", "bold")
    if before is not None:
        told.append(f"   + since version {before.rev}", "dim")
    found = [told]
    for line in _lines(workset)[:MAX_LINES]:
        new = old is not None and line not in old
        found.append(Text(f"{'+' if new else ' '} {visible(line)}", "bold green" if new else "", overflow="fold"))
    return [*found]


def _lines(workset: Workset) -> list[str]:
    return json.dumps(workset_document(workset), ensure_ascii=False, indent=2, default=str).splitlines()

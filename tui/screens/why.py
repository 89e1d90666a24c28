"""Why a workset waits, or why it runs where it runs."""

from __future__ import annotations

from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from wsmon.domain.states import WAITING, WorksetState
from wsmon.domain.visible import visible

CHARS = 200
_DECIDED = {state.value for state in WorksetState} - {state.value for state in WAITING}
_STYLES = {"fits": "green", "full": "yellow", "held": "yellow", "budget": "yellow"}


def why_lines(why: dict[str, Any]) -> list[RenderableType]:
    """One line that sums up, then every cluster with its verdict and its numbers."""
    return [Text("why", "bold"), Text(_summary(why), overflow="fold"), _verdicts(why.get("clusters", [])), ""]


def _summary(why: dict[str, Any]) -> str:
    if why.get("state") in _DECIDED:  # what was decided then, and led to where it is
        at = f" from place {why['position']} in the queue" if why.get("position") is not None else ""
        return visible(f"went to {why.get('cluster') or 'no cluster'}{at}; the verdicts are those of that moment")[
            :CHARS
        ]
    place = f"place {why['position']} in the queue" if why.get("position") is not None else ""
    start = why.get("estimated_start")
    parts = [
        f"starts on {why['cluster']}" if why.get("cluster") else "waits",
        place,
        why.get("pool") or "",
        why.get("monitors") or "",
        f"earliest start {start[:16].replace('T', ' ')}" if start else "nobody knows when anything ends",
        f"behind {', '.join(why['ahead'])}" if why.get("ahead") else "",
        f"a new cluster: {why['creation']}" if why.get("creation") else "",
    ]
    return visible("; ".join(part for part in parts if part))[: 5 * CHARS]


def _verdicts(clusters: list[dict[str, Any]]) -> Table:
    grid = Table.grid(padding=(0, 1))
    for one in clusters:
        score = "" if one["score"] is None else f"{one['score']:.3f}"
        grid.add_row(
            Text(visible(one["cluster"])[:CHARS], no_wrap=True),
            Text(one["verdict"], _STYLES.get(one["verdict"], "dim"), no_wrap=True),
            Text(score, "dim", no_wrap=True),
            Text(visible("; ".join(one["reasons"]))[:CHARS], "dim", overflow="fold"),
        )
    return grid

"""The palette: every row of the action table by name, and every workset by its id."""

from __future__ import annotations

from functools import partial
from typing import Protocol

from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider

from tui.actions import ACTIONS
from wsmon.domain.visible import visible

FOUND_AT_MOST = 20


class Finder(Protocol):
    """An app that knows worksets."""

    def worksets_like(self, text: str, limit: int) -> list[str]:
        """Ids that hold the text."""

    def go_to(self, workset_id: str) -> None:
        """Put the cursor on a workset."""


class Verbs(Provider):
    """What the keys do."""

    async def discover(self) -> Hits:
        """Everything, before anything is typed."""
        for action in ACTIONS:
            if action.name != "palette":
                run = partial(self.app.run_action, action.name)
                yield DiscoveryHit(f"{action.label}  ({action.shown})", run, help=action.help)

    async def search(self, query: str) -> Hits:
        """By name or by what it does."""
        matcher = self.matcher(query)
        for action in ACTIONS:
            text = f"{action.label}: {action.help} ({action.shown})"
            score = matcher.match(text)
            if score > 0 and action.name != "palette":
                yield Hit(score, matcher.highlight(text), partial(self.app.run_action, action.name))


class Worksets(Provider):
    """Worksets by a part of their id."""

    async def search(self, query: str) -> Hits:
        """The first that hold it; an id typed in whole is the best hit of all."""
        finder: Finder = self.app  # type: ignore[assignment]
        matcher = self.matcher(query)
        for workset_id in finder.worksets_like(query, FOUND_AT_MOST):
            text = f"go to {visible(workset_id)}"
            score = 2.0 if workset_id == query else 0.9
            yield Hit(score, matcher.highlight(text), partial(finder.go_to, workset_id), help="the workset")


def palette() -> CommandPalette:
    """The screen."""
    return CommandPalette(providers=[Verbs, Worksets], placeholder="a verb, a view, or a workset's id")

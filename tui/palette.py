"""The palette: every row of the action table by name, and every workset by its id."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Protocol

from rich.text import Text
from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider

from tui import themes
from wsmon.domain.visible import visible

if TYPE_CHECKING:
    from tui.actions import Action
    from tui.kept import Kept

FOUND_AT_MOST = 20


class Finder(Protocol):
    """An app that knows worksets."""

    def worksets_like(self, text: str, limit: int) -> list[str]:
        """Ids that hold the text."""

    def go_to(self, workset_id: str) -> None:
        """Put the cursor on a workset."""

    def take_filter(self, text: str) -> None:
        """Narrow the queue."""

    def use_theme(self, name: str, *, keep: bool = False) -> None:
        """Change the colours."""

    def do(self, name: str) -> None:
        """Carry an action out."""

    @property
    def actions(self) -> tuple[Action, ...]:
        """The table of keys."""

    @property
    def kept(self) -> Kept:
        """What was saved."""


class Verbs(Provider):
    """What the keys do, saved filters and colours."""

    def _all(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """Name, what it does, and it."""
        finder: Finder = self.app  # type: ignore[assignment]
        for action in finder.actions:
            if action.name != "palette":
                yield f"{action.label}  ({action.shown})", action.help, partial(finder.do, action.name)
        for name, text in sorted(finder.kept.filters().items()):
            yield f"filter {visible(name)}", visible(text), partial(finder.take_filter, text)
        for name, text in themes.NAMES.items():
            yield f"theme {name}", text, partial(finder.use_theme, name, keep=True)

    async def discover(self) -> Hits:
        """Everything, before anything is typed."""
        for name, text, run in self._all():
            yield DiscoveryHit(Text(name), run, help=text)

    async def search(self, query: str) -> Hits:
        """By name or by what it does."""
        matcher = self.matcher(query)
        for name, text, run in self._all():
            told = f"{name}: {text}"
            score = matcher.match(told)
            if score > 0:
                yield Hit(score, matcher.highlight(told), run)


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

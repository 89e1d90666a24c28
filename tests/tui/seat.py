"""Somebody in front of a running screen, and the checks of what each row of the action table does there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Button, Input

from tests.tui.stage import Stage, screen_text, settled
from tui.app import WsmonApp
from tui.keyed import KeyedList
from tui.screens.confirm import Confirm
from wsmon.domain.states import WorksetState


@dataclass
class Seat:
    """Somebody in front of a running screen."""

    pilot: Pilot[Any]
    stage: Stage

    @property
    def app(self) -> WsmonApp:
        assert isinstance(self.pilot.app, WsmonApp)
        return self.pilot.app

    @property
    def table(self) -> KeyedList[Any]:
        """The table with the cursor."""
        return self.app.view.active.table

    @property
    def said(self) -> str:
        """What the flash line says."""
        flash = self.app.view.flash
        return flash.text if flash.display else ""

    def a(self, state: WorksetState) -> str:
        """Some workset in a state."""
        return next(name for name, row in self.app.view.rows.items() if row.state is state)

    async def go(self, workset_id: str) -> None:
        """Put the queue's cursor there."""
        self.app.go_to(workset_id)
        await self.pilot.pause()

    async def panel(self, number: int) -> None:
        """Go to a panel."""
        self.app.view.panel(number)
        await self.pilot.pause()

    async def wait(self, until: Callable[[], bool]) -> None:
        """Until it is so."""
        await settled(self.pilot, until)

    async def asked(self, key: str) -> Confirm:
        """Press a key and wait for its question, whose focus is on the button that leaves."""
        await self.pilot.press(key)

        def there() -> bool:
            focused = self.app.screen.focused
            return isinstance(self.app.screen, Confirm) and focused is not None and focused.id == "leave"

        await self.wait(there)
        assert isinstance(self.app.screen, Confirm)
        return self.app.screen

    async def agree(self, question: Confirm, reason: str, choice: int = 0) -> None:
        """Answer a question."""
        question.query_one("#confirm-reason", Input).value = reason
        question.query_one(f"#choice-{choice}", Button).press()
        await self.wait(lambda: self.app.screen is not question)

    async def opens(self, key: str, kind: type[Screen[Any]], *parts: str) -> None:
        """The key opens a screen that shows all of it, and escape closes it."""
        await self.pilot.press(key)
        await self.wait(lambda: isinstance(self.app.screen, kind) and all(p in screen_text(self.app) for p in parts))
        await self.pilot.press("escape")
        assert self.app.screen is self.app.view

    async def home(self) -> None:
        """As it was opened: the queue, its first row, no mark, no filter, now."""
        app = self.app
        while len(app.screen_stack) > 1:
            app.pop_screen()
        if app.status.past:
            app.back()
        app.say("")
        if app.focused is not app.view.queue.table:
            app.view.panel(1)
        app.view.unfilter()
        for panel in app.view.panels:
            if panel.table.marked:
                panel.table.unmark()
            if panel.table.cursor:
                panel.table.edge(0)
        if self.stage.gate is not None and self.stage.writable and not self.stage.gate.armed(self.stage.clock):
            self.stage.commands.arm()
        await self.pilot.pause()


Check = Callable[[Seat, str], Awaitable[None]]
CHECKS: dict[str, Check] = {}
"""By the row's name; each is tried with every key of its row."""


def row(name: str) -> Callable[[Check], Check]:
    """The check of a row."""

    def keep(check: Check) -> Check:
        CHECKS[name] = check
        return check

    return keep

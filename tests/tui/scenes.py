"""The screens that are kept as pictures: each a stage and the way there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from textual.events import Paste
from textual.pilot import Pilot

from tests.tui.stage import Stage, aside_stands, screen_text, settled
from tui.app import WsmonApp
from tui.screens.confirm import Confirm

Way = Callable[[Pilot[Any], Stage], Awaitable[None]]
SMALL, MIDDLE, LARGE = (80, 24), (120, 40), (200, 60)


@dataclass(frozen=True)
class Scene:
    """A filled store and what is done until the picture."""

    fill: Callable[[Stage], object]
    way: Way
    sizes: tuple[tuple[int, int], ...] = (SMALL, MIDDLE)


def app_of(pilot: Pilot[Any]) -> WsmonApp:
    """The app behind a pilot."""
    assert isinstance(pilot.app, WsmonApp)
    return pilot.app


def keys(*pressed: str) -> Way:
    """Press keys, one by one."""

    async def way(pilot: Pilot[Any], _: Stage) -> None:
        await settled(pilot)
        for key in pressed:
            await pilot.press(key)
            await pilot.pause()
        await settled(pilot)
        if pilot.app.size.width >= LARGE[0] and len(pilot.app.screen_stack) == 1:
            await settled(pilot, lambda: aside_stands(app_of(pilot)))

    return way


def asking(key: str, *before: str) -> Way:
    """Press keys until a question stands there."""

    async def way(pilot: Pilot[Any], stage: Stage) -> None:
        await keys(*before, key)(pilot, stage)
        await settled(pilot, lambda: isinstance(pilot.app.screen, Confirm) and pilot.app.screen.focused is not None)

    return way


async def wrong(pilot: Pilot[Any], stage: Stage) -> None:
    """A filter whose end cannot be read: what stands before it is in force."""
    await keys("slash")(pilot, stage)
    assert pilot.app.focused is not None
    # At once: typed one by one, the rows that stand meanwhile would say where the cursor ends up.
    pilot.app.focused.post_message(Paste("error prio:x"))
    await settled(pilot, lambda: all(part in screen_text(pilot.app) for part in ("/error ", "none of urgent")))


async def refused(pilot: Pilot[Any], stage: Stage) -> None:
    """A change that is not possible from here."""
    await keys("1", "R")(pilot, stage)
    app: Any = pilot.app
    await settled(pilot, lambda: app.view.flash.display)


async def cut_off(pilot: Pilot[Any], stage: Stage) -> None:
    """The store goes away after it was seen, and what is beside the panels read."""
    app: Any = pilot.app
    await settled(pilot, lambda: not app.query("#aside-text.-old"))
    stage.store.cut = True
    stage.pass_seconds(75)
    await settled(pilot, lambda: bool(app.status.trouble))
    app.tick()


async def in_the_past(pilot: Pilot[Any], stage: Stage) -> None:
    """A few events back."""
    await keys("left_square_bracket")(pilot, stage)
    app = app_of(pilot)
    await settled(pilot, lambda: bool(app.status.past))
    await keys("left_square_bracket", "left_square_bracket")(pilot, stage)


async def read(pilot: Pilot[Any], stage: Stage) -> None:
    """A view that reads the events."""
    await keys("7")(pilot, stage)
    await settled(pilot, lambda: "esc back" in str(pilot.app.screen.query_one("#board").border_subtitle))


def only_looked_at(stage: Stage) -> None:
    """A session that may not write, and a shared store's that is not armed yet looks alike but for a word."""
    stage.busy()
    stage.writable = False


SCENES = {
    "queue": Scene(Stage.busy, keys("1", "j", "j"), (SMALL, MIDDLE, LARGE)),
    "locks": Scene(Stage.busy, keys("2"), (SMALL,)),
    "clusters": Scene(Stage.busy, keys("3"), (SMALL,)),
    "alerts": Scene(Stage.busy, keys("4"), (SMALL,)),
    "requeue": Scene(Stage.busy, asking("R", "4", "j")),
    "unlock": Scene(Stage.busy, asking("U", "2")),
    "several": Scene(Stage.busy, asking("R", "G", "space", "ctrl+u", "V")),
    "detail": Scene(Stage.busy, keys("1", "j", "enter")),
    "help": Scene(Stage.busy, keys("question_mark"), (SMALL, LARGE)),
    "filter": Scene(Stage.busy, keys("slash", *"HG2", "enter")),
    "wrong": Scene(Stage.busy, wrong, (SMALL,)),
    "refused": Scene(Stage.busy, refused, (SMALL,)),
    "looked": Scene(only_looked_at, keys("1"), (SMALL, MIDDLE)),
    "past": Scene(Stage.busy, in_the_past, (SMALL, MIDDLE)),
    "throughput": Scene(Stage.busy, read, (MIDDLE,)),
    "empty": Scene(lambda _: None, keys()),
    "unreachable": Scene(Stage.busy, cut_off, (SMALL, MIDDLE, LARGE)),
    "hostile": Scene(Stage.hostile, keys("1", "G"), (SMALL, MIDDLE, LARGE)),
}

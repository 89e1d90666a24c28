"""The screens that are kept as pictures: each a stage and the way there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from textual.pilot import Pilot

from tests.tui.stage import Stage, settled
from tui.screens.confirm import Confirm

Way = Callable[[Pilot[Any], Stage], Awaitable[None]]
SMALL, MIDDLE, LARGE = (80, 24), (120, 40), (200, 60)


@dataclass(frozen=True)
class Scene:
    """A filled store and what is done until the picture."""

    fill: Callable[[Stage], object]
    way: Way
    sizes: tuple[tuple[int, int], ...] = (SMALL, MIDDLE)


def keys(*pressed: str) -> Way:
    """Press keys, one by one."""

    async def way(pilot: Pilot[Any], _: Stage) -> None:
        await settled(pilot)
        for key in pressed:
            await pilot.press(key)
            await pilot.pause()
        await settled(pilot)

    return way


def asking(key: str, *before: str) -> Way:
    """Press keys until a question stands there."""

    async def way(pilot: Pilot[Any], stage: Stage) -> None:
        await keys(*before, key)(pilot, stage)
        await settled(pilot, lambda: isinstance(pilot.app.screen, Confirm) and pilot.app.screen.focused is not None)

    return way


async def refused(pilot: Pilot[Any], stage: Stage) -> None:
    """A change that is not possible from here."""
    await keys("1", "R")(pilot, stage)
    app: Any = pilot.app
    await settled(pilot, lambda: app.view.flash.display)


async def cut_off(pilot: Pilot[Any], stage: Stage) -> None:
    """The store goes away after it was seen."""
    await settled(pilot)
    stage.store.cut = True
    stage.pass_seconds(75)
    app: Any = pilot.app
    await settled(pilot, lambda: bool(app.status.trouble))
    app.tick()


SCENES = {
    "queue": Scene(Stage.busy, keys("1", "j", "j"), (SMALL, MIDDLE, LARGE)),
    "locks": Scene(Stage.busy, keys("2")),
    "clusters": Scene(Stage.busy, keys("3")),
    "alerts": Scene(Stage.busy, keys("4")),
    "requeue": Scene(Stage.busy, asking("R", "4", "j")),
    "unlock": Scene(Stage.busy, asking("U", "2")),
    "detail": Scene(Stage.busy, keys("1", "j", "enter")),
    "help": Scene(Stage.busy, keys("question_mark")),
    "filter": Scene(Stage.busy, keys("slash", *"HG2", "enter")),
    "refused": Scene(Stage.busy, refused),
    "empty": Scene(lambda _: None, keys()),
    "unreachable": Scene(Stage.busy, cut_off),
    "hostile": Scene(Stage.hostile, keys("1", "G")),
}

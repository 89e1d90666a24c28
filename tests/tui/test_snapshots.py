"""The screens look as they did when somebody looked at them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.tui.scenes import SCENES
from tests.tui.stage import Stage

ALL = os.environ.get("WSMON_SCENES") == "all"
"""Else each scene in its first size only, and the queue in all three; `make ci` looks at all of them."""


@pytest.mark.parametrize(
    ("name", "size"),
    [
        pytest.param(name, size, id=f"{name}-{size[0]}x{size[1]}")
        for name, scene in SCENES.items()
        for size in (scene.sizes if ALL or name == "queue" else scene.sizes[:1])
    ],
)
def test_scene(snap_compare: Callable[..., bool], stage: Stage, name: str, size: tuple[int, int]) -> None:
    scene = SCENES[name]
    scene.fill(stage)

    async def way(pilot: Pilot[Any]) -> None:
        await scene.way(pilot, stage)

    assert snap_compare(stage.app(), terminal_size=size, run_before=way)
